// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// Positions in the flat input, kept within it: 4 · row + index. The later of two updates of one place stays.
// CHECK-LABEL: func.func @axis
// CHECK: stablehlo.maximum
// CHECK: stablehlo.minimum
// CHECK: stablehlo.iota dim = 0
// CHECK: stablehlo.multiply
// CHECK: stablehlo.add
// CHECK: stablehlo.scatter{{.*}}unique_indices = false
// CHECK: ^bb0(%{{.+}}: tensor<f32>, %[[NEW:.+]]: tensor<f32>):
// CHECK-NEXT: stablehlo.return %[[NEW]]
// CHECK: (tensor<12xf32>, tensor<6x1xi32>, tensor<6xf32>) -> tensor<12xf32>
// CHECK: stablehlo.reshape {{.*}} -> tensor<3x4xf32>
func.func @axis(%x: tensor<3x4xf32>, %i: tensor<3x2xi64>, %u: tensor<3x2xf32>) -> tensor<3x4xf32> {
  %0 = "webnn.scatterElements"(%x, %i, %u) {axis = 1 : i64} : (tensor<3x4xf32>, tensor<3x2xi64>, tensor<3x2xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}
