// RUN: webnn-compile %s --emit=flow --weights=embed --target-cpu generic -o %t
// RUN: filecheck --input-file %t %s
// RUN: filecheck --check-prefix=SIZE --input-file %t %s

// Weights inside the module: they are not dequantized when it is compiled either. They are 16x8 and 6x4x3x3.
// SIZE-NOT: {{<(16x8|8x16|4x4x8|8x4x4|16x1x8|8x2x8|128)xf(32|16)>}}
// SIZE-NOT: {{<(6x4x3x3|6x36|6x3x3x4|6x9x4|6x3x3x2x2|6x9x2x2|6x4x9|216)xf(32|16)>}}
// SIZE: util.func public @conv2d_channels_no_zero_point

// CHECK-LABEL: util.func public @matmul_blocks(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @matmul_blocks(%x: tensor<1x16xf32>) -> tensor<1x8xf32> {
  %q = "webnn.constant"() {value = dense<[[7, 2, 2, 6, 1, 4, 5, -5], [-8, -4, -4, 5, 6, -8, -1, 5], [-6, 4, -7, -1, 5, -4, -3, -4], [3, -4, 7, -1, -1, 0, 1, 0], [0, 7, 4, 4, 3, 1, -3, 7], [-1, -5, 5, -6, 5, 1, -7, -8], [-1, -8, -6, 0, 7, -1, 4, 6], [5, 2, -1, 0, -4, -1, -2, -5], [7, -8, -7, -5, 7, 3, 6, -5], [3, -3, -1, -8, 1, 5, 2, -6], [0, -4, 7, 6, -6, 0, 7, 5], [3, 2, -8, 3, -1, -7, -5, 0], [3, 0, 1, 5, 2, -3, 2, 1], [-7, -8, 2, -2, 1, -3, -5, -6], [-2, 5, -2, -2, 1, 7, -2, 1], [-1, 1, -1, 2, 0, 2, 7, -6]]> : tensor<16x8xi4>} : () -> tensor<16x8xi4>
  %s = "webnn.constant"() {value = dense<[[0.94, 0.74, 0.9, 0.6, 1.47, 0.72, 1.17, 0.8], [1.37, 1.16, 0.63, 1.35, 1.44, 1.4, 1.07, 0.65], [0.69, 1.43, 1.05, 0.68, 1.38, 1.14, 1.07, 0.88], [0.91, 0.74, 0.54, 1.38, 0.97, 1.05, 0.82, 1.25]]> : tensor<4x8xf32>} : () -> tensor<4x8xf32>
  %z = "webnn.constant"() {value = dense<[[-8, -8, 3, -3, 4, -8, 6, -7], [-2, 7, -7, 2, 3, -2, -7, 0], [-2, 5, 2, -3, -8, 1, -4, 2], [5, -3, 6, 0, 0, 4, 4, 6]]> : tensor<4x8xi4>} : () -> tensor<4x8xi4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<16x8xi4>, tensor<4x8xf32>, tensor<4x8xi4>) -> tensor<16x8xf32>
  %y = "webnn.matmul"(%x, %w) : (tensor<1x16xf32>, tensor<16x8xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// CHECK-LABEL: util.func public @matmul_blocks_no_zero_point(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @matmul_blocks_no_zero_point(%x: tensor<4x16xf32>) -> tensor<4x8xf32> {
  %q = "webnn.constant"() {value = dense<[[7, -6, -2, 6, -4, -8, 1, 4], [3, 4, 2, -6, 5, -2, 5, 5], [7, -8, 5, 2, -1, 4, 7, 0], [-7, 3, -5, -5, -5, -5, 6, -3], [-7, -6, -2, -3, -4, 7, 5, 1], [7, -3, -6, -4, -7, 7, -5, -1], [-5, 7, -6, 0, 7, 0, 6, 6], [4, 3, 1, 1, 5, -2, 7, 6], [-3, -2, 3, 6, -7, -7, -5, -2], [-6, 0, 0, 7, 3, -4, 4, 4], [2, 2, -4, 3, -6, 2, 6, 7], [-4, -3, 1, -2, 3, -5, -6, -8], [-1, -5, -4, 6, 5, 5, 1, -7], [3, 1, 6, -1, -6, 1, -1, 2], [-2, -4, -6, 7, 4, -1, -5, 2], [-2, 2, -7, -6, 3, -8, 2, -2]]> : tensor<16x8xi4>} : () -> tensor<16x8xi4>
  %s = "webnn.constant"() {value = dense<[[1.26, 1.32, 1.23, 0.61, 1.41, 1.3, 1.38, 1.02], [1.42, 0.55, 0.53, 0.52, 0.75, 0.75, 0.69, 1.07], [0.54, 1.09, 0.67, 1.18, 0.52, 0.81, 1.44, 1.04], [1.31, 1.16, 1.11, 0.69, 1.07, 0.54, 1.3, 1.46]]> : tensor<4x8xf32>} : () -> tensor<4x8xf32>
  %z = "webnn.constant"() {value = dense<0> : tensor<4x8xi4>} : () -> tensor<4x8xi4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<16x8xi4>, tensor<4x8xf32>, tensor<4x8xi4>) -> tensor<16x8xf32>
  %y = "webnn.matmul"(%x, %w) : (tensor<4x16xf32>, tensor<16x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: util.func public @matmul_channels(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @matmul_channels(%x: tensor<4x16xf32>) -> tensor<4x8xf32> {
  %q = "webnn.constant"() {value = dense<[[230, 218, 4, 12, 148, 86, 215, 81], [39, 28, 77, 160, 32, 204, 77, 80], [169, 220, 111, 204, 78, 33, 212, 196], [192, 225, 127, 50, 149, 146, 98, 163], [67, 155, 203, 24, 116, 169, 13, 161], [233, 210, 175, 205, 92, 83, 21, 184], [80, 222, 119, 228, 35, 41, 88, 6], [125, 166, 169, 54, 42, 144, 162, 241], [229, 97, 41, 64, 225, 116, 254, 168], [152, 25, 151, 97, 215, 34, 49, 169], [174, 212, 134, 96, 78, 95, 169, 138], [75, 55, 181, 63, 53, 84, 218, 117], [152, 20, 88, 192, 197, 148, 224, 76], [42, 19, 51, 195, 231, 33, 128, 34], [216, 33, 163, 20, 188, 232, 187, 68], [215, 78, 192, 213, 124, 158, 218, 47]]> : tensor<16x8xui8>} : () -> tensor<16x8xui8>
  %s = "webnn.constant"() {value = dense<[[0.93, 1.38, 0.88, 1.21, 0.6, 1.23, 1.28, 1.33]]> : tensor<1x8xf32>} : () -> tensor<1x8xf32>
  %z = "webnn.constant"() {value = dense<[[217, 172, 85, 94, 185, 16, 59, 132]]> : tensor<1x8xui8>} : () -> tensor<1x8xui8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<16x8xui8>, tensor<1x8xf32>, tensor<1x8xui8>) -> tensor<16x8xf32>
  %y = "webnn.matmul"(%x, %w) : (tensor<4x16xf32>, tensor<16x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: util.func public @matmul_reshaped(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @matmul_reshaped(%x: tensor<1x16xf32>) -> tensor<1x8xf32> {
  %q = "webnn.constant"() {value = dense<[[[15, 12, 13, 3], [4, 4, 11, 8], [3, 11, 10, 14], [8, 2, 14, 2]], [[0, 12, 7, 10], [2, 11, 6, 15], [10, 15, 12, 13], [1, 12, 9, 6]], [[4, 10, 3, 2], [13, 12, 9, 12], [5, 11, 3, 7], [2, 6, 5, 6]], [[7, 0, 5, 13], [6, 8, 1, 6], [15, 8, 0, 11], [12, 6, 0, 13]], [[4, 14, 5, 6], [12, 2, 0, 12], [14, 15, 2, 2], [5, 11, 14, 13]], [[5, 14, 4, 1], [6, 1, 10, 15], [1, 1, 2, 2], [8, 9, 15, 7]], [[14, 12, 13, 3], [7, 14, 12, 3], [13, 12, 2, 1], [4, 7, 2, 0]], [[1, 5, 6, 4], [7, 11, 3, 7], [11, 0, 15, 15], [4, 14, 4, 14]]]> : tensor<8x4x4xui4>} : () -> tensor<8x4x4xui4>
  %s = "webnn.constant"() {value = dense<[[[0.75], [0.89], [0.73], [0.62]], [[0.53], [1.0], [0.62], [0.68]], [[1.36], [0.98], [0.68], [1.17]], [[0.77], [1.03], [0.78], [1.02]], [[1.13], [1.04], [0.9], [1.29]], [[1.37], [0.68], [0.64], [0.61]], [[1.48], [1.44], [0.73], [1.47]], [[0.71], [1.01], [1.0], [1.41]]]> : tensor<8x4x1xf32>} : () -> tensor<8x4x1xf32>
  %z = "webnn.constant"() {value = dense<[[[12], [0], [12], [5]], [[5], [9], [15], [1]], [[8], [3], [14], [7]], [[13], [14], [1], [12]], [[12], [13], [15], [12]], [[13], [11], [4], [13]], [[11], [10], [15], [11]], [[5], [4], [5], [2]]]> : tensor<8x4x1xui4>} : () -> tensor<8x4x1xui4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<8x4x4xui4>, tensor<8x4x1xf32>, tensor<8x4x1xui4>) -> tensor<8x4x4xf32>
  %v = "webnn.reshape"(%w) {newShape = array<i64: 8, 16>} : (tensor<8x4x4xf32>) -> tensor<8x16xf32>
  %u = "webnn.transpose"(%v) {permutation = array<i64: 1, 0>} : (tensor<8x16xf32>) -> tensor<16x8xf32>
  %y = "webnn.matmul"(%x, %u) : (tensor<1x16xf32>, tensor<16x8xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// CHECK-LABEL: util.func public @gemm_blocks(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @gemm_blocks(%x: tensor<2x16xf32>) -> tensor<2x8xf32> {
  %q = "webnn.constant"() {value = dense<[[1, 12, 12, 2, 6, 14, 13, 9, 15, 5, 13, 14, 9, 2, 4, 8], [4, 1, 2, 15, 6, 9, 7, 12, 1, 4, 9, 12, 7, 11, 12, 10], [13, 15, 3, 6, 3, 6, 0, 11, 3, 13, 11, 5, 7, 10, 6, 3], [0, 8, 8, 12, 2, 1, 11, 11, 12, 0, 10, 15, 12, 7, 7, 6], [0, 11, 8, 8, 14, 11, 15, 1, 15, 9, 6, 8, 0, 14, 10, 0], [14, 7, 1, 10, 1, 8, 12, 1, 12, 9, 5, 3, 0, 3, 4, 14], [8, 3, 11, 7, 13, 12, 14, 11, 1, 8, 6, 12, 2, 7, 13, 9], [0, 13, 5, 10, 10, 10, 6, 6, 1, 8, 4, 6, 2, 11, 14, 6]]> : tensor<8x16xui4>} : () -> tensor<8x16xui4>
  %s = "webnn.constant"() {value = dense<[[0.97, 1.26, 1.0, 0.84], [1.33, 0.88, 1.34, 1.29], [0.95, 1.21, 0.53, 0.89], [1.36, 1.08, 1.06, 1.16], [1.18, 1.08, 0.92, 0.68], [0.79, 0.79, 0.93, 1.5], [0.85, 0.95, 0.87, 1.08], [1.45, 1.39, 0.88, 0.77]]> : tensor<8x4xf32>} : () -> tensor<8x4xf32>
  %z = "webnn.constant"() {value = dense<[[5, 14, 4, 7], [14, 10, 2, 1], [3, 13, 3, 5], [8, 7, 1, 3], [15, 6, 4, 13], [7, 13, 2, 7], [12, 12, 10, 7], [13, 5, 10, 8]]> : tensor<8x4xui4>} : () -> tensor<8x4xui4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<8x16xui4>, tensor<8x4xf32>, tensor<8x4xui4>) -> tensor<8x16xf32>
  %y = "webnn.gemm"(%x, %w) {bTranspose = true, operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<2x16xf32>, tensor<8x16xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// CHECK-LABEL: util.func public @gemm_channels_no_zero_point(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @gemm_channels_no_zero_point(%x: tensor<2x16xf32>) -> tensor<2x8xf32> {
  %q = "webnn.constant"() {value = dense<[[-51, -77, 8, -47, 4, 52, 77, 69, 2, -114, -82, 59, 24, 81, -3, -15], [-66, -113, -92, 46, 20, -65, -36, 36, -31, -32, -59, 35, 99, -62, -54, -7], [-80, 6, 98, 33, -86, -76, -109, 118, -40, -54, 91, -50, -69, -63, -27, -111], [36, -20, 120, 69, -30, 53, 78, -78, -88, -93, -117, -46, 75, 68, -32, -4], [68, 108, -56, 40, 24, 30, 77, 68, -27, 64, -114, -40, -73, -63, 102, -16], [-110, -3, -111, -92, -30, -16, -69, 35, -1, -94, 82, -93, -36, -84, 113, -56], [93, 118, -72, -122, -125, -81, -26, -86, 116, -7, 89, -125, -95, -11, -87, -87], [-122, -59, 67, 74, 2, -81, -13, 29, -91, -24, 82, -22, -8, 81, 43, -87]]> : tensor<8x16xi8>} : () -> tensor<8x16xi8>
  %s = "webnn.constant"() {value = dense<[[1.42], [1.39], [1.17], [0.55], [1.16], [1.1], [1.27], [0.71]]> : tensor<8x1xf32>} : () -> tensor<8x1xf32>
  %z = "webnn.constant"() {value = dense<0> : tensor<8x1xi8>} : () -> tensor<8x1xi8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<8x16xi8>, tensor<8x1xf32>, tensor<8x1xi8>) -> tensor<8x16xf32>
  %y = "webnn.gemm"(%x, %w) {bTranspose = true, operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<2x16xf32>, tensor<8x16xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// CHECK-LABEL: util.func public @conv2d_blocks(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @conv2d_blocks(%x: tensor<1x7x7x4xf32>) -> tensor<1x5x5x6xf32> {
  %q = "webnn.constant"() {value = dense<[[[[-7, 7, -8, 6], [-6, -7, -4, -3], [-3, -8, 5, 5]], [[2, 6, 7, 7], [-2, 1, 4, 2], [4, 2, -2, 1]], [[-5, 7, 6, 1], [4, -3, -2, 0], [-4, -8, -2, 3]]], [[[-4, 3, 1, -2], [3, 5, 7, 4], [-7, -3, 0, -7]], [[-2, -6, 0, -6], [-4, -4, 7, -1], [0, 6, -8, -4]], [[-2, 6, 3, 2], [-2, 5, -6, -2], [-3, -8, -7, 4]]], [[[7, -5, -7, -6], [-8, 4, -8, 2], [4, -5, -5, -4]], [[4, 7, 4, -4], [3, 3, -2, -6], [-3, 5, 0, -7]], [[6, 0, -3, -8], [1, 0, -6, 5], [0, -7, -5, -4]]], [[[3, 4, 5, 1], [6, -3, 1, 2], [-3, -1, 3, 5]], [[6, -4, 3, 4], [6, 2, -5, 3], [-6, -2, -1, 3]], [[-6, 3, -6, -2], [-7, -8, -3, 7], [0, 3, -5, -5]]], [[[6, 3, -1, -4], [5, -1, -8, 5], [-2, -1, -2, -4]], [[1, -4, 0, -7], [5, -5, 1, -4], [-6, -6, 3, -7]], [[4, -1, -1, -5], [-3, 3, 6, 6], [1, -4, -7, 1]]], [[[0, 0, 0, -7], [-2, -7, 5, 6], [5, -1, 4, 4]], [[-3, -7, 5, 1], [-1, 5, 7, 5], [-8, -8, -1, 0]], [[-5, -3, 1, 4], [4, -7, -2, -4], [-4, 5, -2, -1]]]]> : tensor<6x3x3x4xi4>} : () -> tensor<6x3x3x4xi4>
  %s = "webnn.constant"() {value = dense<[[[[0.95, 1.47]]], [[[0.82, 0.54]]], [[[0.89, 0.65]]], [[[0.58, 1.07]]], [[[1.45, 1.08]]], [[[1.15, 0.82]]]]> : tensor<6x1x1x2xf32>} : () -> tensor<6x1x1x2xf32>
  %z = "webnn.constant"() {value = dense<[[[[1, 1]]], [[[2, 4]]], [[[4, 1]]], [[[-7, 4]]], [[[7, 0]]], [[[-1, -5]]]]> : tensor<6x1x1x2xi4>} : () -> tensor<6x1x1x2xi4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<6x3x3x4xi4>, tensor<6x1x1x2xf32>, tensor<6x1x1x2xi4>) -> tensor<6x3x3x4xf32>
  %y = "webnn.conv2d"(%x, %w) {inputLayout = "nhwc", filterLayout = "ohwi", operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x7x7x4xf32>, tensor<6x3x3x4xf32>) -> tensor<1x5x5x6xf32>
  return %y : tensor<1x5x5x6xf32>
}

// CHECK-LABEL: util.func public @conv2d_channels(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @conv2d_channels(%x: tensor<1x4x7x7xf32>) -> tensor<1x6x5x5xf32> {
  %q = "webnn.constant"() {value = dense<[[[[-11, 21, 70], [-3, -82, -86], [8, 30, 97]], [[81, 20, -94], [83, 11, 87], [59, -47, -25]], [[-23, -59, 69], [-33, 50, 10], [-24, 47, -84]], [[15, -91, -101], [84, 81, 44], [108, 27, -103]]], [[[-30, -65, 56], [-84, 26, 89], [-82, 105, 52]], [[-117, 8, -43], [50, -79, -3], [-8, -1, 107]], [[113, -111, 73], [-85, -88, -4], [121, 6, 22]], [[62, -6, -16], [50, -92, 97], [-38, 22, 123]]], [[[67, 64, 80], [-99, -16, 78], [-62, -49, 96]], [[72, -64, -125], [-5, 95, 11], [-87, -5, -12]], [[26, 41, -66], [2, -3, -86], [-1, -93, -78]], [[-56, 120, -115], [91, -73, 114], [-95, 28, -10]]], [[[-71, -37, -24], [22, 59, -57], [-31, -120, -62]], [[-44, 78, 65], [69, -63, -74], [-25, -19, 65]], [[93, -24, -73], [99, 9, 107], [-29, -49, -113]], [[60, -2, -64], [-14, -93, 120], [-16, -52, 26]]], [[[75, 111, 46], [-91, -21, 54], [82, -7, 90]], [[-95, -41, 121], [-78, 50, -74], [-96, -88, 103]], [[122, -102, 53], [-105, 81, -44], [-116, 112, 107]], [[-120, -29, 107], [-39, 28, 94], [-111, -3, 17]]], [[[108, -11, 86], [16, -18, 60], [88, 45, 30]], [[127, 26, -88], [107, 80, -34], [-23, 42, 72]], [[52, 100, -110], [125, -4, -60], [-73, -13, -51]], [[113, -1, 114], [44, -33, -26], [112, 40, -25]]]]> : tensor<6x4x3x3xi8>} : () -> tensor<6x4x3x3xi8>
  %s = "webnn.constant"() {value = dense<[[[[0.87]]], [[[1.26]]], [[[0.97]]], [[[0.95]]], [[[0.89]]], [[[0.93]]]]> : tensor<6x1x1x1xf32>} : () -> tensor<6x1x1x1xf32>
  %z = "webnn.constant"() {value = dense<[[[[60]]], [[[-93]]], [[[-90]]], [[[-113]]], [[[85]]], [[[65]]]]> : tensor<6x1x1x1xi8>} : () -> tensor<6x1x1x1xi8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<6x4x3x3xi8>, tensor<6x1x1x1xf32>, tensor<6x1x1x1xi8>) -> tensor<6x4x3x3xf32>
  %y = "webnn.conv2d"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x4x7x7xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x5x5xf32>
  return %y : tensor<1x6x5x5xf32>
}

// CHECK-LABEL: util.func public @conv2d_channels_no_zero_point(
// CHECK: flow.dispatch @
// CHECK-NOT: flow.dispatch
// CHECK: util.return
func.func @conv2d_channels_no_zero_point(%x: tensor<1x4x7x7xf32>) -> tensor<1x6x5x5xf32> {
  %q = "webnn.constant"() {value = dense<[[[[11, 144, 119], [172, 95, 205], [129, 58, 128]], [[59, 128, 71], [110, 77, 133], [194, 176, 95]], [[127, 82, 79], [162, 200, 47], [65, 27, 253]], [[178, 40, 193], [78, 75, 125], [162, 168, 8]]], [[[189, 103, 234], [147, 239, 64], [169, 89, 219]], [[156, 192, 151], [195, 39, 58], [180, 47, 20]], [[143, 248, 79], [51, 185, 64], [198, 51, 48]], [[253, 153, 73], [115, 154, 11], [253, 122, 243]]], [[[202, 10, 204], [133, 225, 153], [71, 179, 73]], [[85, 150, 83], [239, 1, 98], [9, 184, 140]], [[38, 19, 190], [51, 215, 85], [140, 18, 129]], [[7, 57, 237], [250, 111, 232], [52, 150, 181]]], [[[227, 2, 152], [62, 99, 245], [167, 229, 48]], [[162, 237, 23], [223, 81, 107], [7, 214, 56]], [[253, 6, 28], [32, 173, 162], [52, 25, 67]], [[39, 183, 231], [109, 85, 133], [85, 46, 22]]], [[[166, 203, 133], [173, 29, 140], [172, 158, 6]], [[25, 252, 66], [59, 149, 187], [243, 190, 209]], [[234, 164, 154], [132, 52, 3], [31, 228, 78]], [[17, 35, 33], [96, 177, 206], [207, 245, 201]]], [[[67, 115, 165], [45, 175, 9], [57, 217, 81]], [[250, 214, 62], [235, 221, 251], [103, 232, 79]], [[91, 129, 92], [2, 183, 113], [209, 51, 58]], [[182, 178, 128], [154, 222, 225], [229, 254, 81]]]]> : tensor<6x4x3x3xui8>} : () -> tensor<6x4x3x3xui8>
  %s = "webnn.constant"() {value = dense<[[[[0.78]]], [[[1.44]]], [[[1.0]]], [[[0.6]]], [[[0.55]]], [[[1.49]]]]> : tensor<6x1x1x1xf32>} : () -> tensor<6x1x1x1xf32>
  %z = "webnn.constant"() {value = dense<0> : tensor<6x1x1x1xui8>} : () -> tensor<6x1x1x1xui8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<6x4x3x3xui8>, tensor<6x1x1x1xf32>, tensor<6x1x1x1xui8>) -> tensor<6x4x3x3xf32>
  %y = "webnn.conv2d"(%x, %w) {operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<1x4x7x7xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x5x5xf32>
  return %y : tensor<1x6x5x5xf32>
}
