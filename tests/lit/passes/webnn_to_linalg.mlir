// RUN: webnn-opt --webnn-to-linalg %s | filecheck %s

// Only ops whose declaration has a Linalg form are lowered.
// CHECK-LABEL: func.func @main
// CHECK: %[[EXP:.+]] = "webnn.exp"(%arg0)
// CHECK: iree_linalg_ext.scan {{.*}} dimension(1) inclusive(true) ins(%[[EXP]]
// CHECK: arith.addf
// CHECK-NOT: webnn.cumulativeSum
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.exp"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "webnn.cumulativeSum"(%0) {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}
