// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @alpha
// CHECK: dense<5.000000e-01>
// CHECK: stablehlo.maximum
// CHECK: stablehlo.minimum
// CHECK: stablehlo.multiply
// CHECK: stablehlo.add
func.func @alpha(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.leakyRelu"(%x) {alpha = 0.5 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
