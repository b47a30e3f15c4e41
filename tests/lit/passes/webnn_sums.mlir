// RUN: webnn-opt --webnn-sums --machine=avx512vnni %s | filecheck %s
// RUN: webnn-opt --webnn-sums %s | filecheck --check-prefix=GENERIC %s

// CHECK: stream.executable private @sums_2x400x40
// GENERIC-NOT: stream.executable

// CHECK-LABEL: func.func @places
func.func @places(%x: tensor<2x20x20x40xf32>) -> tensor<2x1x1x40xf32> {
  // CHECK: flow.dispatch @sums_2x400x40::@sums_2x400x40({{.*}}) : (tensor<32000xf32>) -> tensor<80xf32>
  %y = "webnn.reduceSum"(%x) {axes = array<i64: 1, 2>, keepDimensions = true} : (tensor<2x20x20x40xf32>) -> tensor<2x1x1x40xf32>
  return %y : tensor<2x1x1x40xf32>
}

// CHECK-LABEL: func.func @of_what_is_computed
// CHECK: webnn.reduceSum
func.func @of_what_is_computed(%x: tensor<2x20x20x40xf32>) -> tensor<2x40xf32> {
  %a = "webnn.abs"(%x) : (tensor<2x20x20x40xf32>) -> tensor<2x20x20x40xf32>
  %y = "webnn.reduceSum"(%a) {axes = array<i64: 1, 2>, keepDimensions = false} : (tensor<2x20x20x40xf32>) -> tensor<2x40xf32>
  return %y : tensor<2x40xf32>
}

// CHECK-LABEL: func.func @rows
// CHECK: webnn.reduceSum
func.func @rows(%x: tensor<20x1000xf32>) -> tensor<20xf32> {
  %y = "webnn.reduceSum"(%x) {axes = array<i64: 1>, keepDimensions = false} : (tensor<20x1000xf32>) -> tensor<20xf32>
  return %y : tensor<20xf32>
}
