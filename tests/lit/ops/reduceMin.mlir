// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @all_axes
// CHECK: dense<0x7F800000>
// CHECK: applies stablehlo.minimum across dimensions = [0, 1]
func.func @all_axes(%x: tensor<2x3xf32>) -> tensor<f32> {
  %0 = "webnn.reduceMin"(%x) : (tensor<2x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @kept
// CHECK: dense<0x7F800000>
// CHECK: applies stablehlo.minimum across dimensions = [1]
// CHECK: -> tensor<2x1xf32>
func.func @kept(%x: tensor<2x3xf32>) -> tensor<2x1xf32> {
  %0 = "webnn.reduceMin"(%x) {axes = array<i64: 1>, keepDimensions = true} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// CHECK-LABEL: func.func @uint64
// CHECK: dense<18446744073709551615>
func.func @uint64(%x: tensor<2x3xui64>) -> tensor<ui64> {
  %0 = "webnn.reduceMin"(%x) : (tensor<2x3xui64>) -> tensor<ui64>
  return %0 : tensor<ui64>
}
