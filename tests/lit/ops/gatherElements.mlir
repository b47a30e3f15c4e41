// RUN: webnn-opt --webnn-to-linalg --webnn-to-stablehlo %s | filecheck %s
// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s --check-prefix=STABLEHLO

// CHECK-LABEL: func.func @axis
// CHECK: linalg.generic
// CHECK: %[[ROW:.+]] = linalg.index 0
// CHECK: %[[COLUMN:.+]] = linalg.index 1
// CHECK: tensor.extract %arg1[%[[ROW]], %[[COLUMN]]]
// CHECK: %[[INDEX:.+]] = arith.index_cast
// CHECK: tensor.extract %arg0[%[[ROW]], %[[INDEX]]]
// In the flat input: 4 · row + index.
// STABLEHLO-LABEL: func.func @axis
// STABLEHLO: stablehlo.minimum
// STABLEHLO: stablehlo.iota dim = 0
// STABLEHLO: dense<4> : tensor<i32>
// STABLEHLO: stablehlo.multiply
// STABLEHLO: stablehlo.add
// STABLEHLO: stablehlo.gather{{.*}}(tensor<12xi8>, tensor<3x2xi32>) -> tensor<3x2xi8>
func.func @axis(%x: tensor<3x4xi8>, %i: tensor<3x2xi32>) -> tensor<3x2xi8> {
  %0 = "webnn.gatherElements"(%x, %i) {axis = 1 : i64} : (tensor<3x4xi8>, tensor<3x2xi32>) -> tensor<3x2xi8>
  return %0 : tensor<3x2xi8>
}
