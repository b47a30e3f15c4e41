// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @alpha
// CHECK: stablehlo.maximum %arg0
// CHECK: stablehlo.minimum %arg0
// CHECK: stablehlo.exponential_minus_one
// CHECK: dense<2.000000e+00>
// CHECK: stablehlo.add
func.func @alpha(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.elu"(%x) {alpha = 2.0 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
