// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @nan_is_zero
// CHECK: stablehlo.compare  LT, %arg0
// CHECK: stablehlo.select
// CHECK: stablehlo.compare  GT, %arg0
// CHECK: stablehlo.select
func.func @nan_is_zero(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.sign"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
