// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @to_scalar
// CHECK: stablehlo.reshape %arg0 : (tensor<1x1xi64>) -> tensor<i64>
func.func @to_scalar(%x: tensor<1x1xi64>) -> tensor<i64> {
  %0 = "webnn.reshape"(%x) {newShape = array<i64>} : (tensor<1x1xi64>) -> tensor<i64>
  return %0 : tensor<i64>
}

// CHECK-LABEL: func.func @dimensions
// CHECK: stablehlo.reshape %arg0 : (tensor<4x6xui8>) -> tensor<3x2x4xui8>
func.func @dimensions(%x: tensor<4x6xui8>) -> tensor<3x2x4xui8> {
  %0 = "webnn.reshape"(%x) {newShape = array<i64: 3, 2, 4>} : (tensor<4x6xui8>) -> tensor<3x2x4xui8>
  return %0 : tensor<3x2x4xui8>
}
