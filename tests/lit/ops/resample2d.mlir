// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// A whole factor repeats; else ceil(coordinate - 0.5) of coordinates 0.166…, 1.5, 2.833….
// CHECK-LABEL: func.func @nearest
// CHECK: dense<[0, 1, 3]> : tensor<3xi32>
// CHECK: %[[X:.+]] = "stablehlo.gather"{{.*}} -> tensor<1x1x2x3xf32>
// CHECK: stablehlo.broadcast_in_dim %[[X]], dims = [0, 1, 2, 4] : (tensor<1x1x2x3xf32>) -> tensor<1x1x2x2x3xf32>
// CHECK: stablehlo.reshape {{.*}} -> tensor<1x1x4x3xf32>
func.func @nearest(%x: tensor<1x1x2x4xf32>) -> tensor<1x1x4x3xf32> {
  %0 = "webnn.resample2d"(%x) {sizes = array<i64: 4, 3>} : (tensor<1x1x2x4xf32>) -> tensor<1x1x4x3xf32>
  return %0 : tensor<1x1x4x3xf32>
}

// Coordinates 0, 0.25, 0.75, 1. Integers are interpolated in float32 and rounded.
// CHECK-LABEL: func.func @linear
// CHECK: stablehlo.convert %arg0 : (tensor<1x1x2x4xi8>) -> tensor<1x1x2x4xf32>
// CHECK: dense<[0, 0, 0, 1]> : tensor<4xi32>
// CHECK: dense<[0, 1, 1, 1]> : tensor<4xi32>
// CHECK: dense<[0.000000e+00, 2.500000e-01, 7.500000e-01, 0.000000e+00]> : tensor<4xf32>
// CHECK: stablehlo.multiply
// CHECK: stablehlo.multiply
// CHECK: stablehlo.add
// CHECK: stablehlo.convert {{.*}} -> tensor<1x1x4x4xi8>
func.func @linear(%x: tensor<1x1x2x4xi8>) -> tensor<1x1x4x4xi8> {
  %0 = "webnn.resample2d"(%x) {mode = "linear", scales = array<f64: 2.0, 1.0>} : (tensor<1x1x2x4xi8>) -> tensor<1x1x4x4xi8>
  return %0 : tensor<1x1x4x4xi8>
}
