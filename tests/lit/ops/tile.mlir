// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @matrix
// CHECK: stablehlo.broadcast_in_dim %arg0, dims = [1, 3] : (tensor<2x3xf32>) -> tensor<2x2x4x3xf32>
// CHECK: stablehlo.reshape {{.*}} -> tensor<4x12xf32>
func.func @matrix(%x: tensor<2x3xf32>) -> tensor<4x12xf32> {
  %0 = "webnn.tile"(%x) {repetitions = array<i64: 2, 4>} : (tensor<2x3xf32>) -> tensor<4x12xf32>
  return %0 : tensor<4x12xf32>
}
