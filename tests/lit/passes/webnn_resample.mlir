// RUN: webnn-opt --webnn-resample --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-resample %s | filecheck --check-prefix=GENERIC %s

// CHECK: stream.executable private @nearest_560x192
// GENERIC-NOT: stream.executable

// CHECK-LABEL: func.func @twice
func.func @twice(%x: tensor<1x14x20x96xf32>) -> tensor<1x28x40x96xf32> {
  // CHECK: flow.dispatch @nearest_560x192_{{.*}} : (tensor<26880xf32>) -> tensor<107520xf32>
  %y = "webnn.resample2d"(%x) {axes = array<i64: 1, 2>, mode = "nearest-neighbor", scales = array<f64: 1.0, 1.0>, sizes = array<i64: 28, 40>} : (tensor<1x14x20x96xf32>) -> tensor<1x28x40x96xf32>
  return %y : tensor<1x28x40x96xf32>
}

// CHECK-LABEL: func.func @linear
// CHECK: webnn.resample2d
func.func @linear(%x: tensor<1x14x20x96xf32>) -> tensor<1x28x40x96xf32> {
  %y = "webnn.resample2d"(%x) {axes = array<i64: 1, 2>, mode = "linear", scales = array<f64: 1.0, 1.0>, sizes = array<i64: 28, 40>} : (tensor<1x14x20x96xf32>) -> tensor<1x28x40x96xf32>
  return %y : tensor<1x28x40x96xf32>
}
