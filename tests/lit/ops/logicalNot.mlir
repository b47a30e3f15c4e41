// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @zero_is_false
// CHECK: stablehlo.compare  EQ, %arg0
// CHECK: stablehlo.convert {{.*}} -> tensor<2x3xui8>
func.func @zero_is_false(%x: tensor<2x3xui8>) -> tensor<2x3xui8> {
  %0 = "webnn.logicalNot"(%x) : (tensor<2x3xui8>) -> tensor<2x3xui8>
  return %0 : tensor<2x3xui8>
}
