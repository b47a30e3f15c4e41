// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @rows
// CHECK: [[ROWS:%.*]] = stablehlo.reshape %arg0 : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
// CHECK: stablehlo.dot_general [[ROWS]], %arg1, contracting_dims = [1] x [0]
// CHECK: stablehlo.reshape {{.*}} -> tensor<2x3x5xf32>
func.func @rows(%a: tensor<2x3x4xf32>, %b: tensor<4x5xf32>) -> tensor<2x3x5xf32> {
  %0 = "webnn.matmul"(%a, %b) : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<2x3x5xf32>
  return %0 : tensor<2x3x5xf32>
}

// CHECK-LABEL: func.func @batches
// CHECK: stablehlo.broadcast_in_dim {{.*}}, dims = [0, 1, 2, 3] : {{.*}} -> tensor<2x5x3x4xf32>
// CHECK: stablehlo.broadcast_in_dim {{.*}}, dims = [1, 2, 3] : {{.*}} -> tensor<2x5x4x6xf32>
// CHECK: stablehlo.dot_general {{.*}}, batching_dims = [0, 1] x [0, 1], contracting_dims = [3] x [2]
// CHECK: stablehlo.convert {{.*}} -> tensor<2x5x3x6xf16>
func.func @batches(%a: tensor<2x1x3x4xf16>, %b: tensor<5x4x6xf16>) -> tensor<2x5x3x6xf16> {
  %0 = "webnn.matmul"(%a, %b) : (tensor<2x1x3x4xf16>, tensor<5x4x6xf16>) -> tensor<2x5x3x6xf16>
  return %0 : tensor<2x5x3x6xf16>
}
