// RUN: webnn-opt --webnn-rows --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-rows %s | filecheck --check-prefix=GENERIC %s

// CHECK-COUNT-1: stream.executable private @softmax_24x100
// CHECK-NOT: stream.executable private @softmax
// GENERIC-NOT: stream.executable

// CHECK-LABEL: func.func @softmax
func.func @softmax(%x: tensor<4x6x100xf32>) -> tensor<4x6x100xf32> {
  // CHECK-COUNT-2: flow.dispatch @softmax_24x100::@softmax_24x100({{.*}}) : (tensor<2400xf32>) -> tensor<2400xf32>
  %y = "webnn.softmax"(%x) {axis = 2 : i64} : (tensor<4x6x100xf32>) -> tensor<4x6x100xf32>
  %z = "webnn.softmax"(%y) {axis = 2 : i64} : (tensor<4x6x100xf32>) -> tensor<4x6x100xf32>
  return %z : tensor<4x6x100xf32>
}

// CHECK-LABEL: func.func @columns
// CHECK: webnn.softmax
func.func @columns(%x: tensor<4x6x100xf32>) -> tensor<4x6x100xf32> {
  %y = "webnn.softmax"(%x) {axis = 1 : i64} : (tensor<4x6x100xf32>) -> tensor<4x6x100xf32>
  return %y : tensor<4x6x100xf32>
}

// CHECK-LABEL: func.func @layer_norm
func.func @layer_norm(%x: tensor<4x6x100xf32>, %bias: tensor<6x100xf32>) -> tensor<4x6x100xf32> {
  // CHECK: flow.dispatch @layer_norm_bias_4x600_{{.*}} : (tensor<2400xf32>, tensor<600xf32>) -> tensor<2400xf32>
  %y = "webnn.layerNormalization"(%x, %bias) {axes = array<i64: 1, 2>, epsilon = 1.0e-5 : f64, operandSegmentSizes = array<i32: 1, 0, 1>} : (tensor<4x6x100xf32>, tensor<6x100xf32>) -> tensor<4x6x100xf32>
  return %y : tensor<4x6x100xf32>
}

// CHECK-LABEL: func.func @gelus
func.func @gelus(%x: tensor<32x512xf32>) -> (tensor<32x512xf32>, tensor<32x512xf32>) {
  // CHECK: flow.dispatch @gelu_32x512
  %0 = "webnn.gelu"(%x) : (tensor<32x512xf32>) -> tensor<32x512xf32>
  // CHECK: webnn.abs
  %1 = "webnn.abs"(%x) : (tensor<32x512xf32>) -> tensor<32x512xf32>
  // CHECK: webnn.gelu
  %2 = "webnn.gelu"(%1) : (tensor<32x512xf32>) -> tensor<32x512xf32>
  return %0, %2 : tensor<32x512xf32>, tensor<32x512xf32>
}
