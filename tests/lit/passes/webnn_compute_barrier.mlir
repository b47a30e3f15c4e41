// RUN: webnn-opt --webnn-compute-barrier %s | filecheck %s

// CHECK-LABEL: func.func @two
// CHECK-NEXT: %[[X:.+]] = iree_tensor_ext.compute_barrier.start %arg0 : tensor<2x3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: %[[X_APART:.+]] = iree_tensor_ext.compute_barrier.end %[[X]] : tensor<2x3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: %[[Y:.+]] = iree_tensor_ext.compute_barrier.start %arg1 : tensor<4xi32> -> tensor<4xi32>
// CHECK-NEXT: %[[Y_APART:.+]] = iree_tensor_ext.compute_barrier.end %[[Y]] : tensor<4xi32> -> tensor<4xi32>
// CHECK-NEXT: return %[[X_APART]], %[[Y_APART]]
func.func @two(%x: tensor<2x3xf32>, %y: tensor<4xi32>) -> (tensor<2x3xf32>, tensor<4xi32>) {
  %0:2 = stablehlo.optimization_barrier %x, %y : tensor<2x3xf32>, tensor<4xi32>
  return %0#0, %0#1 : tensor<2x3xf32>, tensor<4xi32>
}
