// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @plain
// CHECK: stablehlo.dot_general %arg0, %arg1, contracting_dims = [1] x [0]
// CHECK-NOT: stablehlo.multiply
// CHECK: stablehlo.broadcast_in_dim %arg2, dims = [1]
// CHECK: stablehlo.add
func.func @plain(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>, %c: tensor<4xf32>) -> tensor<2x4xf32> {
  %0 = "webnn.gemm"(%a, %b, %c) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<2x3xf32>, tensor<3x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @scaled
// CHECK: [[A:%.*]] = stablehlo.transpose %arg0, dims = [1, 0]
// CHECK: [[B:%.*]] = stablehlo.transpose %arg1, dims = [1, 0]
// CHECK: stablehlo.dot_general [[A]], [[B]]
// CHECK: stablehlo.constant dense<5.000000e-01>
// CHECK: stablehlo.constant dense<-2.000000e+00>
// CHECK: stablehlo.multiply %arg2
// CHECK: stablehlo.add
func.func @scaled(%a: tensor<3x2xf32>, %b: tensor<4x3xf32>, %c: tensor<2x1xf32>) -> tensor<2x4xf32> {
  %0 = "webnn.gemm"(%a, %b, %c) {alpha = 0.5 : f64, beta = -2.0 : f64, aTranspose = true, bTranspose = true, operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<3x2xf32>, tensor<4x3xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
