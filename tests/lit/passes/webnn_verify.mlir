// RUN: webnn-opt --webnn-verify --verify-diagnostics --split-input-file %s

// Every error of a module is reported, not only the first.
func.func @all_errors(%a: tensor<2x3xi32>, %b: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @+1 {{'webnn.exp' (label "hi"): input has data type int32; it must be one of float32, float16}}
  %0 = "webnn.exp"(%a) {label = "hi"} : (tensor<2x3xi32>) -> tensor<2x3xi32>
  // expected-error @+1 {{'webnn.exp': results have type tensor<3x2xf32>; the operator gives tensor<2x3xf32>}}
  %1 = "webnn.exp"(%b) : (tensor<2x3xf32>) -> tensor<3x2xf32>
  // expected-error @+1 {{'webnn.exp': unknown attribute 'alpha'}}
  %2 = "webnn.exp"(%b) {alpha = 1.0 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

func.func @unknown(%a: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'webnn.frobnicate': is not an op of the webnn dialect}}
  %0 = "webnn.frobnicate"(%a) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @constant() -> tensor<2xf32> {
  // expected-error @+1 {{'webnn.constant': needs either 'value' or 'key'}}
  %0 = "webnn.constant"() : () -> tensor<2xf32>
  // expected-error @+1 {{'webnn.constant': value has type tensor<2xi32>, the result tensor<2xf32>}}
  %1 = "webnn.constant"() {value = dense<1> : tensor<2xi32>} : () -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @dynamic(%a: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error @+1 {{'webnn.abs'}}
  %0 = "webnn.abs"(%a) : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
