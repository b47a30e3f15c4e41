// RUN: webnn-opt --webnn-decompose %s | filecheck %s
// RUN: webnn-opt --webnn-decompose --webnn-to-linalg --webnn-to-stablehlo --webnn-verify-lowered %s | filecheck %s --check-prefix=LOWERED

// clamp(roundEven(input / scale) + zeroPoint), then cast.
// CHECK-LABEL: func.func @int8
func.func @int8(%x: tensor<4xf32>, %s: tensor<4xf32>, %z: tensor<4xi8>) -> tensor<4xi8> {
  // CHECK: %[[Z:.*]] = "webnn.cast"(%arg2) {dataType = "float32"}
  // CHECK: %[[Q:.*]] = "webnn.div"(%arg0, %arg1)
  // CHECK: %[[R:.*]] = "webnn.roundEven"(%[[Q]])
  // CHECK: %[[A:.*]] = "webnn.add"(%[[R]], %[[Z]])
  // CHECK: %[[C:.*]] = "webnn.clamp"(%[[A]]) {maxValue = 1.270000e+02 : f64, minValue = -1.280000e+02 : f64}
  // CHECK: "webnn.cast"(%[[C]]) {dataType = "int8"}
  %0 = "webnn.quantizeLinear"(%x, %s, %z) : (tensor<4xf32>, tensor<4xf32>, tensor<4xi8>) -> tensor<4xi8>
  return %0 : tensor<4xi8>
}

// CHECK-LABEL: func.func @blocks
func.func @blocks(%x: tensor<6xf32>, %s: tensor<2xf32>, %z: tensor<2xui8>) -> tensor<6xui8> {
  // CHECK: "webnn.expand"({{.*}}) {newShape = array<i64: 2, 3>}
  // CHECK: %[[S:.*]] = "webnn.reshape"({{.*}}) {newShape = array<i64: 6>}
  // CHECK: "webnn.div"(%arg0, {{.*}}) : (tensor<6xf32>, tensor<6xf32>)
  %0 = "webnn.quantizeLinear"(%x, %s, %z) : (tensor<6xf32>, tensor<2xf32>, tensor<2xui8>) -> tensor<6xui8>
  return %0 : tensor<6xui8>
}

// CHECK-LABEL: func.func @uint4
// The result of uint4 leaves as bytes.
// LOWERED-LABEL: func.func @uint4
// LOWERED-SAME: -> tensor<3xui8>
func.func @uint4(%x: tensor<5xf32>, %s: tensor<1xf32>, %z: tensor<1xui4>) -> tensor<5xui4> {
  // CHECK: "webnn.clamp"({{.*}}) {maxValue = 1.500000e+01 : f64, minValue = 0.000000e+00 : f64}
  %0 = "webnn.quantizeLinear"(%x, %s, %z) : (tensor<5xf32>, tensor<1xf32>, tensor<1xui4>) -> tensor<5xui4>
  return %0 : tensor<5xui4>
}

// The limits of int32 are infinite in float16: there, cast saturates.
// CHECK-LABEL: func.func @float16_to_int32
func.func @float16_to_int32(%x: tensor<2xf16>, %s: tensor<1xf16>, %z: tensor<1xi32>) -> tensor<2xi32> {
  // CHECK: "webnn.clamp"({{.*}}) {maxValue = 0x7FF0000000000000 : f64, minValue = 0xFFF0000000000000 : f64}
  %0 = "webnn.quantizeLinear"(%x, %s, %z) : (tensor<2xf16>, tensor<1xf16>, tensor<1xi32>) -> tensor<2xi32>
  return %0 : tensor<2xi32>
}
