// RUN: webnn-opt --webnn-to-linalg --webnn-to-stablehlo %s | filecheck %s
// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s --check-prefix=STABLEHLO

// Negative indices count from the end of 4; then they are clamped to 0 .. 3. Both are part of the only loop.
// CHECK-LABEL: func.func @axis
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<3x2x5xf32>)
// CHECK: %[[I:.+]] = linalg.index 1
// CHECK: %[[INDEX:.+]] = tensor.extract %arg1[%[[I]]] : tensor<2xi64>
// CHECK-DAG: %[[ZERO:.+]] = arith.constant 0 : i64
// CHECK-DAG: %[[LENGTH:.+]] = arith.constant 4 : i64
// CHECK-DAG: %[[LAST:.+]] = arith.constant 3 : i64
// CHECK: %[[NEGATIVE:.+]] = arith.cmpi slt, %[[INDEX]], %[[ZERO]]
// CHECK: %[[FROM_END:.+]] = arith.addi %[[INDEX]], %[[LENGTH]]
// CHECK: %[[FROM_START:.+]] = arith.select %[[NEGATIVE]], %[[FROM_END]], %[[INDEX]]
// CHECK: %[[LOW:.+]] = arith.maxsi %[[FROM_START]], %[[ZERO]]
// CHECK: arith.minsi %[[LOW]], %[[LAST]]
// CHECK: tensor.extract %arg0[
// STABLEHLO-LABEL: func.func @axis
// STABLEHLO: stablehlo.maximum
// STABLEHLO: stablehlo.minimum
// STABLEHLO: stablehlo.gather{{.*}}collapsed_slice_dims = [1]{{.*}}slice_sizes = array<i64: 3, 1, 5>
func.func @axis(%x: tensor<3x4x5xf32>, %i: tensor<2xi64>) -> tensor<3x2x5xf32> {
  %0 = "webnn.gather"(%x, %i) {axis = 1 : i64} : (tensor<3x4x5xf32>, tensor<2xi64>) -> tensor<3x2x5xf32>
  return %0 : tensor<3x2x5xf32>
}

// CHECK-LABEL: func.func @unsigned
// CHECK: arith.minui
// CHECK-NOT: arith.cmpi
// STABLEHLO-LABEL: func.func @unsigned
// STABLEHLO-NOT: stablehlo.compare
// STABLEHLO: stablehlo.minimum
// STABLEHLO: stablehlo.gather
func.func @unsigned(%x: tensor<4xui8>, %i: tensor<ui32>) -> tensor<ui8> {
  %0 = "webnn.gather"(%x, %i) : (tensor<4xui8>, tensor<ui32>) -> tensor<ui8>
  return %0 : tensor<ui8>
}
