// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @saturates
// CHECK: stablehlo.compare  GE
// CHECK: stablehlo.compare  LT
// CHECK: stablehlo.select
// CHECK: stablehlo.convert {{.*}} : (tensor<2x3xf32>) -> tensor<2x3xi32>
// CHECK: dense<2147483647>
// CHECK: stablehlo.select
// CHECK: dense<-2147483648>
// CHECK: stablehlo.select
func.func @saturates(%x: tensor<2x3xf32>) -> tensor<2x3xi32> {
  %0 = "webnn.cast"(%x) {dataType = "int32"} : (tensor<2x3xf32>) -> tensor<2x3xi32>
  return %0 : tensor<2x3xi32>
}

// CHECK-LABEL: func.func @low_bits
// CHECK: stablehlo.convert %arg0 : (tensor<2x3xi64>) -> tensor<2x3xui8>
// CHECK-NOT: stablehlo.select
func.func @low_bits(%x: tensor<2x3xi64>) -> tensor<2x3xui8> {
  %0 = "webnn.cast"(%x) {dataType = "uint8"} : (tensor<2x3xi64>) -> tensor<2x3xui8>
  return %0 : tensor<2x3xui8>
}

// CHECK-LABEL: func.func @low_bits_of_half_a_byte
// CHECK: stablehlo.convert %arg0 : (tensor<2x3xi32>) -> tensor<2x3xi8>
// CHECK: stablehlo.shift_left
// CHECK: stablehlo.shift_right_arithmetic
func.func @low_bits_of_half_a_byte(%x: tensor<2x3xi32>) -> tensor<2x3xi4> {
  %0 = "webnn.cast"(%x) {dataType = "int4"} : (tensor<2x3xi32>) -> tensor<2x3xi4>
  return %0 : tensor<2x3xi4>
}

// CHECK-LABEL: func.func @unsigned
// CHECK: stablehlo.convert %arg0 : (tensor<2x3xui8>) -> tensor<2x3xi32>
// CHECK: stablehlo.convert {{.*}} : (tensor<2x3xi32>) -> tensor<2x3xf32>
func.func @unsigned(%x: tensor<2x3xui8>) -> tensor<2x3xf32> {
  %0 = "webnn.cast"(%x) {dataType = "float32"} : (tensor<2x3xui8>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
