// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @rows
// CHECK: stablehlo.optimization_barrier %arg0
// CHECK: applies stablehlo.maximum across dimensions = [1]
// CHECK: %[[DISTANCE:.+]] = stablehlo.subtract %{{.+}}
// CHECK: stablehlo.exponential %[[DISTANCE]]
// CHECK: applies stablehlo.add across dimensions = [1]
// CHECK: %[[QUOTIENT:.+]] = stablehlo.divide
// CHECK: stablehlo.optimization_barrier %[[QUOTIENT]]
func.func @rows(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.softmax"(%x) {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
