// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float32
// CHECK: stablehlo.broadcast_in_dim %arg0, dims = [0, 1] : (tensor<2x1xf32>)
// CHECK: stablehlo.broadcast_in_dim %arg1, dims = [1] : (tensor<3xf32>)
// CHECK: %[[TRUTH:.+]] = stablehlo.compare  LT, %0, %1,  FLOAT
// CHECK: stablehlo.convert %[[TRUTH]] : (tensor<2x3xi1>) -> tensor<2x3xui8>
func.func @float32(%x: tensor<2x1xf32>, %y: tensor<3xf32>) -> tensor<2x3xui8> {
  %0 = "webnn.lesser"(%x, %y) : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xui8>
  return %0 : tensor<2x3xui8>
}

// CHECK-LABEL: func.func @uint32
// CHECK: stablehlo.compare  LT, %0, %1,  UNSIGNED
func.func @uint32(%x: tensor<2x1xui32>, %y: tensor<3xui32>) -> tensor<2x3xui8> {
  %0 = "webnn.lesser"(%x, %y) : (tensor<2x1xui32>, tensor<3xui32>) -> tensor<2x3xui8>
  return %0 : tensor<2x3xui8>
}
