// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float32
// CHECK: %[[ONE:.+]] = stablehlo.broadcast_in_dim
// CHECK: stablehlo.divide %[[ONE]], %arg0
func.func @float32(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.reciprocal"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
