// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float16
// CHECK: %[[SIZE:.+]] = stablehlo.abs %arg0
// CHECK: stablehlo.compare  EQ, %[[SIZE]]
// CHECK: stablehlo.convert {{.*}} -> tensor<2x3xui8>
func.func @float16(%x: tensor<2x3xf16>) -> tensor<2x3xui8> {
  %0 = "webnn.isInfinite"(%x) : (tensor<2x3xf16>) -> tensor<2x3xui8>
  return %0 : tensor<2x3xui8>
}
