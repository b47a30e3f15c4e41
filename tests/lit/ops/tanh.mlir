// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float32
// CHECK: stablehlo.tanh %arg0
func.func @float32(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.tanh"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @float16
// CHECK: stablehlo.convert %arg0 : (tensor<2x3xf16>) -> tensor<2x3xf32>
// CHECK: stablehlo.tanh %0
// CHECK: stablehlo.convert %1 : (tensor<2x3xf32>) -> tensor<2x3xf16>
func.func @float16(%x: tensor<2x3xf16>) -> tensor<2x3xf16> {
  %0 = "webnn.tanh"(%x) : (tensor<2x3xf16>) -> tensor<2x3xf16>
  return %0 : tensor<2x3xf16>
}
