// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @float32
// CHECK: dense<0.707106769>
// CHECK: chlo.erf
// CHECK: stablehlo.multiply
func.func @float32(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.gelu"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @float16_is_rounded_once
// CHECK: stablehlo.convert %arg0
// CHECK-NOT: -> tensor<2x3xf16>
// CHECK: chlo.erf {{.*}}f32
// CHECK: -> tensor<2x3xf16>
func.func @float16_is_rounded_once(%x: tensor<2x3xf16>) -> tensor<2x3xf16> {
  %0 = "webnn.gelu"(%x) : (tensor<2x3xf16>) -> tensor<2x3xf16>
  return %0 : tensor<2x3xf16>
}
