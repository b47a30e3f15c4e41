// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @padded
// CHECK: "stablehlo.reduce_window"(%arg0, {{.*}}padding = dense<{{\[\[}}0, 0], [0, 0], [1, 1], [1, 1]]>
// CHECK: stablehlo.add
// CHECK: stablehlo.constant dense<{{\[\[}}4.000000e+00, 6.000000e+00, 4.000000e+00], [6.000000e+00, 9.000000e+00, 6.000000e+00]
// CHECK: stablehlo.divide
func.func @padded(%x: tensor<1x2x5x5xf32>) -> tensor<1x2x3x3xf32> {
  %0 = "webnn.averagePool2d"(%x) {windowDimensions = array<i64: 3, 3>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>} : (tensor<1x2x5x5xf32>) -> tensor<1x2x3x3xf32>
  return %0 : tensor<1x2x3x3xf32>
}

// CHECK-LABEL: func.func @global
// CHECK: stablehlo.convert %arg0
// CHECK: window_dimensions = array<i64: 1, 5, 5, 1>
// CHECK: stablehlo.constant dense<2.500000e+01> : tensor<f32>
// CHECK: stablehlo.divide
// CHECK: stablehlo.convert {{.*}} -> tensor<1x1x1x2xf16>
func.func @global(%x: tensor<1x5x5x2xf16>) -> tensor<1x1x1x2xf16> {
  %0 = "webnn.averagePool2d"(%x) {layout = "nhwc"} : (tensor<1x5x5x2xf16>) -> tensor<1x1x1x2xf16>
  return %0 : tensor<1x1x1x2xf16>
}

// CHECK-LABEL: func.func @ceil
// CHECK: padding = dense<{{\[\[}}0, 0], [0, 0], [0, 1], [0, 1]]>
// CHECK: stablehlo.constant dense<{{\[\[}}9.000000e+00, 6.000000e+00], [6.000000e+00, 4.000000e+00]]>
// CHECK: stablehlo.divide
func.func @ceil(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32> {
  %0 = "webnn.averagePool2d"(%x) {windowDimensions = array<i64: 3, 3>, strides = array<i64: 2, 2>, outputShapeRounding = "ceil"} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
  return %0 : tensor<1x1x2x2xf32>
}
