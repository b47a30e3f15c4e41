// RUN: webnn-opt --webnn-to-linalg --webnn-to-stablehlo %s | filecheck %s
// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s --check-prefix=STABLEHLO

// CHECK-LABEL: func.func @slices
// CHECK: linalg.generic
// CHECK: %[[I:.+]] = linalg.index 0
// CHECK: %[[INNER:.+]] = linalg.index 1
// CHECK: tensor.extract %arg1[%[[I]], {{.+}}]
// CHECK: %[[FIRST:.+]] = arith.index_cast
// CHECK: tensor.extract %arg1[%[[I]], {{.+}}]
// CHECK: %[[SECOND:.+]] = arith.index_cast
// CHECK: tensor.extract %arg0[%[[FIRST]], %[[SECOND]], %[[INNER]]]
// Each coordinate is kept within its own dimension; slice 4 · first + second is gathered.
// STABLEHLO-LABEL: func.func @slices
// STABLEHLO: dense<[3, 4]> : tensor<2xi32>
// STABLEHLO: stablehlo.minimum
// STABLEHLO: stablehlo.reduce{{.*}} across dimensions = [1]
// STABLEHLO: stablehlo.gather{{.*}}slice_sizes = array<i64: 1, 5>{{.*}}(tensor<12x5xf16>, tensor<7xi32>) -> tensor<7x5xf16>
func.func @slices(%x: tensor<3x4x5xf16>, %i: tensor<7x2xi32>) -> tensor<7x5xf16> {
  %0 = "webnn.gatherND"(%x, %i) : (tensor<3x4x5xf16>, tensor<7x2xi32>) -> tensor<7x5xf16>
  return %0 : tensor<7x5xf16>
}
