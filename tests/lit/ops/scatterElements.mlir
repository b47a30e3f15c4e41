// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s
// RUN: webnn-opt --webnn-to-linalg --webnn-to-stablehlo %s | filecheck %s --check-prefix=OWN

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
// Memory of its own, since IREE writes into the operand.
// OWN-LABEL: func.func @axis
// OWN: %[[COPY:.+]] = linalg.generic {{.*}}outs({{.*}} : tensor<12xf32>)
// OWN: arith.maxsi
// OWN: "stablehlo.scatter"(%[[COPY]],
func.func @axis(%x: tensor<3x4xf32>, %i: tensor<3x2xi64>, %u: tensor<3x2xf32>) -> tensor<3x4xf32> {
  %0 = "webnn.scatterElements"(%x, %i, %u) {axis = 1 : i64} : (tensor<3x4xf32>, tensor<3x2xi64>, tensor<3x2xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// There is one place, and the last update is its value.
// CHECK-LABEL: func.func @one_element
// CHECK: stablehlo.slice {{.*}} [3:4]
// CHECK-NOT: stablehlo.scatter
func.func @one_element(%x: tensor<1xf32>, %i: tensor<4xi32>, %u: tensor<4xf32>) -> tensor<1xf32> {
  %0 = "webnn.scatterElements"(%x, %i, %u) : (tensor<1xf32>, tensor<4xi32>, tensor<4xf32>) -> tensor<1xf32>
  return %0 : tensor<1xf32>
}
