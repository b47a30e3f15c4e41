// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float32
// CHECK: return %arg0
func.func @float32(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.identity"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @int4
// CHECK: %arg0: tensor<3xui8>
// CHECK-NOT: webnn.
func.func @int4(%x: tensor<2x3xi4>) -> tensor<2x3xi4> {
  %0 = "webnn.identity"(%x) : (tensor<2x3xi4>) -> tensor<2x3xi4>
  return %0 : tensor<2x3xi4>
}
