// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @backward
// CHECK: [[ALL:%.*]] = stablehlo.dot_general {{.*}} -> tensor<2x9xf32>
// CHECK: stablehlo.slice [[ALL]] [1:2, 0:9]
// CHECK: [[SECOND:%.*]] = stablehlo.reshape {{.*}} -> tensor<1x1x1x3xf32>
// CHECK: stablehlo.slice [[ALL]] [0:1, 0:9]
// CHECK: [[FIRST:%.*]] = stablehlo.reshape {{.*}} -> tensor<1x1x1x3xf32>
// CHECK: [[STATE:%.*]] = stablehlo.reshape {{.*}} -> tensor<1x1x3xf32>
// CHECK: [[SEQUENCE:%.*]] = stablehlo.concatenate [[FIRST]], [[SECOND]], dim = 0
// CHECK: return [[STATE]], [[SEQUENCE]]
func.func @backward(%x: tensor<2x1x2xf32>, %w: tensor<1x9x2xf32>, %r: tensor<1x9x3xf32>) -> (tensor<1x1x3xf32>, tensor<2x1x1x3xf32>) {
  %0:2 = "webnn.gru"(%x, %w, %r) {steps = 2, hiddenSize = 3, direction = "backward", returnSequence = true, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>} : (tensor<2x1x2xf32>, tensor<1x9x2xf32>, tensor<1x9x3xf32>) -> (tensor<1x1x3xf32>, tensor<2x1x1x3xf32>)
  return %0#0, %0#1 : tensor<1x1x3xf32>, tensor<2x1x1x3xf32>
}
