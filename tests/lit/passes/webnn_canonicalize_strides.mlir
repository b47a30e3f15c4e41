// RUN: webnn-opt --webnn-canonicalize-strides %s | filecheck %s

// start 1 + 2 · 1, stride 2 · 3; the later op's label stays.
// CHECK-LABEL: func.func @slice_of_slice
// CHECK-NEXT: %[[Y:.+]] = "webnn.slice"(%arg0) {label = "later", sizes = array<i64: 7>, starts = array<i64: 3>, strides = array<i64: 6>}
// CHECK-NEXT: return %[[Y]]
func.func @slice_of_slice(%x: tensor<20xf32>) -> tensor<2xf32> {
  %0 = "webnn.slice"(%x) {starts = array<i64: 1>, sizes = array<i64: 18>, strides = array<i64: 2>, label = "earlier"} : (tensor<20xf32>) -> tensor<9xf32>
  %1 = "webnn.slice"(%0) {starts = array<i64: 1>, sizes = array<i64: 5>, strides = array<i64: 3>, label = "later"} : (tensor<9xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: func.func @reverse_of_reverse
// CHECK-NEXT: %[[Y:.+]] = "webnn.reverse"(%arg0) {axes = array<i64: 0, 2>}
// CHECK-NEXT: return %[[Y]]
func.func @reverse_of_reverse(%x: tensor<2x3x4xi8>) -> tensor<2x3x4xi8> {
  %0 = "webnn.reverse"(%x) {axes = array<i64: 0, 1>} : (tensor<2x3x4xi8>) -> tensor<2x3x4xi8>
  %1 = "webnn.reverse"(%0) {axes = array<i64: 2, 1>} : (tensor<2x3x4xi8>) -> tensor<2x3x4xi8>
  return %1 : tensor<2x3x4xi8>
}

// The slice comes first, from 9 - 1 - 1 - 2 · 3 = 1.
// CHECK-LABEL: func.func @slice_of_reverse
// CHECK-NEXT: %[[S:.+]] = "webnn.slice"(%arg0) {label = "s", sizes = array<i64: 7>, starts = array<i64: 1>, strides = array<i64: 2>}
// CHECK-NEXT: %[[Y:.+]] = "webnn.reverse"(%[[S]]) {axes = array<i64: 0>, label = "r"}
// CHECK-NEXT: return %[[Y]]
func.func @slice_of_reverse(%x: tensor<9xf32>) -> tensor<4xf32> {
  %0 = "webnn.reverse"(%x) {axes = array<i64: 0>, label = "r"} : (tensor<9xf32>) -> tensor<9xf32>
  %1 = "webnn.slice"(%0) {starts = array<i64: 1>, sizes = array<i64: 8>, strides = array<i64: 2>, label = "s"} : (tensor<9xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @reverses_meet
// CHECK-NEXT: %[[Y:.+]] = "webnn.slice"(%arg0) {sizes = array<i64: 7>, starts = array<i64: 1>, strides = array<i64: 2>}
// CHECK-NEXT: return %[[Y]]
func.func @reverses_meet(%x: tensor<9xf32>) -> tensor<4xf32> {
  %0 = "webnn.reverse"(%x) : (tensor<9xf32>) -> tensor<9xf32>
  %1 = "webnn.slice"(%0) {starts = array<i64: 1>, sizes = array<i64: 8>, strides = array<i64: 2>} : (tensor<9xf32>) -> tensor<4xf32>
  %2 = "webnn.reverse"(%1) : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// A reverse that stays for others is no reason for one more.
// CHECK-LABEL: func.func @reverse_of_several_uses
// CHECK-NEXT: %[[R:.+]] = "webnn.reverse"(%arg0)
// CHECK-NEXT: %[[S:.+]] = "webnn.slice"(%[[R]])
// CHECK-NEXT: return %[[R]], %[[S]]
func.func @reverse_of_several_uses(%x: tensor<9xf32>) -> (tensor<9xf32>, tensor<4xf32>) {
  %0 = "webnn.reverse"(%x) : (tensor<9xf32>) -> tensor<9xf32>
  %1 = "webnn.slice"(%0) {starts = array<i64: 1>, sizes = array<i64: 4>} : (tensor<9xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<9xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @reverse_of_one
// CHECK-NEXT: return %arg0, %arg0
func.func @reverse_of_one(%x: tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>) {
  %0 = "webnn.reverse"(%x) {axes = array<i64: 0>} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  %1 = "webnn.reverse"(%x) {axes = array<i64>} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0, %1 : tensor<1x3xf32>, tensor<1x3xf32>
}

// [2, 0, 1] twice is [1, 2, 0]; three times moves nothing.
// CHECK-LABEL: func.func @transposes
// CHECK-NEXT: %[[Y:.+]] = "webnn.transpose"(%arg0) {permutation = array<i64: 1, 2, 0>}
// CHECK-NEXT: return %[[Y]], %arg0
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<3x4x2xf32>, tensor<2x3x4xf32>) {
  %0 = "webnn.transpose"(%x) {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = "webnn.transpose"(%0) {permutation = array<i64: 2, 0, 1>} : (tensor<4x2x3xf32>) -> tensor<3x4x2xf32>
  %2 = "webnn.transpose"(%1) {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  return %1, %2 : tensor<3x4x2xf32>, tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @transpose_of_one
// CHECK-NEXT: %[[Y:.+]] = "webnn.reshape"(%arg0) {label = "t", newShape = array<i64: 2, 3, 1>}
// CHECK-NEXT: return %[[Y]]
func.func @transpose_of_one(%x: tensor<2x1x3xf32>) -> tensor<2x3x1xf32> {
  %0 = "webnn.transpose"(%x) {permutation = array<i64: 0, 2, 1>, label = "t"} : (tensor<2x1x3xf32>) -> tensor<2x3x1xf32>
  return %0 : tensor<2x3x1xf32>
}

// CHECK-LABEL: func.func @reshapes
// CHECK-NEXT: %[[Y:.+]] = "webnn.reshape"(%arg0) {newShape = array<i64: 12>}
// CHECK-NEXT: return %[[Y]], %arg0
func.func @reshapes(%x: tensor<3x4xi4>) -> (tensor<12xi4>, tensor<3x4xi4>) {
  %0 = "webnn.reshape"(%x) {newShape = array<i64: 2, 6>} : (tensor<3x4xi4>) -> tensor<2x6xi4>
  %1 = "webnn.reshape"(%0) {newShape = array<i64: 12>} : (tensor<2x6xi4>) -> tensor<12xi4>
  %2 = "webnn.reshape"(%1) {newShape = array<i64: 3, 4>} : (tensor<12xi4>) -> tensor<3x4xi4>
  return %1, %2 : tensor<12xi4>, tensor<3x4xi4>
}

// CHECK-LABEL: func.func @nothing_moves
// CHECK-NEXT: return %arg0
func.func @nothing_moves(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.identity"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "webnn.slice"(%0) {starts = array<i64: 0, 0>, sizes = array<i64: 2, 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = "webnn.expand"(%1) {newShape = array<i64: 2, 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = "webnn.tile"(%2) {repetitions = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = "webnn.pad"(%3) {beginningPadding = array<i64: 0, 0>, endingPadding = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = "webnn.concat"(%4) {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %6 = "webnn.split"(%5) {splits = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %7 = "webnn.transpose"(%6) {permutation = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %8 = "webnn.reshape"(%7) {newShape = array<i64: 2, 3>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %8 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @past_elementwise
// CHECK: %[[M:.+]] = "webnn.max"({{.+}}, %arg0) {label = "m"}
// CHECK-NEXT: %[[C:.+]] = "webnn.cast"(%[[M]]) {dataType = "float16"} : (tensor<2x3xf32>) -> tensor<2x3xf16>
// CHECK-NEXT: return %[[C]]
func.func @past_elementwise(%x: tensor<2x3xf32>) -> tensor<2x3xf16> {
  %zero = "webnn.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %0 = "webnn.transpose"(%x) : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = "webnn.max"(%zero, %0) {label = "m"} : (tensor<f32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  %2 = "webnn.cast"(%1) {dataType = "float16"} : (tensor<3x2xf32>) -> tensor<3x2xf16>
  %3 = "webnn.transpose"(%2) : (tensor<3x2xf16>) -> tensor<2x3xf16>
  return %3 : tensor<2x3xf16>
}

// What the element-wise op gives is used as it is, too: both transposes are needed.
// CHECK-LABEL: func.func @elementwise_of_several_uses
// CHECK-COUNT-2: webnn.transpose
func.func @elementwise_of_several_uses(%x: tensor<2x3xf32>) -> (tensor<3x2xf32>, tensor<2x3xf32>) {
  %0 = "webnn.transpose"(%x) : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = "webnn.exp"(%0) : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %2 = "webnn.transpose"(%1) : (tensor<3x2xf32>) -> tensor<2x3xf32>
  return %1, %2 : tensor<3x2xf32>, tensor<2x3xf32>
}
