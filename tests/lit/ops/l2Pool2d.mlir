// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @padded
// CHECK: stablehlo.multiply %arg0, %arg0
// CHECK: stablehlo.pad {{.*}}, low = [0, 0, 1, 1], high = [0, 0, 1, 1]
// CHECK: "stablehlo.reduce_window"
// CHECK: window_strides = array<i64: 1, 1, 2, 2>
// CHECK: stablehlo.sqrt
func.func @padded(%x: tensor<1x2x5x5xf32>) -> tensor<1x2x3x3xf32> {
  %0 = "webnn.l2Pool2d"(%x) {windowDimensions = array<i64: 3, 3>, strides = array<i64: 2, 2>, padding = array<i64: 1, 1, 1, 1>} : (tensor<1x2x5x5xf32>) -> tensor<1x2x3x3xf32>
  return %0 : tensor<1x2x3x3xf32>
}

// CHECK-LABEL: func.func @global
// CHECK: stablehlo.convert %arg0
// CHECK: window_dimensions = array<i64: 1, 5, 5, 1>
// CHECK: stablehlo.sqrt {{.*}} : tensor<1x1x1x2xf32>
// CHECK: stablehlo.convert {{.*}} -> tensor<1x1x1x2xf16>
func.func @global(%x: tensor<1x5x5x2xf16>) -> tensor<1x1x1x2xf16> {
  %0 = "webnn.l2Pool2d"(%x) {layout = "nhwc"} : (tensor<1x5x5x2xf16>) -> tensor<1x1x1x2xf16>
  return %0 : tensor<1x1x1x2xf16>
}

// CHECK-LABEL: func.func @ceil
// CHECK: stablehlo.pad {{.*}}, low = [0, 0, 0, 0], high = [0, 0, 1, 1]
// CHECK: "stablehlo.reduce_window"
// CHECK: stablehlo.sqrt
func.func @ceil(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32> {
  %0 = "webnn.l2Pool2d"(%x) {windowDimensions = array<i64: 3, 3>, strides = array<i64: 2, 2>, outputShapeRounding = "ceil"} : (tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xf32>
  return %0 : tensor<1x1x2x2xf32>
}
