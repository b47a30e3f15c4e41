// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @both
// CHECK: stablehlo.slice %arg2 [0:1, 0:12, 0:3]
// CHECK: [[FORWARD:%.*]] = stablehlo.dot_general
// CHECK: stablehlo.slice [[FORWARD]] [0:1, 0:12]
// CHECK: stablehlo.slice [[FORWARD]] [1:2, 0:12]
// CHECK: stablehlo.slice %arg2 [1:2, 0:12, 0:3]
// CHECK: [[BACKWARD:%.*]] = stablehlo.dot_general
// CHECK: stablehlo.slice [[BACKWARD]] [1:2, 0:12]
// CHECK: stablehlo.slice [[BACKWARD]] [0:1, 0:12]
// CHECK: stablehlo.concatenate {{.*}}, dim = 0 : {{.*}} -> tensor<2x1x3xf32>
// CHECK: stablehlo.concatenate {{.*}}, dim = 0 : {{.*}} -> tensor<2x1x3xf32>
func.func @both(%x: tensor<2x1x2xf32>, %w: tensor<2x12x2xf32>, %r: tensor<2x12x3xf32>) -> (tensor<2x1x3xf32>, tensor<2x1x3xf32>) {
  %0:2 = "webnn.lstm"(%x, %w, %r) {steps = 2, hiddenSize = 3, direction = "both", operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>} : (tensor<2x1x2xf32>, tensor<2x12x2xf32>, tensor<2x12x3xf32>) -> (tensor<2x1x3xf32>, tensor<2x1x3xf32>)
  return %0#0, %0#1 : tensor<2x1x3xf32>, tensor<2x1x3xf32>
}
