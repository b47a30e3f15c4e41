// RUN: webnn-opt --webnn-convolution --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-convolution %s | filecheck --check-prefix=GENERIC %s

// GENERIC-NOT: stream.executable

// CHECK-LABEL: func.func @residual
// CHECK-NOT: webnn.conv2d
// CHECK: %[[C:.*]] = flow.dispatch @convolution_3x3_6x6x16x24_{{.*}} : (tensor<576xf32>, tensor<4608xf32>, tensor<24xf32>, tensor<864xf32>) -> tensor<864xf32>
// CHECK-NEXT: %[[Y:.*]] = stablehlo.reshape %[[C]]
// CHECK-NEXT: return %[[Y]]
func.func @residual(%x: tensor<1x6x6x16xf32>, %s: tensor<1x6x6x24xf32>, %b: tensor<24xf32>) -> tensor<1x6x6x24xf32> {
  %zero = "webnn.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %w = "webnn.constant"() {value = dense<0.5> : tensor<24x16x3x3xf32>} : () -> tensor<24x16x3x3xf32>
  %f = "webnn.transpose"(%w) {permutation = array<i64: 2, 3, 1, 0>} : (tensor<24x16x3x3xf32>) -> tensor<3x3x16x24xf32>
  %c = "webnn.conv2d"(%x, %f, %b) {dilations = array<i64: 1, 1>, filterLayout = "hwio", groups = 1 : i64, inputLayout = "nhwc", operandSegmentSizes = array<i32: 1, 1, 1>, padding = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x6x6x16xf32>, tensor<3x3x16x24xf32>, tensor<24xf32>) -> tensor<1x6x6x24xf32>
  %a = "webnn.add"(%s, %c) : (tensor<1x6x6x24xf32>, tensor<1x6x6x24xf32>) -> tensor<1x6x6x24xf32>
  %y = "webnn.max"(%zero, %a) : (tensor<f32>, tensor<1x6x6x24xf32>) -> tensor<1x6x6x24xf32>
  return %y : tensor<1x6x6x24xf32>
}

// What is done to each channel is one scale and one bias; hardSwish follows, since it meets again in one value.
// CHECK-LABEL: func.func @depthwise
// CHECK-DAG: %[[S:.*]] = "webnn.constant"() {value = dense<2.000000e+00> : tensor<32xf32>}
// CHECK-DAG: %[[B:.*]] = "webnn.constant"() {value = dense<8.000000e+00> : tensor<32xf32>}
// CHECK: %[[C:.*]] = flow.dispatch @depthwise_6x6x32x32_{{.*}}({{.*}}, {{.*}}, %[[S]], %[[B]])
// CHECK-NEXT: %[[Y:.*]] = stablehlo.reshape %[[C]]
// CHECK-NEXT: return %[[Y]]
func.func @depthwise(%x: tensor<1x12x12x32xf32>) -> tensor<1x6x6x32xf32> {
  %one = "webnn.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %two = "webnn.constant"() {value = dense<2.0> : tensor<1x1x1x32xf32>} : () -> tensor<1x1x1x32xf32>
  %three = "webnn.constant"() {value = dense<3.0> : tensor<32xf32>} : () -> tensor<32xf32>
  %w = "webnn.constant"() {value = dense<0.5> : tensor<1x3x3x32xf32>} : () -> tensor<1x3x3x32xf32>
  %c = "webnn.conv2d"(%x, %w, %three) {dilations = array<i64: 1, 1>, filterLayout = "ihwo", groups = 32 : i64, inputLayout = "nhwc", operandSegmentSizes = array<i32: 1, 1, 1>, padding = array<i64: 0, 1, 0, 1>, strides = array<i64: 2, 2>} : (tensor<1x12x12x32xf32>, tensor<1x3x3x32xf32>, tensor<32xf32>) -> tensor<1x6x6x32xf32>
  %d = "webnn.add"(%c, %one) : (tensor<1x6x6x32xf32>, tensor<f32>) -> tensor<1x6x6x32xf32>
  %e = "webnn.mul"(%two, %d) : (tensor<1x1x1x32xf32>, tensor<1x6x6x32xf32>) -> tensor<1x6x6x32xf32>
  %f = "webnn.clamp"(%e) {minValue = 0.0 : f64, maxValue = 6.0 : f64} : (tensor<1x6x6x32xf32>) -> tensor<1x6x6x32xf32>
  %y = "webnn.mul"(%e, %f) : (tensor<1x6x6x32xf32>, tensor<1x6x6x32xf32>) -> tensor<1x6x6x32xf32>
  return %y : tensor<1x6x6x32xf32>
}

// What is used elsewhere too is computed before it.
// CHECK-LABEL: func.func @several_uses
// CHECK: flow.dispatch @convolution_1x1_1x36x16x16_
// CHECK: webnn.abs
func.func @several_uses(%x: tensor<1x6x6x16xf32>) -> (tensor<1x6x6x16xf32>, tensor<1x6x6x16xf32>) {
  %w = "webnn.constant"() {value = dense<0.5> : tensor<1x1x16x16xf32>} : () -> tensor<1x1x16x16xf32>
  %c = "webnn.conv2d"(%x, %w) {dilations = array<i64: 1, 1>, filterLayout = "hwio", groups = 1 : i64, inputLayout = "nhwc", operandSegmentSizes = array<i32: 1, 1, 0>, padding = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x6x6x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x6x6x16xf32>
  %y = "webnn.abs"(%c) : (tensor<1x6x6x16xf32>) -> tensor<1x6x6x16xf32>
  return %c, %y : tensor<1x6x6x16xf32>, tensor<1x6x6x16xf32>
}

// CHECK-LABEL: func.func @weights_of_each_call
// CHECK: webnn.conv2d
func.func @weights_of_each_call(%x: tensor<1x6x6x16xf32>, %w: tensor<3x3x16x16xf32>) -> tensor<1x6x6x16xf32> {
  %c = "webnn.conv2d"(%x, %w) {dilations = array<i64: 1, 1>, filterLayout = "hwio", groups = 1 : i64, inputLayout = "nhwc", operandSegmentSizes = array<i32: 1, 1, 0>, padding = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x6x6x16xf32>, tensor<3x3x16x16xf32>) -> tensor<1x6x6x16xf32>
  return %c : tensor<1x6x6x16xf32>
}
