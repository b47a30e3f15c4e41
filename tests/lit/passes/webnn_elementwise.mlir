// RUN: webnn-opt --webnn-sums --webnn-elementwise --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-sums --webnn-elementwise %s | filecheck --check-prefix=GENERIC %s

// CHECK: stream.executable private @elementwise_1x40
// GENERIC-NOT: stream.executable

// CHECK-LABEL: func.func @behind_a_kernel
func.func @behind_a_kernel(%x: tensor<1x20x20x40xf32>) -> tensor<1x1x1x40xf32> {
  // CHECK: flow.dispatch @sums_1x400x40
  // CHECK: flow.dispatch @elementwise_1x40_{{.*}} : (tensor<40xf32>, tensor<40xf32>) -> tensor<40xf32>
  // CHECK-NOT: webnn.mul
  %n = "webnn.constant"() {value = dense<0.0025> : tensor<f32>} : () -> tensor<f32>
  %s = "webnn.reduceSum"(%x) {axes = array<i64: 1, 2>, keepDimensions = true} : (tensor<1x20x20x40xf32>) -> tensor<1x1x1x40xf32>
  %m = "webnn.mul"(%s, %n) : (tensor<1x1x1x40xf32>, tensor<f32>) -> tensor<1x1x1x40xf32>
  %y = "webnn.sigmoid"(%m) : (tensor<1x1x1x40xf32>) -> tensor<1x1x1x40xf32>
  return %y : tensor<1x1x1x40xf32>
}

// What IREE computes next it computes in one loop.
// CHECK-LABEL: func.func @before_others
// CHECK: webnn.abs
func.func @before_others(%x: tensor<2x20x20x40xf32>) -> tensor<2x1x1x40xf32> {
  %s = "webnn.reduceSum"(%x) {axes = array<i64: 1, 2>, keepDimensions = true} : (tensor<2x20x20x40xf32>) -> tensor<2x1x1x40xf32>
  %a = "webnn.abs"(%s) : (tensor<2x1x1x40xf32>) -> tensor<2x1x1x40xf32>
  %y = "webnn.cos"(%a) : (tensor<2x1x1x40xf32>) -> tensor<2x1x1x40xf32>
  return %y : tensor<2x1x1x40xf32>
}

// Without kernels around them they are left to IREE.
// CHECK-LABEL: func.func @alone
// CHECK: webnn.abs
func.func @alone(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %y = "webnn.abs"(%x) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  return %y : tensor<64x64xf32>
}
