// RUN: webnn-opt --webnn-to-linalg --webnn-to-stablehlo %s | filecheck %s
// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s --check-prefix=STEPS

// CHECK-LABEL: func.func @inclusive
// STEPS-LABEL: func.func @inclusive
// STEPS-COUNT-3: stablehlo.pad
// CHECK: iree_linalg_ext.scan {{.*}}dimension(1) inclusive(true)
// CHECK: arith.addf
func.func @inclusive(%x: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %0 = "webnn.cumulativeSum"(%x) {axis = 1 : i64} : (tensor<2x5xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}

// CHECK-LABEL: func.func @exclusive_reversed
// CHECK: stablehlo.reverse {{.*}} dims = [0]
// CHECK: iree_linalg_ext.scan {{.*}}dimension(0) inclusive(false)
// CHECK: arith.addi
// CHECK: stablehlo.reverse
func.func @exclusive_reversed(%x: tensor<2x5xui32>) -> tensor<2x5xui32> {
  %0 = "webnn.cumulativeSum"(%x) {axis = 0 : i64, exclusive = true, reversed = true} : (tensor<2x5xui32>) -> tensor<2x5xui32>
  return %0 : tensor<2x5xui32>
}
