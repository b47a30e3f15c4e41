// RUN: webnn-opt --webnn-attention --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-attention %s | filecheck --check-prefix=GENERIC %s

// CHECK-DAG: stream.executable private @attention_12x128x128x32x32_
// GENERIC-NOT: stream.executable

// Keys, values and the result are read and written as they lie.
// CHECK-LABEL: func.func @heads
// CHECK-NOT: webnn.matmul
// CHECK-NOT: transpose
// CHECK: flow.dispatch @attention_12x128x128x32x32_{{.*}} : (tensor<49152xf32>, tensor<49152xf32>, tensor<49152xf32>, tensor<128xf32>) -> tensor<49152xf32>
// CHECK-NOT: transpose
func.func @heads(%q: tensor<1x128x12x32xf32>, %k: tensor<1x128x12x32xf32>, %v: tensor<1x128x12x32xf32>, %mask: tensor<1x1x1x128xf32>) -> tensor<1x128x12x32xf32> {
  %root = "webnn.constant"() {value = dense<5.65685415> : tensor<f32>} : () -> tensor<f32>
  %0 = "webnn.transpose"(%q) {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x128x12x32xf32>) -> tensor<1x12x128x32xf32>
  %1 = "webnn.transpose"(%k) {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x128x12x32xf32>) -> tensor<1x12x32x128xf32>
  %2 = "webnn.transpose"(%v) {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x128x12x32xf32>) -> tensor<1x12x128x32xf32>
  %3 = "webnn.matmul"(%0, %1) : (tensor<1x12x128x32xf32>, tensor<1x12x32x128xf32>) -> tensor<1x12x128x128xf32>
  %4 = "webnn.div"(%3, %root) : (tensor<1x12x128x128xf32>, tensor<f32>) -> tensor<1x12x128x128xf32>
  %5 = "webnn.add"(%4, %mask) : (tensor<1x12x128x128xf32>, tensor<1x1x1x128xf32>) -> tensor<1x12x128x128xf32>
  %6 = "webnn.softmax"(%5) {axis = 3 : i64} : (tensor<1x12x128x128xf32>) -> tensor<1x12x128x128xf32>
  %7 = "webnn.matmul"(%6, %2) : (tensor<1x12x128x128xf32>, tensor<1x12x128x32xf32>) -> tensor<1x12x128x32xf32>
  %8 = "webnn.transpose"(%7) {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x12x128x32xf32>) -> tensor<1x128x12x32xf32>
  return %8 : tensor<1x128x12x32xf32>
}

// What is masked by a condition has a constant added.
// CHECK-LABEL: func.func @causal
// CHECK-SAME: %[[allowed:[a-z0-9]+]]: tensor<128x128xui8>
// CHECK: %[[mask:.*]] = "webnn.where"(%[[allowed]], {{.*}}) : (tensor<128x128xui8>, tensor<f32>, tensor<f32>) -> tensor<128x128xf32>
// CHECK: flow.dispatch @attention_12x128x128x32x32_
func.func @causal(%q: tensor<12x128x32xf32>, %k: tensor<12x32x128xf32>, %v: tensor<12x128x32xf32>, %allowed: tensor<128x128xui8>) -> tensor<12x128x32xf32> {
  %lowest = "webnn.constant"() {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
  %0 = "webnn.matmul"(%q, %k) : (tensor<12x128x32xf32>, tensor<12x32x128xf32>) -> tensor<12x128x128xf32>
  %1 = "webnn.where"(%allowed, %0, %lowest) : (tensor<128x128xui8>, tensor<12x128x128xf32>, tensor<f32>) -> tensor<12x128x128xf32>
  %2 = "webnn.softmax"(%1) {axis = 2 : i64} : (tensor<12x128x128xf32>) -> tensor<12x128x128xf32>
  %3 = "webnn.matmul"(%2, %v) : (tensor<12x128x128xf32>, tensor<12x128x32xf32>) -> tensor<12x128x32xf32>
  return %3 : tensor<12x128x32xf32>
}

// The weights are a result, too.
// CHECK-LABEL: func.func @weights
// CHECK-NOT: flow.dispatch
func.func @weights(%q: tensor<12x128x32xf32>, %k: tensor<12x32x128xf32>, %v: tensor<12x128x32xf32>) -> (tensor<12x128x32xf32>, tensor<12x128x128xf32>) {
  %0 = "webnn.matmul"(%q, %k) : (tensor<12x128x32xf32>, tensor<12x32x128xf32>) -> tensor<12x128x128xf32>
  %1 = "webnn.softmax"(%0) {axis = 2 : i64} : (tensor<12x128x128xf32>) -> tensor<12x128x128xf32>
  %2 = "webnn.matmul"(%1, %v) : (tensor<12x128x128xf32>, tensor<12x128x32xf32>) -> tensor<12x128x32xf32>
  return %2, %1 : tensor<12x128x32xf32>, tensor<12x128x128xf32>
}
