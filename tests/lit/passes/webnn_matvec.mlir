// RUN: webnn-opt --webnn-matvec --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-matvec %s | filecheck --check-prefix=GENERIC %s

// CHECK-DAG: stream.executable private @matvec_plain_1x1x256x512
// CHECK-DAG: stream.executable private @matvec_turned_8x1x64x1024
// GENERIC-NOT: stream.executable

// CHECK-LABEL: func.func @plain
func.func @plain(%x: tensor<1x256xf32>, %w: tensor<256x512xf32>) -> tensor<1x512xf32> {
  // CHECK: flow.dispatch @matvec_plain_1x1x256x512::@matvec_plain_1x1x256x512({{.*}}) : (tensor<256xf32>, tensor<131072xf32>) -> tensor<512xf32>
  %y = "webnn.matmul"(%x, %w) : (tensor<1x256xf32>, tensor<256x512xf32>) -> tensor<1x512xf32>
  return %y : tensor<1x512xf32>
}

// Scores of attention: keys are read as they are.
// CHECK-LABEL: func.func @turned
func.func @turned(%x: tensor<1x8x1x64xf32>, %k: tensor<1x8x1024x64xf32>) -> tensor<1x8x1x1024xf32> {
  // CHECK-NOT: transpose
  // CHECK: flow.dispatch @matvec_turned_8x1x64x1024::
  %w = "webnn.transpose"(%k) {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x8x1024x64xf32>) -> tensor<1x8x64x1024xf32>
  %y = "webnn.matmul"(%x, %w) : (tensor<1x8x1x64xf32>, tensor<1x8x64x1024xf32>) -> tensor<1x8x1x1024xf32>
  return %y : tensor<1x8x1x1024xf32>
}

// CHECK-LABEL: func.func @rows
// CHECK: webnn.matmul
func.func @rows(%x: tensor<11x256xf32>, %w: tensor<256x512xf32>) -> tensor<11x512xf32> {
  %y = "webnn.matmul"(%x, %w) : (tensor<11x256xf32>, tensor<256x512xf32>) -> tensor<11x512xf32>
  return %y : tensor<11x512xf32>
}
