// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @plain
// CHECK: [[MEAN:%.*]] = stablehlo.reshape %arg1 : (tensor<3xf32>) -> tensor<1x3x1xf32>
// CHECK: stablehlo.reshape %arg2 : (tensor<3xf32>) -> tensor<1x3x1xf32>
// CHECK: stablehlo.constant dense<9.99999974E-6>
// CHECK: stablehlo.sqrt
// CHECK: stablehlo.broadcast_in_dim [[MEAN]]
// CHECK: stablehlo.subtract %arg0
// CHECK: stablehlo.divide
func.func @plain(%x: tensor<2x3x4xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) -> tensor<2x3x4xf32> {
  %0 = "webnn.batchNormalization"(%x, %m, %v) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>} : (tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}
