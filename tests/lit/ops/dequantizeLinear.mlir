// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// (input - zeroPoint) * scale, in the type of the scale.
// CHECK-LABEL: func.func @elements
func.func @elements(%x: tensor<4xi8>, %s: tensor<4xf32>, %z: tensor<4xi8>) -> tensor<4xf32> {
  // CHECK-DAG: %[[Z:.*]] = stablehlo.convert %arg2 : (tensor<4xi8>) -> tensor<4xf32>
  // CHECK-DAG: %[[X:.*]] = stablehlo.convert %arg0 : (tensor<4xi8>) -> tensor<4xf32>
  // CHECK: %[[D:.*]] = stablehlo.subtract %[[X]], %[[Z]]
  // CHECK: stablehlo.multiply %[[D]], %arg1
  %0 = "webnn.dequantizeLinear"(%x, %s, %z) : (tensor<4xi8>, tensor<4xf32>, tensor<4xi8>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A scale fills its block of two rows and three columns.
// CHECK-LABEL: func.func @blocks
func.func @blocks(%x: tensor<4x6xui8>, %s: tensor<2x2xf16>, %z: tensor<2x2xui8>) -> tensor<4x6xf16> {
  // CHECK-DAG: stablehlo.broadcast_in_dim {{.*}} -> tensor<2x2x2x3xf16>
  // CHECK-DAG: stablehlo.reshape {{.*}} : (tensor<2x2x2x3xf16>) -> tensor<4x6xf16>
  // CHECK: stablehlo.multiply {{.*}} : tensor<4x6xf16>
  %0 = "webnn.dequantizeLinear"(%x, %s, %z) : (tensor<4x6xui8>, tensor<2x2xf16>, tensor<2x2xui8>) -> tensor<4x6xf16>
  return %0 : tensor<4x6xf16>
}

// int4 arrives as bytes and is computed as i8.
// CHECK-LABEL: func.func @int4
// CHECK-SAME: %arg0: tensor<3xui8>
func.func @int4(%x: tensor<5xi4>, %s: tensor<1xf32>, %z: tensor<1xi4>) -> tensor<5xf32> {
  // CHECK: stablehlo.convert {{.*}} : (tensor<5xi8>) -> tensor<5xf32>
  %0 = "webnn.dequantizeLinear"(%x, %s, %z) : (tensor<5xi4>, tensor<1xf32>, tensor<1xi4>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// CHECK-LABEL: func.func @int32
func.func @int32(%x: tensor<i32>, %s: tensor<f32>, %z: tensor<i32>) -> tensor<f32> {
  // CHECK: stablehlo.convert %arg0 : (tensor<i32>) -> tensor<f32>
  %0 = "webnn.dequantizeLinear"(%x, %s, %z) : (tensor<i32>, tensor<f32>, tensor<i32>) -> tensor<f32>
  return %0 : tensor<f32>
}
