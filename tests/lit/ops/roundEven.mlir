// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float32
// CHECK: dense<0x4B000000>
// CHECK: stablehlo.subtract
// CHECK: stablehlo.select
func.func @float32(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.roundEven"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
