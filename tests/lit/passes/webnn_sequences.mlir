// RUN: webnn-opt --webnn-rows --webnn-to-stablehlo --webnn-sequences --machine=avx2 %s | filecheck %s
// RUN: webnn-opt --webnn-rows --webnn-to-stablehlo --webnn-caller-memory --webnn-sequences --machine=avx2 %s | filecheck --check-prefix=CALLER %s

// In memory of the caller, what is nothing but a sequence is told how many calls share a run.
// CALLER: func.func @sequence_0(%{{.*}}, %[[CALLS:[a-z0-9]+]]: i32) attributes
// CALLER: arith.extui %[[CALLS]] : i32 to i64
// CALLER: func.func @chain(%{{.*}} {iree.abi.transients}, %[[CALLS:[a-z0-9]+]]: i32)
// CALLER-SAME: {iree.reflection = {webnn.shared = "1"}}
// CALLER: flow.dispatch @sequences::@sequence_0(%{{[0-9]+}}, %[[CALLS]])
// CALLER: func.func @used_elsewhere(%{{.*}} {iree.abi.transients}) ->
// CALLER-NOT: webnn.shared

// All are in one executable, and what no one calls by itself is nowhere else.
// CHECK-NOT: stream.executable private @softmax_32x512
// CHECK: stream.executable private @sequences
// CHECK: stream.executable.export public @sequence_0
// CHECK: stream.executable.export public @sequence_1
// CHECK: func.func private @softmax_32x512_within(%{{.*}}: index, %{{.*}}: memref<16384xf32>, %{{.*}}: memref<16384xf32>)
// CHECK: func.func private @sequence_0_begin
// CHECK: memref.atomic_rmw ori
// CHECK: func.func private @sequence_0_wait
// CHECK: llvm.x86.sse2.pause
// CHECK: func.func @sequence_0
// CHECK: call @sequence_0_begin
// CHECK: call @softmax_32x512_within
// CHECK: memref.atomic_rmw addi
// The second one waits for the first.
// CHECK: call @sequence_0_wait
// CHECK: call @softmax_32x512_within

// CHECK-LABEL: func.func @chain
func.func @chain(%x: tensor<32x512xf32>) -> tensor<32x512xf32> {
  // CHECK: %[[Y:.*]]:2 = flow.dispatch @sequences::@sequence_0(%{{[0-9]+}})
  // What the first and the second write lies side by side, behind 96 counters; the third writes where the first did.
  // CHECK-SAME: -> (tensor<16384xf32>, tensor<131840xi8>)
  // CHECK-NOT: flow.dispatch
  %0 = "webnn.softmax"(%x) {axis = 1 : i64} : (tensor<32x512xf32>) -> tensor<32x512xf32>
  %1 = "webnn.softmax"(%0) {axis = 1 : i64} : (tensor<32x512xf32>) -> tensor<32x512xf32>
  %2 = "webnn.softmax"(%1) {axis = 1 : i64} : (tensor<32x512xf32>) -> tensor<32x512xf32>
  %3 = "webnn.softmax"(%2) {axis = 1 : i64} : (tensor<32x512xf32>) -> tensor<32x512xf32>
  return %3 : tensor<32x512xf32>
}

// CHECK-LABEL: func.func @used_elsewhere
func.func @used_elsewhere(%x: tensor<32x512xf32>) -> (tensor<32x512xf32>, tensor<32x512xf32>) {
  // CHECK: %[[Y:.*]]:3 = flow.dispatch @sequences::@sequence_1
  // CHECK-SAME: -> (tensor<16384xf32>, tensor<16384xf32>, tensor<512xi8>)
  // What stood between them comes behind.
  // CHECK: stablehlo.reshape %[[Y]]#0
  // CHECK: stablehlo.abs
  %0 = "webnn.softmax"(%x) {axis = 1 : i64} : (tensor<32x512xf32>) -> tensor<32x512xf32>
  %1 = "webnn.abs"(%0) : (tensor<32x512xf32>) -> tensor<32x512xf32>
  %2 = "webnn.softmax"(%0) {axis = 1 : i64} : (tensor<32x512xf32>) -> tensor<32x512xf32>
  return %1, %2 : tensor<32x512xf32>, tensor<32x512xf32>
}

// CHECK-LABEL: func.func @needed_between
func.func @needed_between(%x: tensor<32x500xf32>) -> tensor<32x500xf32> {
  // CHECK: flow.dispatch @softmax_32x500::@softmax_32x500
  // CHECK: stablehlo.abs
  // CHECK: flow.dispatch @softmax_32x500::@softmax_32x500
  %0 = "webnn.softmax"(%x) {axis = 1 : i64} : (tensor<32x500xf32>) -> tensor<32x500xf32>
  %1 = "webnn.abs"(%0) : (tensor<32x500xf32>) -> tensor<32x500xf32>
  %2 = "webnn.softmax"(%1) {axis = 1 : i64} : (tensor<32x500xf32>) -> tensor<32x500xf32>
  return %2 : tensor<32x500xf32>
}
