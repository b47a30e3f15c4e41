// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @nhwc
// CHECK: applies stablehlo.add across dimensions = [1, 2]
// CHECK: [[DIFFERENCE:%.*]] = stablehlo.subtract %arg0
// CHECK: stablehlo.multiply [[DIFFERENCE]], [[DIFFERENCE]]
// CHECK: applies stablehlo.add across dimensions = [1, 2]
// CHECK: stablehlo.sqrt
// CHECK: stablehlo.divide
// CHECK: stablehlo.reshape %arg1 : (tensor<3xf32>) -> tensor<1x1x1x3xf32>
// CHECK: stablehlo.multiply
func.func @nhwc(%x: tensor<2x4x5x3xf32>, %s: tensor<3xf32>) -> tensor<2x4x5x3xf32> {
  %0 = "webnn.instanceNormalization"(%x, %s) {layout = "nhwc", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<2x4x5x3xf32>, tensor<3xf32>) -> tensor<2x4x5x3xf32>
  return %0 : tensor<2x4x5x3xf32>
}
