// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @in_equal_parts
// CHECK: stablehlo.slice %arg0 [0:2, 0:3]
// CHECK: stablehlo.slice %arg0 [2:4, 0:3]
func.func @in_equal_parts(%x: tensor<4x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0:2 = "webnn.split"(%x) {splits = 2 : i64} : (tensor<4x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>)
  return %0#0, %0#1 : tensor<2x3xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @in_parts
// CHECK: stablehlo.slice %arg0 [0:4, 0:1]
// CHECK: stablehlo.slice %arg0 [0:4, 1:3]
func.func @in_parts(%x: tensor<4x3xui32>) -> (tensor<4x1xui32>, tensor<4x2xui32>) {
  %0:2 = "webnn.split"(%x) {splits = array<i64: 1, 2>, axis = 1 : i64} : (tensor<4x3xui32>) -> (tensor<4x1xui32>, tensor<4x2xui32>)
  return %0#0, %0#1 : tensor<4x1xui32>, tensor<4x2xui32>
}
