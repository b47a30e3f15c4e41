// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @not_zero_is_true
// CHECK: stablehlo.compare  NE, %arg0
// CHECK: stablehlo.compare  NE, %arg1
// CHECK: stablehlo.or {{.*}} : tensor<2x3xi1>
// CHECK: stablehlo.convert {{.*}} -> tensor<2x3xui8>
func.func @not_zero_is_true(%x: tensor<2x1xui8>, %y: tensor<3xui8>) -> tensor<2x3xui8> {
  %0 = "webnn.logicalOr"(%x, %y) : (tensor<2x1xui8>, tensor<3xui8>) -> tensor<2x3xui8>
  return %0 : tensor<2x3xui8>
}
