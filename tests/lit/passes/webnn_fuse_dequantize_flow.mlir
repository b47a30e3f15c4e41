// RUN: webnn-compile %s --emit=flow --weights=external --target-cpu generic -o %t
// RUN: filecheck --input-file %t %s
// RUN: filecheck --check-prefix=SIZE --input-file %t %s

// Weights as parameters. At IREE's flow level each function is one dispatch, and no tensor of floating point has as many
// elements as the weights, 96x160 or 40x24x3x3, whatever its shape.
// SIZE-NOT: {{<(96x160|160x96|6x16x160|6x16x20x8|96x20x8|160x6x16|160x6x2x8|3x2x16x160|160x96|160x12x8|160x3x2x2x8)xf(32|16)>}}
// SIZE-NOT: {{<(40x24x3x3|40x216|40x3x3x24|40x9x24|40x3x3x2x12|40x9x2x12|5x8x3x3x24|5x8x24x3x3|40x3x3x2x3x4|40x9x2x3x4)xf(32|16)>}}
// SIZE: util.func public @conv2d_channels_no_zero_point

// CHECK-LABEL: util.func public @matmul_blocks(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @matmul_blocks(%x: tensor<1x96xf32>) -> tensor<1x160xf32> {
  %q = "webnn.constant"() {key = "matmul_blocks.q"} : () -> tensor<96x160xi4>
  %s = "webnn.constant"() {key = "matmul_blocks.s"} : () -> tensor<6x160xf32>
  %z = "webnn.constant"() {key = "matmul_blocks.z"} : () -> tensor<6x160xi4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<96x160xi4>, tensor<6x160xf32>, tensor<6x160xi4>) -> tensor<96x160xf32>
  %y = "webnn.matmul"(%x, %w) : (tensor<1x96xf32>, tensor<96x160xf32>) -> tensor<1x160xf32>
  return %y : tensor<1x160xf32>
}

// CHECK-LABEL: util.func public @matmul_blocks_no_zero_point(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @matmul_blocks_no_zero_point(%x: tensor<4x96xf32>) -> tensor<4x160xf32> {
  %q = "webnn.constant"() {key = "matmul_blocks_no_zero_point.q"} : () -> tensor<96x160xi4>
  %s = "webnn.constant"() {key = "matmul_blocks_no_zero_point.s"} : () -> tensor<6x160xf32>
  %z = "webnn.constant"() {value = dense<0> : tensor<6x160xi4>} : () -> tensor<6x160xi4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<96x160xi4>, tensor<6x160xf32>, tensor<6x160xi4>) -> tensor<96x160xf32>
  %y = "webnn.matmul"(%x, %w) : (tensor<4x96xf32>, tensor<96x160xf32>) -> tensor<4x160xf32>
  return %y : tensor<4x160xf32>
}

// CHECK-LABEL: util.func public @matmul_channels(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @matmul_channels(%x: tensor<4x96xf32>) -> tensor<4x160xf32> {
  %q = "webnn.constant"() {key = "matmul_channels.q"} : () -> tensor<96x160xui8>
  %s = "webnn.constant"() {key = "matmul_channels.s"} : () -> tensor<1x160xf32>
  %z = "webnn.constant"() {key = "matmul_channels.z"} : () -> tensor<1x160xui8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<96x160xui8>, tensor<1x160xf32>, tensor<1x160xui8>) -> tensor<96x160xf32>
  %y = "webnn.matmul"(%x, %w) : (tensor<4x96xf32>, tensor<96x160xf32>) -> tensor<4x160xf32>
  return %y : tensor<4x160xf32>
}

// CHECK-LABEL: util.func public @matmul_reshaped(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @matmul_reshaped(%x: tensor<1x96xf32>) -> tensor<1x160xf32> {
  %q = "webnn.constant"() {key = "matmul_reshaped.q"} : () -> tensor<160x6x16xui4>
  %s = "webnn.constant"() {key = "matmul_reshaped.s"} : () -> tensor<160x6x1xf32>
  %z = "webnn.constant"() {key = "matmul_reshaped.z"} : () -> tensor<160x6x1xui4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<160x6x16xui4>, tensor<160x6x1xf32>, tensor<160x6x1xui4>) -> tensor<160x6x16xf32>
  %v = "webnn.reshape"(%w) {newShape = array<i64: 160, 96>} : (tensor<160x6x16xf32>) -> tensor<160x96xf32>
  %u = "webnn.transpose"(%v) {permutation = array<i64: 1, 0>} : (tensor<160x96xf32>) -> tensor<96x160xf32>
  %y = "webnn.matmul"(%x, %u) : (tensor<1x96xf32>, tensor<96x160xf32>) -> tensor<1x160xf32>
  return %y : tensor<1x160xf32>
}

