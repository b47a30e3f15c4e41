// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @broadcast
// CHECK: stablehlo.broadcast_in_dim %arg0, dims = [0, 1] : (tensor<2x1xf32>)
// CHECK: stablehlo.broadcast_in_dim %arg1, dims = [1] : (tensor<3xf32>)
// CHECK: stablehlo.multiply %0, %1
func.func @broadcast(%x: tensor<2x1xf32>, %y: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.mul"(%x, %y) : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @uint64
// CHECK: stablehlo.multiply %0, %1 : tensor<2x3xui64>
func.func @uint64(%x: tensor<2x1xui64>, %y: tensor<3xui64>) -> tensor<2x3xui64> {
  %0 = "webnn.mul"(%x, %y) : (tensor<2x1xui64>, tensor<3xui64>) -> tensor<2x3xui64>
  return %0 : tensor<2x3xui64>
}
