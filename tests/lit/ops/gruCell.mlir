// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @plain
// CHECK: [[R:%.*]] = stablehlo.transpose %arg2, dims = [1, 0]
// CHECK: [[W:%.*]] = stablehlo.transpose %arg1, dims = [1, 0]
// CHECK: stablehlo.dot_general %arg0, [[W]]
// CHECK: stablehlo.slice [[R]] [0:3, 6:9]
// CHECK: [[Z:%.*]] = stablehlo.logistic
// CHECK: [[RESET:%.*]] = stablehlo.logistic
// CHECK: stablehlo.multiply [[RESET]]
// CHECK: [[NEW:%.*]] = stablehlo.tanh
// CHECK: stablehlo.multiply [[Z]], %arg3
// CHECK: stablehlo.subtract {{.*}}, [[Z]]
// CHECK: stablehlo.multiply {{.*}}, [[NEW]]
// CHECK: stablehlo.add
func.func @plain(%x: tensor<1x2xf32>, %w: tensor<9x2xf32>, %r: tensor<9x3xf32>, %h: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %0 = "webnn.gruCell"(%x, %w, %r, %h) {hiddenSize = 3, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0>} : (tensor<1x2xf32>, tensor<9x2xf32>, tensor<9x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}
