// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// Without a permutation dimensions are reversed.
// CHECK-LABEL: func.func @reversed
// CHECK: stablehlo.transpose %arg0, dims = [2, 1, 0] : (tensor<2x3x4xf32>) -> tensor<4x3x2xf32>
func.func @reversed(%x: tensor<2x3x4xf32>) -> tensor<4x3x2xf32> {
  %0 = "webnn.transpose"(%x) : (tensor<2x3x4xf32>) -> tensor<4x3x2xf32>
  return %0 : tensor<4x3x2xf32>
}

// CHECK-LABEL: func.func @permuted
// CHECK: stablehlo.transpose %arg0, dims = [1, 2, 0] : (tensor<2x3x4xf16>) -> tensor<3x4x2xf16>
func.func @permuted(%x: tensor<2x3x4xf16>) -> tensor<3x4x2xf16> {
  %0 = "webnn.transpose"(%x) {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf16>) -> tensor<3x4x2xf16>
  return %0 : tensor<3x4x2xf16>
}
