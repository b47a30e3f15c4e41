// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @all_axes
// CHECK: stablehlo.reverse %arg0, dims = [0, 1] : tensor<2x3xf32>
func.func @all_axes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.reverse"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// IREE reverses no unsigned tensors: their bits are.
// CHECK-LABEL: func.func @unsigned
// CHECK: %[[BITS:.+]] = stablehlo.bitcast_convert %arg0 : (tensor<2x3xui64>) -> tensor<2x3xi64>
// CHECK: %[[REVERSED:.+]] = stablehlo.reverse %[[BITS]], dims = [1]
// CHECK: stablehlo.bitcast_convert %[[REVERSED]] : (tensor<2x3xi64>) -> tensor<2x3xui64>
func.func @unsigned(%x: tensor<2x3xui64>) -> tensor<2x3xui64> {
  %0 = "webnn.reverse"(%x) {axes = array<i64: 1>} : (tensor<2x3xui64>) -> tensor<2x3xui64>
  return %0 : tensor<2x3xui64>
}

// CHECK-LABEL: func.func @no_axes
// CHECK-NEXT: return %arg0
func.func @no_axes(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.reverse"(%x) {axes = array<i64>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// IREE compiles a reverse of a strided slice only in a loop of its own.
// CHECK-LABEL: func.func @of_strided_slice
// CHECK: %[[S:.+]] = stablehlo.slice %arg0 [1:8:2]
// CHECK: %[[B:.+]] = stablehlo.optimization_barrier %[[S]]
// CHECK: stablehlo.reverse %[[B]], dims = [0]
func.func @of_strided_slice(%x: tensor<9xf32>) -> tensor<4xf32> {
  %0 = "webnn.slice"(%x) {starts = array<i64: 1>, sizes = array<i64: 7>, strides = array<i64: 2>} : (tensor<9xf32>) -> tensor<4xf32>
  %1 = "webnn.reverse"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