// CHECK-LABEL: util.func public @gemm_blocks(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @gemm_blocks(%x: tensor<2x96xf32>) -> tensor<2x160xf32> {
  %q = "webnn.constant"() {key = "gemm_blocks.q"} : () -> tensor<160x96xui4>
  %s = "webnn.constant"() {key = "gemm_blocks.s"} : () -> tensor<160x6xf32>
  %z = "webnn.constant"() {key = "gemm_blocks.z"} : () -> tensor<160x6xui4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<160x96xui4>, tensor<160x6xf32>, tensor<160x6xui4>) -> tensor<160x96xf32>
  %y = "webnn.gemm"(%x, %w) {bTranspose = true, operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<2x96xf32>, tensor<160x96xf32>) -> tensor<2x160xf32>
  return %y : tensor<2x160xf32>
}

// CHECK-LABEL: util.func public @gemm_channels_no_zero_point(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @gemm_channels_no_zero_point(%x: tensor<2x96xf32>) -> tensor<2x160xf32> {
  %q = "webnn.constant"() {key = "gemm_channels_no_zero_point.q"} : () -> tensor<160x96xi8>
  %s = "webnn.constant"() {key = "gemm_channels_no_zero_point.s"} : () -> tensor<160x1xf32>
  %z = "webnn.constant"() {value = dense<0> : tensor<160x1xi8>} : () -> tensor<160x1xi8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<160x96xi8>, tensor<160x1xf32>, tensor<160x1xi8>) -> tensor<160x96xf32>
  %y = "webnn.gemm"(%x, %w) {bTranspose = true, operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<2x96xf32>, tensor<160x96xf32>) -> tensor<2x160xf32>
  return %y : tensor<2x160xf32>
}

// CHECK-LABEL: util.func public @conv2d_blocks(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @conv2d_blocks(%x: tensor<1x9x9x24xf32>) -> tensor<1x7x7x40xf32> {
  %q = "webnn.constant"() {key = "conv2d_blocks.q"} : () -> tensor<40x3x3x24xi4>
  %s = "webnn.constant"() {key = "conv2d_blocks.s"} : () -> tensor<40x1x1x2xf32>
  %z = "webnn.constant"() {key = "conv2d_blocks.z"} : () -> tensor<40x1x1x2xi4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<40x3x3x24xi4>, tensor<40x1x1x2xf32>, tensor<40x1x1x2xi4>) -> tensor<40x3x3x24xf32>
  %y = "webnn.conv2d"(%x, %w) {inputLayout = "nhwc", filterLayout = "ohwi", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x9x9x24xf32>, tensor<40x3x3x24xf32>) -> tensor<1x7x7x40xf32>
  return %y : tensor<1x7x7x40xf32>
}

// CHECK-LABEL: util.func public @conv2d_channels(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @conv2d_channels(%x: tensor<1x24x9x9xf32>) -> tensor<1x40x7x7xf32> {
  %q = "webnn.constant"() {key = "conv2d_channels.q"} : () -> tensor<40x24x3x3xi8>
  %s = "webnn.constant"() {key = "conv2d_channels.s"} : () -> tensor<40x1x1x1xf32>
  %z = "webnn.constant"() {key = "conv2d_channels.z"} : () -> tensor<40x1x1x1xi8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<40x24x3x3xi8>, tensor<40x1x1x1xf32>, tensor<40x1x1x1xi8>) -> tensor<40x24x3x3xf32>
  %y = "webnn.conv2d"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x24x9x9xf32>, tensor<40x24x3x3xf32>) -> tensor<1x40x7x7xf32>
  return %y : tensor<1x40x7x7xf32>
}

// CHECK-LABEL: util.func public @conv2d_channels_no_zero_point(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @conv2d_channels_no_zero_point(%x: tensor<1x24x9x9xf32>) -> tensor<1x40x7x7xf32> {
  %q = "webnn.constant"() {key = "conv2d_channels_no_zero_point.q"} : () -> tensor<40x24x3x3xui8>
  %s = "webnn.constant"() {key = "conv2d_channels_no_zero_point.s"} : () -> tensor<40x1x1x1xf32>
  %z = "webnn.constant"() {value = dense<0> : tensor<40x1x1x1xui8>} : () -> tensor<40x1x1x1xui8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<40x24x3x3xui8>, tensor<40x1x1x1xf32>, tensor<40x1x1x1xui8>) -> tensor<40x24x3x3xf32>
  %y = "webnn.conv2d"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x24x9x9xf32>, tensor<40x24x3x3xf32>) -> tensor<1x40x7x7xf32>
  return %y : tensor<1x40x7x7xf32>
}
