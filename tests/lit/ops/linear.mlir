// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @alpha_and_beta
// CHECK: dense<2.000000e+00>
// CHECK: dense<3.000000e+00>
// CHECK: stablehlo.multiply %arg0
// CHECK: stablehlo.add
func.func @alpha_and_beta(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.linear"(%x) {alpha = 2.0 : f64, beta = 3.0 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
