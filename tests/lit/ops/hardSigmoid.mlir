// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @defaults
// CHECK: dense<2.000000e-01>
// CHECK: dense<5.000000e-01>
// CHECK: stablehlo.multiply %arg0
// CHECK: stablehlo.add
// CHECK: stablehlo.maximum
// CHECK: stablehlo.minimum
func.func @defaults(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.hardSigmoid"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @options_are_cast
// CHECK: stablehlo.convert %arg0 : (tensor<2x3xf16>) -> tensor<2x3xf32>
// CHECK: dense<0.199951172>
// CHECK: (tensor<2x3xf32>) -> tensor<2x3xf16>
func.func @options_are_cast(%x: tensor<2x3xf16>) -> tensor<2x3xf16> {
  %0 = "webnn.hardSigmoid"(%x) : (tensor<2x3xf16>) -> tensor<2x3xf16>
  return %0 : tensor<2x3xf16>
}
