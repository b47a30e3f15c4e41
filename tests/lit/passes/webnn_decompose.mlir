// RUN: webnn-opt --webnn-decompose --mlir-print-debuginfo %s | filecheck %s

// What a formula is made of has the place of the op that it stands for; other ops are left as they are.
// CHECK-LABEL: func.func @formula
// CHECK-DAG: %[[THREE:.+]] = "webnn.constant"() {value = dense<3.000000e+00> : tensor<f32>}
// CHECK-DAG: %[[SIX:.+]] = "webnn.constant"() {value = dense<6.000000e+00> : tensor<f32>}
// CHECK: %[[SUM:.+]] = "webnn.add"(%arg0, %[[THREE]]) {{.*}} loc(#[[PLACE:.+]])
// CHECK: %[[CLAMPED:.+]] = "webnn.clamp"(%[[SUM]]) {maxValue = 6.000000e+00 : f64, minValue = 0.000000e+00 : f64}
// CHECK: %[[PRODUCT:.+]] = "webnn.mul"(%arg0, %[[CLAMPED]])
// CHECK: %[[RESULT:.+]] = "webnn.div"(%[[PRODUCT]], %[[SIX]]) {{.*}} loc(#[[PLACE]])
// CHECK: "webnn.abs"(%[[RESULT]])
func.func @formula(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.hardSwish"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "webnn.abs"(%0) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// A formula's own formulas are expanded too: the mean is a sum, divided.
// CHECK-LABEL: func.func @formula_in_formula
// CHECK-NOT: webnn.reduceMean
// CHECK: %[[TOTAL:.+]] = "webnn.reduceSum"(%arg0) {axes = array<i64: 2, 3>, keepDimensions = true}
// CHECK: %[[MEAN:.+]] = "webnn.div"(%[[TOTAL]]
// CHECK: "webnn.sub"(%arg0, %[[MEAN]])
// CHECK-NOT: webnn.reduceMean
// CHECK: return
func.func @formula_in_formula(%x: tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  %0 = "webnn.instanceNormalization"(%x) {operandSegmentSizes = array<i32: 1, 0, 0>} : (tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  return %0 : tensor<1x2x3x4xf32>
}

// In float16 the steps between are float32.
// CHECK-LABEL: func.func @half
// CHECK: "webnn.cast"(%arg0) {dataType = "float32"}
// CHECK: "webnn.exp"({{.*}}) : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: "webnn.cast"({{.*}}) {dataType = "float16"}
func.func @half(%x: tensor<2x3xf16>) -> tensor<2x1xf16> {
  %0 = "webnn.reduceLogSumExp"(%x) {axes = array<i64: 1>, keepDimensions = true} : (tensor<2x3xf16>) -> tensor<2x1xf16>
  return %0 : tensor<2x1xf16>
}
