// RUN: webnn-opt --webnn-fuse-dequantize --weights=external --machine=avx512vnni --split-input-file %s | filecheck %s
// RUN: webnn-opt --webnn-fuse-dequantize --weights=external --machine=avx512vnni --accuracy=dynamic %s --split-input-file | filecheck --check-prefix=DYNAMIC %s
// RUN: webnn-opt --webnn-fuse-dequantize --weights=external --machine=avx2 %s --split-input-file | filecheck --check-prefix=AVX2 %s

// One row: digits, and dot products of bytes with packed weights. Zero points that are all the same are none.
// CHECK-LABEL: stream.executable private @exact_1x64x40_i4_block32_f32_zero8
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-LABEL: stream.executable private @exact_digits_1x64_i4_block32_zero8
// CHECK-LABEL: func.func @row
// DYNAMIC-LABEL: stream.executable private @dynamic_1x64x40_i4_block32_f32_zero8
// AVX2-LABEL: stream.executable private @exact_1x64x40_i4_block32_f32_zero8
// AVX2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
func.func @row(%x: tensor<1x64xf32>) -> tensor<1x40xf32> {
  %q = "webnn.constant"() {key = "W"} : () -> tensor<64x40xi4>
  %s = "webnn.constant"() {key = "S"} : () -> tensor<2x40xf32>
  %z = "webnn.constant"() {value = dense<0> : tensor<2x40xi4>} : () -> tensor<2x40xi4>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<64x40xi4>, tensor<2x40xf32>, tensor<2x40xi4>) -> tensor<64x40xf32>
  // CHECK-DAG: "webnn.constant"() {key = "W.weights"} : () -> tensor<1536xui8>
  // CHECK-DAG: "webnn.constant"() {key = "S.factors"} : () -> tensor<96xf32>
  // CHECK: flow.dispatch @exact_digits_1x64_i4_block32_zero8::@
  // CHECK: flow.dispatch @exact_1x64x40_i4_block32_f32_zero8::@
  // CHECK-NOT: webnn.dequantizeLinear
  %y = "webnn.matmul"(%x, %w) : (tensor<1x64xf32>, tensor<64x40xf32>) -> tensor<1x40xf32>
  return %y : tensor<1x40xf32>
}

// -----

// Many rows: float32, on tiles, unless 8 bits will do. Weights that are stored transposed, their zero points beside them.
// CHECK-LABEL: stream.executable private @tiles_32x64x40_i8_block32_f16
// CHECK-NOT: vpdpbusd
// CHECK-LABEL: func.func @rows
// DYNAMIC-LABEL: stream.executable private @dynamic_32x64x40_i8_block32_f16
// DYNAMIC: vpdpbusd
func.func @rows(%x: tensor<2x16x64xf16>) -> tensor<2x16x40xf16> {
  %q = "webnn.constant"() {key = "W"} : () -> tensor<40x2x32xui8>
  %s = "webnn.constant"() {key = "S"} : () -> tensor<40x2x1xf16>
  %z = "webnn.constant"() {key = "Z"} : () -> tensor<40x2x1xui8>
  %d = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<40x2x32xui8>, tensor<40x2x1xf16>, tensor<40x2x1xui8>) -> tensor<40x2x32xf16>
  %r = "webnn.reshape"(%d) {newShape = array<i64: 40, 64>} : (tensor<40x2x32xf16>) -> tensor<40x64xf16>
  %w = "webnn.transpose"(%r) {permutation = array<i64: 1, 0>} : (tensor<40x64xf16>) -> tensor<64x40xf16>
  // CHECK-DAG: "webnn.constant"() {key = "W.weights"} : () -> tensor<3072xui8>
  // CHECK-DAG: "webnn.constant"() {key = "S.factors"} : () -> tensor<96xf16>
  // CHECK-DAG: "webnn.constant"() {key = "Z.zeros"} : () -> tensor<96xui8>
  // CHECK: stablehlo.convert {{.*}} -> tensor<32x64xf32>
  // CHECK: stablehlo.convert {{.*}} -> tensor<2x16x40xf16>
  %y = "webnn.matmul"(%x, %w) : (tensor<2x16x64xf16>, tensor<64x40xf16>) -> tensor<2x16x40xf16>
  return %y : tensor<2x16x40xf16>
}

// -----

// Blocks of 12 fit no kernel.
// CHECK-LABEL: func.func @other
// CHECK: linalg.generic
// DYNAMIC-LABEL: func.func @other
// DYNAMIC: linalg.generic
func.func @other(%x: tensor<1x24xf32>) -> tensor<1x40xf32> {
  %q = "webnn.constant"() {key = "W"} : () -> tensor<24x40xi8>
  %s = "webnn.constant"() {key = "S"} : () -> tensor<2x40xf32>
  %z = "webnn.constant"() {key = "Z"} : () -> tensor<2x40xi8>
  %w = "webnn.dequantizeLinear"(%q, %s, %z) : (tensor<24x40xi8>, tensor<2x40xf32>, tensor<2x40xi8>) -> tensor<24x40xf32>
  %y = "webnn.matmul"(%x, %w) : (tensor<1x24xf32>, tensor<24x40xf32>) -> tensor<1x40xf32>
  return %y : tensor<1x40xf32>
}
