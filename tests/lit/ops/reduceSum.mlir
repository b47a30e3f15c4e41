// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @all_axes
// CHECK: applies stablehlo.add across dimensions = [0, 1]
func.func @all_axes(%x: tensor<2x3xf32>) -> tensor<f32> {
  %0 = "webnn.reduceSum"(%x) : (tensor<2x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @kept
// CHECK: applies stablehlo.add across dimensions = [1]
// CHECK: -> tensor<2x1xf32>
func.func @kept(%x: tensor<2x3xf32>) -> tensor<2x1xf32> {
  %0 = "webnn.reduceSum"(%x) {axes = array<i64: 1>, keepDimensions = true} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// CHECK-LABEL: func.func @float16_in_float32
// CHECK: stablehlo.convert %arg0
// CHECK: (tensor<2x3xf32>, tensor<f32>) -> tensor<f32>
// CHECK: -> tensor<f16>
func.func @float16_in_float32(%x: tensor<2x3xf16>) -> tensor<f16> {
  %0 = "webnn.reduceSum"(%x) : (tensor<2x3xf16>) -> tensor<f16>
  return %0 : tensor<f16>
}

// CHECK-LABEL: func.func @no_axes
// CHECK: return %arg0
func.func @no_axes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.reduceSum"(%x) {axes = array<i64>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
