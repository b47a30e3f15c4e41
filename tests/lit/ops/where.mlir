// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @broadcast
// CHECK: %[[CONDITION:.+]] = stablehlo.compare  NE, %arg0
// CHECK: stablehlo.select {{.*}} : tensor<2x3xi1>, tensor<2x3xi64>
func.func @broadcast(%x: tensor<2x1xui8>, %y: tensor<3xi64>, %z: tensor<i64>) -> tensor<2x3xi64> {
  %0 = "webnn.where"(%x, %y, %z) : (tensor<2x1xui8>, tensor<3xi64>, tensor<i64>) -> tensor<2x3xi64>
  return %0 : tensor<2x3xi64>
}
