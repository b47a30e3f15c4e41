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
// CHECK: flow.dispatch @dense_128x256x64_given::
func.func @given(%x: tensor<128x256xf32>, %w: tensor<256x64xf32>) -> tensor<128x64xf32> {
  %0 = "webnn.matmul"(%x, %w) : (tensor<128x256xf32>, tensor<256x64xf32>) -> tensor<128x64xf32>
  return %0 : tensor<128x64xf32>
}

// CHECK-LABEL: func.func @turned
// CHECK: flow.dispatch @dense_128x256x64_turned_batch3::
func.func @turned(%x: tensor<3x128x256xf32>, %w: tensor<3x64x256xf32>) -> tensor<3x128x64xf32> {
  %0 = "webnn.transpose"(%w) {permutation = array<i64: 0, 2, 1>} : (tensor<3x64x256xf32>) -> tensor<3x256x64xf32>
  %1 = "webnn.matmul"(%x, %0) : (tensor<3x128x256xf32>, tensor<3x256x64xf32>) -> tensor<3x128x64xf32>
  return %1 : tensor<3x128x64xf32>
}

// Few rows, and other transposes, are left.
// CHECK-LABEL: func.func @left
// CHECK-COUNT-2: webnn.matmul
func.func @left(%x: tensor<8x256xf32>, %y: tensor<3x128x256xf32>, %w: tensor<256x64xf32>, %v: tensor<64x3x256xf32>) -> (tensor<8x64xf32>, tensor<3x128x64xf32>) {
  %0 = "webnn.matmul"(%x, %w) : (tensor<8x256xf32>, tensor<256x64xf32>) -> tensor<8x64xf32>
  %1 = "webnn.transpose"(%v) {permutation = array<i64: 1, 2, 0>} : (tensor<64x3x256xf32>) -> tensor<3x256x64xf32>
  %2 = "webnn.matmul"(%y, %1) : (tensor<3x128x256xf32>, tensor<3x256x64xf32>) -> tensor<3x128x64xf32>
  return %0, %2 : tensor<8x64xf32>, tensor<3x128x64xf32>
}
