// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @strided
// CHECK: [[MIRRORED:%.*]] = stablehlo.reverse {{.*}}, dims = [2, 3]
// CHECK: [[SPREAD:%.*]] = stablehlo.pad %arg0, {{.*}}, low = [0, 0, 2, 2], high = [0, 0, 2, 3], interior = [0, 0, 1, 1]
// CHECK: stablehlo.convolution([[SPREAD]], [[MIRRORED]])
func.func @strided(%x: tensor<1x2x3x3xf32>, %f: tensor<2x1x3x3xf32>) -> tensor<1x1x7x8xf32> {
  %0 = "webnn.convTranspose2d"(%x, %f) {strides = array<i64: 2, 2>, outputSizes = array<i64: 7, 8>, operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x2x3x3xf32>, tensor<2x1x3x3xf32>) -> tensor<1x1x7x8xf32>
  return %0 : tensor<1x1x7x8xf32>
}

// CHECK-LABEL: func.func @grouped
// CHECK: stablehlo.transpose %arg1, dims = [3, 2, 0, 1]
// CHECK: stablehlo.reshape {{.*}} -> tensor<2x2x3x2x2xf32>
// CHECK: stablehlo.reshape {{.*}} -> tensor<6x2x2x2xf32>
// CHECK: stablehlo.convolution{{.*}} dim_numbers = [b, 0, 1, f]x[o, i, 0, 1]->[b, 0, 1, f]
// CHECK: feature_group_count = 2
// CHECK: stablehlo.broadcast_in_dim %arg2, dims = [3]
// CHECK: stablehlo.add
func.func @grouped(%x: tensor<1x3x3x4xf32>, %f: tensor<2x2x3x4xf32>, %b: tensor<6xf32>) -> tensor<1x4x4x6xf32> {
  %0 = "webnn.convTranspose2d"(%x, %f, %b) {inputLayout = "nhwc", filterLayout = "hwoi", groups = 2, operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<1x3x3x4xf32>, tensor<2x2x3x4xf32>, tensor<6xf32>) -> tensor<1x4x4x6xf32>
  return %0 : tensor<1x4x4x6xf32>
}
