// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @both
// CHECK: dense<-1.000000e+00>
// CHECK: stablehlo.maximum
// CHECK: dense<6.000000e+00>
// CHECK: stablehlo.minimum
func.func @both(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.clamp"(%x) {minValue = -1.0 : f64, maxValue = 6 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @limits_beyond_the_data_type
// CHECK: dense<0>
// CHECK: stablehlo.maximum
// CHECK: dense<255>
// CHECK: stablehlo.minimum
func.func @limits_beyond_the_data_type(%x: tensor<2x3xui8>) -> tensor<2x3xui8> {
  %0 = "webnn.clamp"(%x) {minValue = -5 : i64, maxValue = 0x7FF0000000000000 : f64} : (tensor<2x3xui8>) -> tensor<2x3xui8>
  return %0 : tensor<2x3xui8>
}

// CHECK-LABEL: func.func @great_integers
// CHECK: dense<18446744073709551614>
// CHECK: stablehlo.maximum
// CHECK-NOT: stablehlo.minimum
func.func @great_integers(%x: tensor<2x3xui64>) -> tensor<2x3xui64> {
  %0 = "webnn.clamp"(%x) {minValue = 18446744073709551614 : ui64} : (tensor<2x3xui64>) -> tensor<2x3xui64>
  return %0 : tensor<2x3xui64>
}
