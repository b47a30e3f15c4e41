// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @all_axes
// CHECK: dense<0xFF800000>
// CHECK: applies stablehlo.maximum across dimensions = [0, 1]
func.func @all_axes(%x: tensor<2x3xf32>) -> tensor<f32> {
  %0 = "webnn.reduceMax"(%x) : (tensor<2x3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @kept
// CHECK: dense<0xFF800000>
// CHECK: applies stablehlo.maximum across dimensions = [1]
// CHECK: -> tensor<2x1xf32>
func.func @kept(%x: tensor<2x3xf32>) -> tensor<2x1xf32> {
  %0 = "webnn.reduceMax"(%x) {axes = array<i64: 1>, keepDimensions = true} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// CHECK-LABEL: func.func @int8
// CHECK: dense<-128>
func.func @int8(%x: tensor<2x3xi8>) -> tensor<i8> {
  %0 = "webnn.reduceMax"(%x) : (tensor<2x3xi8>) -> tensor<i8>
  return %0 : tensor<i8>
}
