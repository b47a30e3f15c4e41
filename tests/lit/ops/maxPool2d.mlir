// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @padded
// CHECK: stablehlo.constant dense<0xFF800000> : tensor<f32>
// CHECK: "stablehlo.reduce_window"(%arg0, {{.*}}padding = dense<{{\[\[}}0, 0], [0, 0], [1, 1], [1, 1]]>
// CHECK: stablehlo.maximum
func.func @padded(%x: tensor<1x2x5x5xf32>) -> tensor<1x2x3x3xf32> {
  %0 = "webnn.maxPool2d"(%x) {windowDimensions = array<i64: 3, 3>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>} : (tensor<1x2x5x5xf32>) -> tensor<1x2x3x3xf32>
  return %0 : tensor<1x2x3x3xf32>
}

// CHECK-LABEL: func.func @global
// CHECK: window_dimensions = array<i64: 1, 5, 5, 1>
// CHECK: stablehlo.maximum {{.*}} : tensor<f16>
func.func @global(%x: tensor<1x5x5x2xf16>) -> tensor<1x1x1x2xf16> {
  %0 = "webnn.maxPool2d"(%x) {layout = "nhwc"} : (tensor<1x5x5x2xf16>) -> tensor<1x1x1x2xf16>
  return %0 : tensor<1x1x1x2xf16>
}

// CHECK-LABEL: func.func @ceil
// CHECK: padding = dense<{{\[\[}}0, 0], [0, 0], [0, 1], [0, 1]]>
func.func @ceil(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32> {
  %0 = "webnn.maxPool2d"(%x) {windowDimensions = array<i64: 3, 3>, strides = array<i64: 2, 2>, outputShapeRounding = "ceil"} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
  return %0 : tensor<1x1x2x2xf32>
}

// CHECK-LABEL: func.func @uint8
// CHECK: stablehlo.constant dense<0> : tensor<ui8>
// CHECK: window_dilations = array<i64: 1, 1, 1, 2>
// CHECK: stablehlo.maximum {{.*}} : tensor<ui8>
func.func @uint8(%x: tensor<1x1x4x4xui8>) -> tensor<1x1x3x4xui8> {
  %0 = "webnn.maxPool2d"(%x) {windowDimensions = array<i64: 2, 2>, dilations = array<i64: 1, 2>, padding = array<i64: 0, 0, 1, 1>} : (tensor<1x1x4x4xui8>) -> tensor<1x1x3x4xui8>
  return %0 : tensor<1x1x3x4xui8>
}

// CHECK-LABEL: func.func @int32
// CHECK: stablehlo.constant dense<-2147483648> : tensor<i32>
// CHECK: stablehlo.maximum {{.*}} : tensor<i32>
func.func @int32(%x: tensor<1x1x4x4xi32>) -> tensor<1x1x3x3xi32> {
  %0 = "webnn.maxPool2d"(%x) {windowDimensions = array<i64: 2, 2>} : (tensor<1x1x4x4xi32>) -> tensor<1x1x3x3xi32>
  return %0 : tensor<1x1x3x3xi32>
}
