// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// The value is cast to the data type: 300 is out of the range of uint8.
// CHECK-LABEL: func.func @constant
// CHECK: %[[VALUE:.+]] = stablehlo.constant dense<255> : tensor<ui8>
// CHECK: stablehlo.pad %arg0, %[[VALUE]], low = [1, 0], high = [0, 2], interior = [0, 0]
func.func @constant(%x: tensor<2x3xui8>) -> tensor<3x5xui8> {
  %0 = "webnn.pad"(%x) {beginningPadding = array<i64: 1, 0>, endingPadding = array<i64: 0, 2>, value = 300 : i64} : (tensor<2x3xui8>) -> tensor<3x5xui8>
  return %0 : tensor<3x5xui8>
}

// CHECK-LABEL: func.func @edge
// CHECK: %[[FIRST:.+]] = stablehlo.slice %arg0 [0:1]
// CHECK: %[[LEFT:.+]] = stablehlo.broadcast_in_dim %[[FIRST]], dims = [0] : (tensor<1xf32>) -> tensor<2xf32>
// CHECK: %[[LAST:.+]] = stablehlo.slice %arg0 [2:3]
// CHECK: stablehlo.concatenate %[[LEFT]], %arg0, %[[LAST]], dim = 0
func.func @edge(%x: tensor<3xf32>) -> tensor<6xf32> {
  %0 = "webnn.pad"(%x) {beginningPadding = array<i64: 2>, endingPadding = array<i64: 1>, mode = "edge"} : (tensor<3xf32>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}

// The edges themselves are not repeated.
// CHECK-LABEL: func.func @reflection
// CHECK: stablehlo.slice %arg0 [1:3]
// CHECK: %[[LEFT:.+]] = stablehlo.reverse
// CHECK: stablehlo.slice %arg0 [1:2]
// CHECK: %[[RIGHT:.+]] = stablehlo.reverse
// CHECK: stablehlo.concatenate %[[LEFT]], %arg0, %[[RIGHT]], dim = 0
func.func @reflection(%x: tensor<3xf32>) -> tensor<6xf32> {
  %0 = "webnn.pad"(%x) {beginningPadding = array<i64: 2>, endingPadding = array<i64: 1>, mode = "reflection"} : (tensor<3xf32>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}
