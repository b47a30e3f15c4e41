// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @three
// CHECK: stablehlo.concatenate %arg0, %arg1, %arg0, dim = 1 : (tensor<2x3xui32>, tensor<2x1xui32>, tensor<2x3xui32>) -> tensor<2x7xui32>
func.func @three(%x: tensor<2x3xui32>, %y: tensor<2x1xui32>) -> tensor<2x7xui32> {
  %0 = "webnn.concat"(%x, %y, %x) {axis = 1 : i64} : (tensor<2x3xui32>, tensor<2x1xui32>, tensor<2x3xui32>) -> tensor<2x7xui32>
  return %0 : tensor<2x7xui32>
}

// CHECK-LABEL: func.func @one
// CHECK-NEXT: return %arg0
func.func @one(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.concat"(%x) {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
