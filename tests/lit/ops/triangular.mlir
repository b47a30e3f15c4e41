// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @upper
// CHECK: stablehlo.iota dim = 1 : tensor<3x4xi32>
// CHECK: stablehlo.iota dim = 0 : tensor<3x4xi32>
// CHECK: dense<-1>
// CHECK: stablehlo.compare  GE
// CHECK: stablehlo.select
func.func @upper(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = "webnn.triangular"(%x) {diagonal = -1 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @lower
// CHECK: stablehlo.compare  LE
func.func @lower(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = "webnn.triangular"(%x) {upper = false} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}
