// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @all_axes
// CHECK: stablehlo.abs %arg0
// CHECK: applies stablehlo.add across dimensions = [0, 1]
func.func @all_axes(%x: tensor<2x3xf32>) -> tensor<f32> {
  %0 = "webnn.reduceL1"(%x) : (tensor<2x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @kept
// CHECK: stablehlo.abs %arg0
// CHECK: applies stablehlo.add across dimensions = [1]
// CHECK: -> tensor<2x1xf32>
func.func @kept(%x: tensor<2x3xf32>) -> tensor<2x1xf32> {
  %0 = "webnn.reduceL1"(%x) {axes = array<i64: 1>, keepDimensions = true} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// CHECK-LABEL: func.func @unsigned
// CHECK-NOT: stablehlo.abs
// CHECK: stablehlo.reduce(%arg0
func.func @unsigned(%x: tensor<2x3xui32>) -> tensor<ui32> {
  %0 = "webnn.reduceL1"(%x) : (tensor<2x3xui32>) -> tensor<ui32>
  return %0 : tensor<ui32>
}
