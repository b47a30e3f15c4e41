// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s
// RUN: webnn-opt --webnn-to-linalg --webnn-to-stablehlo %s | filecheck %s --check-prefix=OWN

// Slices of 5 of the flat input, at 4 · first + second, each kept within its own dimension.
// CHECK-LABEL: func.func @slices
// CHECK: dense<[3, 4]> : tensor<2xui32>
// CHECK: stablehlo.minimum
// CHECK: stablehlo.reduce{{.*}} across dimensions = [1]
// CHECK: stablehlo.scatter{{.*}}update_window_dims = [1]{{.*}}unique_indices = false
// CHECK: (tensor<12x5xi64>, tensor<7x1xi32>, tensor<7x5xi64>) -> tensor<12x5xi64>
// Memory of its own, since IREE writes into the operand.
// OWN-LABEL: func.func @slices
// OWN: %[[COPY:.+]] = linalg.generic {{.*}}outs({{.*}} : tensor<12x5xi64>)
// OWN: arith.maxsi
// OWN: "stablehlo.scatter"(%[[COPY]],
func.func @slices(%x: tensor<3x4x5xi64>, %i: tensor<7x2xui32>, %u: tensor<7x5xi64>) -> tensor<3x4x5xi64> {
  %0 = "webnn.scatterND"(%x, %i, %u) : (tensor<3x4x5xi64>, tensor<7x2xui32>, tensor<7x5xi64>) -> tensor<3x4x5xi64>
  return %0 : tensor<3x4x5xi64>
}
