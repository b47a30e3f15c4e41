// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @plain
// CHECK: [[SUM:%.*]] = stablehlo.add {{.*}} : tensor<1x12xf32>
// CHECK: [[I:%.*]] = stablehlo.slice [[SUM]] [0:1, 0:3]
// CHECK: [[O:%.*]] = stablehlo.slice [[SUM]] [0:1, 3:6]
// CHECK: [[F:%.*]] = stablehlo.slice [[SUM]] [0:1, 6:9]
// CHECK: [[G:%.*]] = stablehlo.slice [[SUM]] [0:1, 9:12]
// CHECK: stablehlo.logistic [[F]]
// CHECK: stablehlo.multiply {{.*}}, %arg4
// CHECK: stablehlo.logistic [[I]]
// CHECK: stablehlo.tanh [[G]]
// CHECK: [[CELL:%.*]] = stablehlo.add
// CHECK: stablehlo.logistic [[O]]
// CHECK: stablehlo.tanh [[CELL]]
// CHECK: [[HIDDEN:%.*]] = stablehlo.multiply
// CHECK: return [[HIDDEN]], [[CELL]]
func.func @plain(%x: tensor<1x2xf32>, %w: tensor<12x2xf32>, %r: tensor<12x3xf32>, %h: tensor<1x3xf32>, %c: tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>) {
  %0:2 = "webnn.lstmCell"(%x, %w, %r, %h, %c) {hiddenSize = 3, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0>} : (tensor<1x2xf32>, tensor<12x2xf32>, tensor<12x3xf32>, tensor<1x3xf32>, tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<1x3xf32>)
  return %0#0, %0#1 : tensor<1x3xf32>, tensor<1x3xf32>
}
