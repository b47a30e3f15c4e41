// RUN: webnn-opt --webnn-signature --webnn-caller-memory %s | filecheck %s

// A buffer for each result that does not take over an input, and one for the rest.
// CHECK: func.func @main(%[[PAST:.+]]: tensor<4xf32>, %[[X:.+]]: tensor<f32>,
// CHECK-SAME: %{{.+}}: tensor<f32> {iree.abi.output = 1 : index}, %{{.+}}: !hal.buffer_view {iree.abi.transients})
// CHECK-SAME: -> (tensor<4xf32>, tensor<f32>)
func.func @main(%past: tensor<4xf32>, %x: tensor<f32>) -> (tensor<4xf32> {webnn.alias = "input0"}, tensor<f32>) {
  %0 = "webnn.abs"(%x) : (tensor<f32>) -> tensor<f32>
  return %past, %0 : tensor<4xf32>, tensor<f32>
}
