// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @layouts
// CHECK: stablehlo.convolution(%arg0, %arg1) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f], window = {stride = [1, 2], pad = {{\[\[}}1, 0], [0, 0]]
// CHECK: stablehlo.broadcast_in_dim %arg2, dims = [3]
// CHECK: stablehlo.add
func.func @layouts(%x: tensor<1x5x5x2xf32>, %f: tensor<3x3x2x3xf32>, %b: tensor<3xf32>) -> tensor<1x4x2x3xf32> {
  %0 = "webnn.conv2d"(%x, %f, %b) {inputLayout = "nhwc", filterLayout = "hwio", padding = array<i64: 1, 0, 0, 0>, strides = array<i64: 1, 2>, operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<1x5x5x2xf32>, tensor<3x3x2x3xf32>, tensor<3xf32>) -> tensor<1x4x2x3xf32>
  return %0 : tensor<1x4x2x3xf32>
}

// CHECK-LABEL: func.func @grouped
// CHECK: [[INPUTS:%.*]]:2 = stablehlo.optimization_barrier
// CHECK: stablehlo.convolution([[INPUTS]]#0, [[INPUTS]]#1) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]
// CHECK: rhs_dilate = [2, 1]
// CHECK: feature_group_count = 2
// CHECK: stablehlo.convert {{.*}} -> tensor<1x6x3x4xf16>
func.func @grouped(%x: tensor<1x4x5x5xf16>, %f: tensor<6x2x2x2xf16>) -> tensor<1x6x3x4xf16> {
  %0 = "webnn.conv2d"(%x, %f) {groups = 2, dilations = array<i64: 2, 1>, operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x4x5x5xf16>, tensor<6x2x2x2xf16>) -> tensor<1x6x3x4xf16>
  return %0 : tensor<1x6x3x4xf16>
}
