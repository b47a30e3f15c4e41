// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float32
// CHECK: stablehlo.abs %arg0
// CHECK: stablehlo.add
// CHECK: stablehlo.divide %arg0
func.func @float32(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.softsign"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
