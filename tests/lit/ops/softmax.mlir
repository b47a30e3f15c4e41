// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @rows
// CHECK: applies stablehlo.maximum across dimensions = [1]
// CHECK: %[[DISTANCE:.+]] = stablehlo.subtract %arg0
// CHECK: stablehlo.exponential %[[DISTANCE]]
// CHECK: applies stablehlo.add across dimensions = [1]
// CHECK: stablehlo.divide
func.func @rows(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.softmax"(%x) {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
