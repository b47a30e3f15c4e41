// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @all_axes
// CHECK: applies stablehlo.maximum across dimensions = [0, 1]
// CHECK: stablehlo.subtract %arg0
// CHECK: stablehlo.exponential
// CHECK: applies stablehlo.add across dimensions = [0, 1]
// CHECK: stablehlo.log
// CHECK: stablehlo.add
func.func @all_axes(%x: tensor<2x3xf32>) -> tensor<f32> {
  %0 = "webnn.reduceLogSumExp"(%x) : (tensor<2x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @kept
// CHECK: applies stablehlo.maximum across dimensions = [1]
// CHECK: stablehlo.subtract %arg0
// CHECK: stablehlo.exponential
// CHECK: applies stablehlo.add across dimensions = [1]
// CHECK: stablehlo.log
// CHECK: stablehlo.add
// CHECK: return {{.*}} : tensor<2x1xf32>
func.func @kept(%x: tensor<2x3xf32>) -> tensor<2x1xf32> {
  %0 = "webnn.reduceLogSumExp"(%x) {axes = array<i64: 1>, keepDimensions = true} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}
