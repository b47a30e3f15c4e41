// RUN: webnn-opt --webnn-channels-last --webnn-canonicalize-strides --split-input-file %s | filecheck %s

// One transpose at each edge, the filter's apart; what lies between follows.
// CHECK-LABEL: @block
// CHECK-SAME: %[[X:.*]]: tensor<1x3x8x8xf32>, %[[W:.*]]: tensor<4x3x3x3xf32>, %[[P:.*]]: tensor<6x4x1x1xf32>
// CHECK-DAG: %[[WT:.*]] = "webnn.transpose"(%[[W]]) {permutation = array<i64: 2, 3, 1, 0>}
// CHECK-DAG: %[[XT:.*]] = "webnn.transpose"(%[[X]]) {permutation = array<i64: 0, 2, 3, 1>}
// CHECK: %[[C:.*]] = "webnn.conv2d"(%[[XT]], %[[WT]]) {{.*}}filterLayout = "hwio"{{.*}}inputLayout = "nhwc"{{.*}} -> tensor<1x6x6x4xf32>
// CHECK: %[[S:.*]] = "webnn.reshape"(%{{.*}}) {newShape = array<i64: 1, 1, 1, 4>}
// CHECK: %[[A:.*]] = "webnn.add"(%[[C]], %[[S]]) {{.*}} -> tensor<1x6x6x4xf32>
// CHECK: %[[M:.*]] = "webnn.maxPool2d"(%[[A]]) {{.*}}layout = "nhwc"{{.*}} -> tensor<1x3x3x4xf32>
// CHECK: %[[D:.*]] = "webnn.conv2d"(%[[M]],
// CHECK: %[[K:.*]] = "webnn.concat"(%[[M]], %[[D]]) {axis = 3 : i64} : {{.*}} -> tensor<1x3x3x10xf32>
// CHECK: %[[Y:.*]] = "webnn.transpose"(%[[K]]) {permutation = array<i64: 0, 3, 1, 2>}
// CHECK: return %[[Y]]
func.func @block(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>, %p: tensor<6x4x1x1xf32>, %s: tensor<4x1x1xf32>) -> tensor<1x10x3x3xf32> {
  %0 = "webnn.conv2d"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x6x6xf32>
  %1 = "webnn.add"(%0, %s) : (tensor<1x4x6x6xf32>, tensor<4x1x1xf32>) -> tensor<1x4x6x6xf32>
  %2 = "webnn.maxPool2d"(%1) {windowDimensions = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x4x6x6xf32>) -> tensor<1x4x3x3xf32>
  %3 = "webnn.conv2d"(%2, %p) {operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x4x3x3xf32>, tensor<6x4x1x1xf32>) -> tensor<1x6x3x3xf32>
  %4 = "webnn.concat"(%2, %3) {axis = 1 : i64} : (tensor<1x4x3x3xf32>, tensor<1x6x3x3xf32>) -> tensor<1x10x3x3xf32>
  return %4 : tensor<1x10x3x3xf32>
}

// -----

// Means over places leave batches and channels in their order: nothing moves back.
// CHECK-LABEL: @head
// CHECK: %[[C:.*]] = "webnn.conv2d"
// CHECK: %[[R:.*]] = "webnn.reduceMean"(%[[C]]) {{.*}}axes = array<i64: 1, 2>{{.*}} -> tensor<2x4xf32>
// CHECK: return %[[R]]
func.func @head(%x: tensor<2x3x8x8xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<2x4xf32> {
  %0 = "webnn.conv2d"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<2x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<2x4x6x6xf32>
  %1 = "webnn.reduceMean"(%0) {axes = array<i64: 2, 3>} : (tensor<2x4x6x6xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

// -----

// Without a convolution, nothing changes its layout.
// CHECK-LABEL: @alone
// CHECK-NOT: webnn.transpose
// CHECK: "webnn.averagePool2d"
func.func @alone(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32> {
  %0 = "webnn.averagePool2d"(%x) {windowDimensions = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return %0 : tensor<1x3x4x4xf32>
}
