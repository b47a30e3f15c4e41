// RUN: webnn-opt --webnn-fuse-dequantize --print-missed --split-input-file %s 2> %t.remarks | filecheck %s
// RUN: filecheck --check-prefix=MISSED --input-file %t.remarks %s

// Blocks of 16 rows; eight int4 a word, the first of them lowest.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d4)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d3, d4, d1)>
// CHECK-DAG: #[[S:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d3, d1, d2)>
// CHECK-DAG: #[[Z:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d3, d1)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>
// CHECK-LABEL: func.func @matmul
func.func @matmul(%x: tensor<2x64xf32>) -> tensor<2x32xf32> {
  %q = "webnn.constant"() {key = "W"} : () -> tensor<64x32xi4>
  %s = "webnn.constant"() {key = "S"} : () -> tensor<4x32xf32>
  %z = "webnn.constant"() {key = "Z"} : () -> tensor<4x32xi4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<64x32xi4>, tensor<4x32xf32>, tensor<4x32xi4>) -> tensor<64x32xf32>
  // CHECK-DAG: %[[BYTES:.*]] = "webnn.constant"() {key = "W"} : () -> tensor<1024xui8>
  // CHECK-DAG: flow.tensor.bitcast {{.*}} : tensor<1024xi8> -> tensor<4x16x4xi32>
  // CHECK-DAG: flow.tensor.bitcast {{.*}} : tensor<64xi8> -> tensor<4x4xi32>
  // CHECK: linalg.generic {indexing_maps = [#[[X]], #[[W]], #[[S]], #[[Z]], #[[Y]]]
  // CHECK-SAME: ["parallel", "parallel", "parallel", "reduction", "reduction"]
  // CHECK: arith.shli
  // CHECK: arith.shrsi
  // CHECK: arith.subi
  // CHECK: arith.sitofp
  // CHECK-NOT: webnn.dequantizeLinear
  %y = "webnn.matmul"(%x, %w) : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// Scales of rows, a zero point of 0, which needs no subtraction, and uint8. The weights are transposed on their way.
// CHECK-LABEL: func.func @transposed
func.func @transposed(%x: tensor<2x64xf16>) -> tensor<2x32xf16> {
  %q = "webnn.constant"() {key = "W"} : () -> tensor<32x64xui8>
  %s = "webnn.constant"() {key = "S"} : () -> tensor<32x1xf16>
  %z = "webnn.constant"() {value = dense<0> : tensor<32x1xui8>} : () -> tensor<32x1xui8>
  %d = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<32x64xui8>, tensor<32x1xf16>, tensor<32x1xui8>) -> tensor<32x64xf16>
  %w = "webnn.transpose"(%d) {permutation = array<i64: 1, 0>} : (tensor<32x64xf16>) -> tensor<64x32xf16>
  // CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
  // CHECK-SAME: tensor<2x64xf16>, tensor<32x64xi8>, tensor<32xf16>
  // CHECK-SAME: outs({{.*}} : tensor<2x32xf32>)
  // CHECK: arith.extui
  // CHECK-NOT: arith.subi
  // CHECK: stablehlo.convert {{.*}} -> tensor<2x32xf16>
  %y = "webnn.matmul"(%x, %w) : (tensor<2x64xf16>, tensor<64x32xf16>) -> tensor<2x32xf16>
  return %y : tensor<2x32xf16>
}

// -----

