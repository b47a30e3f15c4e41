// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @dimensions
// CHECK: stablehlo.broadcast_in_dim %arg0, dims = [1, 2] : (tensor<1x3xf16>) -> tensor<2x4x3xf16>
func.func @dimensions(%x: tensor<1x3xf16>) -> tensor<2x4x3xf16> {
  %0 = "webnn.expand"(%x) {newShape = array<i64: 2, 4, 3>} : (tensor<1x3xf16>) -> tensor<2x4x3xf16>
  return %0 : tensor<2x4x3xf16>
}

// int4 stays packed at the boundary and is a byte an element between.
// CHECK-LABEL: func.func @scalar
// CHECK-SAME: tensor<1xui8>) -> tensor<2xui8>
// CHECK: stablehlo.broadcast_in_dim {{.*}}, dims = [] : (tensor<i8>) -> tensor<3xi8>
func.func @scalar(%x: tensor<i4>) -> tensor<3xi4> {
  %0 = "webnn.expand"(%x) {newShape = array<i64: 3>} : (tensor<i4>) -> tensor<3xi4>
  return %0 : tensor<3xi4>
}
