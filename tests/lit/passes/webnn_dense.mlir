// RUN: webnn-opt --webnn-dense --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-dense %s | filecheck --check-prefix=GENERIC %s

// CHECK-DAG: stream.executable private @dense_128x256x64_bias_gelu
// CHECK-DAG: stream.executable private @dense_128x256x64_added
// GENERIC-NOT: stream.executable

// CHECK-LABEL: func.func @layer
// CHECK-NOT: webnn.gelu
// CHECK: flow.dispatch @dense_128x256x64_bias_gelu::@dense_128x256x64_bias_gelu({{.*}}) : (tensor<32768xf32>, tensor<16384xf32>, tensor<64xf32>) -> tensor<8192xf32>
// CHECK-NOT: webnn.add
func.func @layer(%x: tensor<1x128x256xf32>, %bias: tensor<64xf32>) -> tensor<1x128x64xf32> {
  %w = "webnn.constant"() {value = dense<1.0> : tensor<256x64xf32>} : () -> tensor<256x64xf32>
  %0 = "webnn.matmul"(%x, %w) : (tensor<1x128x256xf32>, tensor<256x64xf32>) -> tensor<1x128x64xf32>
  %1 = "webnn.add"(%0, %bias) : (tensor<1x128x64xf32>, tensor<64xf32>) -> tensor<1x128x64xf32>
  %2 = "webnn.gelu"(%1) : (tensor<1x128x64xf32>) -> tensor<1x128x64xf32>
  return %2 : tensor<1x128x64xf32>
}

// What follows the activation is left.
// CHECK-LABEL: func.func @residual
// CHECK: flow.dispatch @dense_128x256x64_added::{{.*}} : (tensor<32768xf32>, tensor<16384xf32>, tensor<8192xf32>) -> tensor<8192xf32>
// CHECK: webnn.tanh
func.func @residual(%x: tensor<128x256xf32>, %y: tensor<128x64xf32>) -> tensor<128x64xf32> {
  %w = "webnn.constant"() {value = dense<1.0> : tensor<256x64xf32>} : () -> tensor<256x64xf32>
  %0 = "webnn.matmul"(%x, %w) : (tensor<128x256xf32>, tensor<256x64xf32>) -> tensor<128x64xf32>
  %1 = "webnn.add"(%y, %0) : (tensor<128x64xf32>, tensor<128x64xf32>) -> tensor<128x64xf32>
  %2 = "webnn.tanh"(%1) : (tensor<128x64xf32>) -> tensor<128x64xf32>
  return %2 : tensor<128x64xf32>
}

// CHECK-LABEL: func.func @given
// CHECK: webnn.matmul
func.func @given(%x: tensor<128x256xf32>, %w: tensor<256x64xf32>) -> tensor<128x64xf32> {
  %0 = "webnn.matmul"(%x, %w) : (tensor<128x256xf32>, tensor<256x64xf32>) -> tensor<128x64xf32>
  return %0 : tensor<128x64xf32>
}
