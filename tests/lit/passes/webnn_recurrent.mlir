// RUN: webnn-opt --webnn-recurrent --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-recurrent %s | filecheck --check-prefix=GENERIC %s

// CHECK: stream.executable private @gru_5x2x16
// CHECK: stream.executable private @lstm_7x1x64
// GENERIC-NOT: stream.executable

// One product for all steps, and a kernel for what follows from step to step.
// CHECK-LABEL: func.func @lstm
func.func @lstm(%x: tensor<7x1x8xf32>) -> (tensor<1x1x64xf32>, tensor<1x1x64xf32>, tensor<7x1x1x64xf32>) {
  // CHECK: webnn.matmul{{.*}} : (tensor<7x8xf32>, tensor<8x256xf32>) -> tensor<7x256xf32>
  // CHECK: flow.dispatch @lstm_7x1x64_{{.*}} : (tensor<1792xf32>, tensor<16384xf32>) -> (tensor<448xf32>, tensor<64xf32>, tensor<64xf32>)
  %w = "webnn.constant"() {value = dense<0.5> : tensor<1x256x8xf32>} : () -> tensor<1x256x8xf32>
  %r = "webnn.constant"() {value = dense<0.25> : tensor<1x256x64xf32>} : () -> tensor<1x256x64xf32>
  %h, %c, %y = "webnn.lstm"(%x, %w, %r) {activations = ["sigmoid", "tanh", "tanh"], direction = "forward", hiddenSize = 64 : i64, layout = "iofg", operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>, returnSequence = true, steps = 7 : i64} : (tensor<7x1x8xf32>, tensor<1x256x8xf32>, tensor<1x256x64xf32>) -> (tensor<1x1x64xf32>, tensor<1x1x64xf32>, tensor<7x1x1x64xf32>)
  return %h, %c, %y : tensor<1x1x64xf32>, tensor<1x1x64xf32>, tensor<7x1x1x64xf32>
}

// CHECK-LABEL: func.func @gru
func.func @gru(%x: tensor<5x2x8xf32>) -> tensor<2x2x16xf32> {
  // CHECK: flow.dispatch @gru_5x2x16_{{.*}} : (tensor<960xf32>, tensor<1536xf32>) -> (tensor<320xf32>, tensor<64xf32>)
  %w = "webnn.constant"() {value = dense<0.5> : tensor<2x48x8xf32>} : () -> tensor<2x48x8xf32>
  %r = "webnn.constant"() {value = dense<0.25> : tensor<2x48x16xf32>} : () -> tensor<2x48x16xf32>
  %h = "webnn.gru"(%x, %w, %r) {activations = ["sigmoid", "tanh"], direction = "both", hiddenSize = 16 : i64, layout = "zrn", operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, resetAfter = true, returnSequence = false, steps = 5 : i64} : (tensor<5x2x8xf32>, tensor<2x48x8xf32>, tensor<2x48x16xf32>) -> tensor<2x2x16xf32>
  return %h : tensor<2x2x16xf32>
}

// CHECK-LABEL: func.func @resets_before
// CHECK: flow.dispatch @gru_5x2x16_
func.func @resets_before(%x: tensor<5x2x8xf32>) -> tensor<1x2x16xf32> {
  %w = "webnn.constant"() {value = dense<0.5> : tensor<1x48x8xf32>} : () -> tensor<1x48x8xf32>
  %r = "webnn.constant"() {value = dense<0.25> : tensor<1x48x16xf32>} : () -> tensor<1x48x16xf32>
  %h = "webnn.gru"(%x, %w, %r) {activations = ["sigmoid", "tanh"], direction = "forward", hiddenSize = 16 : i64, layout = "zrn", operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, resetAfter = false, returnSequence = false, steps = 5 : i64} : (tensor<5x2x8xf32>, tensor<1x48x8xf32>, tensor<1x48x16xf32>) -> tensor<1x2x16xf32>
  return %h : tensor<1x2x16xf32>
}