// Blocks in a dimension of their own, as exporters of language models write them.
// CHECK-LABEL: func.func @reshaped
func.func @reshaped(%x: tensor<2x64xf32>) -> tensor<2x32xf32> {
  %q = "webnn.constant"() {key = "W"} : () -> tensor<32x4x16xui4>
  %s = "webnn.constant"() {key = "S"} : () -> tensor<32x4x1xf32>
  %z = "webnn.constant"() {key = "Z"} : () -> tensor<32x4x1xui4>
  %d = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<32x4x16xui4>, tensor<32x4x1xf32>, tensor<32x4x1xui4>) -> tensor<32x4x16xf32>
  %r = "webnn.reshape"(%d) {newShape = array<i64: 32, 64>} : (tensor<32x4x16xf32>) -> tensor<32x64xf32>
  %w = "webnn.transpose"(%r) {permutation = array<i64: 1, 0>} : (tensor<32x64xf32>) -> tensor<64x32xf32>
  // CHECK: flow.tensor.bitcast {{.*}} : tensor<1024xi8> -> tensor<32x4x2xi32>
  // CHECK: linalg.generic
  // CHECK: arith.shrui
  %y = "webnn.matmul"(%x, %w) : (tensor<2x64xf32>, tensor<64x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// CHECK-LABEL: func.func @gemm
func.func @gemm(%x: tensor<64x2xf32>, %c: tensor<32xf32>) -> tensor<2x32xf32> {
  %q = "webnn.constant"() {key = "W"} : () -> tensor<32x64xi8>
  %s = "webnn.constant"() {key = "S"} : () -> tensor<32x4xf32>
  %z = "webnn.constant"() {key = "Z"} : () -> tensor<32x4xi8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<32x64xi8>, tensor<32x4xf32>, tensor<32x4xi8>) -> tensor<32x64xf32>
  // CHECK: stablehlo.transpose %arg0, dims = [1, 0]
  // CHECK: %[[P:.*]] = linalg.generic
  // CHECK: stablehlo.multiply %[[P]]
  // CHECK: stablehlo.add
  %y = "webnn.gemm"(%x, %w, %c) {alpha = 0.5, aTranspose = true, bTranspose = true, operandSegmentSizes = array<i32: 1, 1, 1>}
    : (tensor<64x2xf32>, tensor<32x64xf32>, tensor<32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// -----

// CHECK: affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, d1 * 2 + d4, d2 + d5)>
// CHECK-LABEL: func.func @conv2d
func.func @conv2d(%x: tensor<1x4x9x8xf32>) -> tensor<1x8x4x6xf32> {
  %q = "webnn.constant"() {key = "W"} : () -> tensor<8x4x3x3xi8>
  %s = "webnn.constant"() {key = "S"} : () -> tensor<8x1x1x1xf32>
  %z = "webnn.constant"() {key = "Z"} : () -> tensor<8x1x1x1xi8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<8x4x3x3xi8>, tensor<8x1x1x1xf32>, tensor<8x1x1x1xi8>) -> tensor<8x4x3x3xf32>
  // CHECK: linalg.generic
  // CHECK-NOT: webnn.conv2d
  %y = "webnn.conv2d"(%x, %w) {strides = array<i64: 2, 1>, operandSegmentSizes = array<i32: 1, 1, 0>}
    : (tensor<1x4x9x8xf32>, tensor<8x4x3x3xf32>) -> tensor<1x8x4x6xf32>
  return %y : tensor<1x8x4x6xf32>
}

// -----

// What is missed stays, and says why.
// MISSED-DAG: remark: 'webnn.dequantizeLinear' (label "run time"): not fused: matmul: the weights are not constant
// MISSED-DAG: remark: 'webnn.dequantizeLinear' (label "wide"): not fused: matmul: the weights are int32
// MISSED-DAG: remark: 'webnn.dequantizeLinear' (label "elsewhere"): not fused: it feeds webnn.exp
func.func @missed(%x: tensor<2x4xf32>, %q: tensor<4x4xi8>, %s: tensor<4x4xf32>, %z: tensor<4x4xi8>) -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<4x4xf32>) {
  %0 = "webnn.dequantizeLinear"(%q, %s, %z) {label = "run time"} : (tensor<4x4xi8>, tensor<4x4xf32>, tensor<4x4xi8>) -> tensor<4x4xf32>
  %1 = "webnn.matmul"(%x, %0) : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %c = "webnn.constant"() {key = "W"} : () -> tensor<4x4xi32>
  %2 = "webnn.dequantizeLinear"(%c, %s, %c) {label = "wide"} : (tensor<4x4xi32>, tensor<4x4xf32>, tensor<4x4xi32>) -> tensor<4x4xf32>
  %3 = "webnn.matmul"(%x, %2) : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %w = "webnn.constant"() {key = "V"} : () -> tensor<4x4xi8>
  %4 = "webnn.dequantizeLinear"(%w, %s, %z) {label = "elsewhere"} : (tensor<4x4xi8>, tensor<4x4xf32>, tensor<4x4xi8>) -> tensor<4x4xf32>
  %5 = "webnn.exp"(%4) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1, %3, %5 : tensor<2x4xf32>, tensor<2x4xf32>, tensor<4x4xf32>
}
