// RUN: webnn-opt --webnn-pooling --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-pooling %s | filecheck --check-prefix=GENERIC %s

// CHECK: stream.executable private @max_3x3_27x27x64
// GENERIC-NOT: stream.executable

// What follows is done before it is stored.
// CHECK-LABEL: func.func @max
func.func @max(%x: tensor<1x55x55x64xf32>, %s: tensor<1x27x27x64xf32>) -> tensor<1x27x27x64xf32> {
  // CHECK: flow.dispatch @max_3x3_27x27x64_{{.*}} : (tensor<193600xf32>, tensor<46656xf32>) -> tensor<46656xf32>
  // CHECK-NOT: webnn.add
  %p = "webnn.maxPool2d"(%x) {windowDimensions = array<i64: 3, 3>, padding = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, layout = "nhwc", outputShapeRounding = "floor"} : (tensor<1x55x55x64xf32>) -> tensor<1x27x27x64xf32>
  %y = "webnn.add"(%p, %s) : (tensor<1x27x27x64xf32>, tensor<1x27x27x64xf32>) -> tensor<1x27x27x64xf32>
  return %y : tensor<1x27x27x64xf32>
}

// CHECK-LABEL: func.func @average
func.func @average(%x: tensor<2x12x12x24xf32>) -> tensor<2x12x12x24xf32> {
  // CHECK: flow.dispatch @average_3x3_12x12x24_
  %y = "webnn.averagePool2d"(%x) {windowDimensions = array<i64: 3, 3>, padding = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, layout = "nhwc", outputShapeRounding = "floor"} : (tensor<2x12x12x24xf32>) -> tensor<2x12x12x24xf32>
  return %y : tensor<2x12x12x24xf32>
}

// CHECK-LABEL: func.func @channels_first
// CHECK: webnn.maxPool2d
func.func @channels_first(%x: tensor<1x64x56x56xf32>) -> tensor<1x64x28x28xf32> {
  %y = "webnn.maxPool2d"(%x) {windowDimensions = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, layout = "nchw", outputShapeRounding = "floor"} : (tensor<1x64x56x56xf32>) -> tensor<1x64x28x28xf32>
  return %y : tensor<1x64x28x28xf32>
}
