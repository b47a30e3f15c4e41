// RUN: webnn-opt --webnn-concat --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-concat %s | filecheck --check-prefix=GENERIC %s

// CHECK: stream.executable private @concat_196x288
// GENERIC-NOT: stream.executable

// CHECK-LABEL: func.func @channels
func.func @channels(%x: tensor<1x14x14x256xf32>, %s: tensor<1x14x14x32xf32>) -> tensor<1x14x14x288xf32> {
  // CHECK: flow.dispatch @concat_196x288_{{.*}} : (tensor<50176xf32>, tensor<6272xf32>) -> tensor<56448xf32>
  // CHECK-NOT: webnn.max
  %zero = "webnn.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %c = "webnn.concat"(%x, %s) {axis = 3 : i64} : (tensor<1x14x14x256xf32>, tensor<1x14x14x32xf32>) -> tensor<1x14x14x288xf32>
  %y = "webnn.max"(%c, %zero) : (tensor<1x14x14x288xf32>, tensor<f32>) -> tensor<1x14x14x288xf32>
  return %y : tensor<1x14x14x288xf32>
}

// CHECK-LABEL: func.func @of_what_is_computed
// CHECK: webnn.concat
func.func @of_what_is_computed(%x: tensor<64x64xf32>) -> tensor<128x64xf32> {
  %a = "webnn.tanh"(%x) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %b = "webnn.sqrt"(%x) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %y = "webnn.concat"(%a, %b) {axis = 0 : i64} : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<128x64xf32>
  return %y : tensor<128x64xf32>
}
