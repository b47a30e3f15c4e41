// RUN: webnn-opt --webnn-gelu %s | filecheck %s

// CHECK-LABEL: func.func @divided
// CHECK-NEXT: webnn.gelu
// CHECK-NEXT: return
func.func @divided(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %root = "webnn.constant"() {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
  %one = "webnn.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %half = "webnn.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %u = "webnn.div"(%x, %root) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %e = "webnn.erf"(%u) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %f = "webnn.add"(%e, %one) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %m = "webnn.mul"(%x, %f) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = "webnn.mul"(%m, %half) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @multiplied
// CHECK-NEXT: webnn.gelu
// CHECK-NEXT: return
func.func @multiplied(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %root = "webnn.constant"() {value = dense<0.707106769> : tensor<1xf32>} : () -> tensor<1xf32>
  %one = "webnn.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %two = "webnn.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %u = "webnn.mul"(%root, %x) : (tensor<1xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = "webnn.erf"(%u) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %f = "webnn.add"(%one, %e) : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %h = "webnn.div"(%x, %two) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %y = "webnn.mul"(%f, %h) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @other_constant
// CHECK-NOT: webnn.gelu
func.func @other_constant(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %root = "webnn.constant"() {value = dense<0.7071> : tensor<f32>} : () -> tensor<f32>
  %one = "webnn.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %half = "webnn.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %u = "webnn.mul"(%root, %x) : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = "webnn.erf"(%u) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %f = "webnn.add"(%one, %e) : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %h = "webnn.mul"(%x, %half) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %y = "webnn.mul"(%f, %h) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @used_elsewhere
// CHECK-NOT: webnn.gelu
func.func @used_elsewhere(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %root = "webnn.constant"() {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
  %one = "webnn.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %half = "webnn.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %u = "webnn.div"(%x, %root) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %e = "webnn.erf"(%u) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %f = "webnn.add"(%e, %one) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %m = "webnn.mul"(%x, %f) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = "webnn.mul"(%m, %half) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %y, %e : tensor<4x8xf32>, tensor<4x8xf32>
}
