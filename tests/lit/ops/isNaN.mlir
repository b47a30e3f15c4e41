// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float16
// CHECK: stablehlo.compare  NE, %arg0, %arg0,  FLOAT
// CHECK: stablehlo.convert {{.*}} -> tensor<2x3xui8>
func.func @float16(%x: tensor<2x3xf16>) -> tensor<2x3xui8> {
  %0 = "webnn.isNaN"(%x) : (tensor<2x3xf16>) -> tensor<2x3xui8>
  return %0 : tensor<2x3xui8>
}
