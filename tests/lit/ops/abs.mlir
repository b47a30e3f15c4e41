// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float32
// CHECK: stablehlo.abs %arg0 : tensor<2x3xf32>
func.func @float32(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.abs"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @float16
// CHECK: stablehlo.abs %arg0 : tensor<2x3xf16>
func.func @float16(%x: tensor<2x3xf16>) -> tensor<2x3xf16> {
  %0 = "webnn.abs"(%x) : (tensor<2x3xf16>) -> tensor<2x3xf16>
  return %0 : tensor<2x3xf16>
}

// CHECK-LABEL: func.func @int8
// CHECK: stablehlo.abs %arg0 : tensor<2x3xi8>
func.func @int8(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  %0 = "webnn.abs"(%x) : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %0 : tensor<2x3xi8>
}
