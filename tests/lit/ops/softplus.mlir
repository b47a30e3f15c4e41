// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @does_not_overflow
// CHECK: stablehlo.maximum %arg0
// CHECK: stablehlo.abs %arg0
// CHECK: stablehlo.negate
// CHECK: stablehlo.exponential
// CHECK: stablehlo.log_plus_one
// CHECK: stablehlo.add
func.func @does_not_overflow(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.softplus"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
