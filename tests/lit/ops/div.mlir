// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float32
// CHECK: stablehlo.divide %0, %1
func.func @float32(%x: tensor<2x1xf32>, %y: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.div"(%x, %y) : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @signed_by_zero_and_minus_one
// CHECK: stablehlo.compare  EQ, {{.*}},  SIGNED
// CHECK: stablehlo.compare  EQ, {{.*}},  SIGNED
// CHECK: stablehlo.or
// CHECK: stablehlo.select
// CHECK: stablehlo.divide
// CHECK: stablehlo.negate
// CHECK: stablehlo.select
// CHECK: stablehlo.select
func.func @signed_by_zero_and_minus_one(%x: tensor<2x1xi32>, %y: tensor<3xi32>) -> tensor<2x3xi32> {
  %0 = "webnn.div"(%x, %y) : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
  return %0 : tensor<2x3xi32>
}

// CHECK-LABEL: func.func @unsigned_by_zero
// CHECK: stablehlo.select
// CHECK: stablehlo.divide
// CHECK: stablehlo.select
func.func @unsigned_by_zero(%x: tensor<2x1xui8>, %y: tensor<3xui8>) -> tensor<2x3xui8> {
  %0 = "webnn.div"(%x, %y) : (tensor<2x1xui8>, tensor<3xui8>) -> tensor<2x3xui8>
  return %0 : tensor<2x3xui8>
}
