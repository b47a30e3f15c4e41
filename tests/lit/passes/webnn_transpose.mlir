// RUN: webnn-opt --webnn-pooling --webnn-transpose --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-pooling --webnn-transpose %s | filecheck --check-prefix=GENERIC %s

// CHECK: stream.executable private @transpose_1x16x3136
// GENERIC-NOT: stream.executable

// Through what only gives it another shape.
// CHECK-LABEL: func.func @before_a_kernel
func.func @before_a_kernel(%x: tensor<1x16x56x56xf32>) -> tensor<1x28x28x16xf32> {
  // CHECK: %[[T:.*]] = flow.dispatch @transpose_1x16x3136::@transpose_1x16x3136({{.*}}) : (tensor<50176xf32>) -> tensor<50176xf32>
  // CHECK: flow.dispatch @max_2x2
  %r = "webnn.reshape"(%x) {newShape = array<i64: 1, 4, 4, 3136>} : (tensor<1x16x56x56xf32>) -> tensor<1x4x4x3136xf32>
  %s = "webnn.reshape"(%r) {newShape = array<i64: 1, 16, 56, 56>} : (tensor<1x4x4x3136xf32>) -> tensor<1x16x56x56xf32>
  %t = "webnn.transpose"(%s) {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x16x56x56xf32>) -> tensor<1x56x56x16xf32>
  %y = "webnn.maxPool2d"(%t) {windowDimensions = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, layout = "nhwc", outputShapeRounding = "floor"} : (tensor<1x56x56x16xf32>) -> tensor<1x28x28x16xf32>
  return %y : tensor<1x28x28x16xf32>
}

// IREE reads it where it is.
// CHECK-LABEL: func.func @before_others
// CHECK: webnn.transpose
func.func @before_others(%x: tensor<64x128xf32>) -> tensor<128x64xf32> {
  %t = "webnn.transpose"(%x) {permutation = array<i64: 1, 0>} : (tensor<64x128xf32>) -> tensor<128x64xf32>
  %y = "webnn.tanh"(%t) : (tensor<128x64xf32>) -> tensor<128x64xf32>
  return %y : tensor<128x64xf32>
}
