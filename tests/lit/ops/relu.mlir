// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @int8
// CHECK: dense<0>
// CHECK: stablehlo.maximum {{.*}}, %arg0 : tensor<2x3xi8>
func.func @int8(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  %0 = "webnn.relu"(%x) : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %0 : tensor<2x3xi8>
}
