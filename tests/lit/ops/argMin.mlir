// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @first_of_several
// CHECK: dense<0x7F800000>
// CHECK: applies stablehlo.minimum across dimensions = [1]
// CHECK: stablehlo.compare  EQ, %arg0
// CHECK: stablehlo.compare  NE, %arg0, %arg0
// CHECK: stablehlo.iota dim = 1
// CHECK: stablehlo.select
// CHECK: applies stablehlo.minimum across dimensions = [1]
func.func @first_of_several(%x: tensor<2x3xf32>) -> tensor<2xi32> {
  %0 = "webnn.argMin"(%x) {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2xi32>
  return %0 : tensor<2xi32>
}

// CHECK-LABEL: func.func @int64_kept
// CHECK: applies stablehlo.minimum across dimensions = [0]
// CHECK: -> tensor<1x3xi64>
func.func @int64_kept(%x: tensor<2x3xui8>) -> tensor<1x3xi64> {
  %0 = "webnn.argMin"(%x) {axis = 0 : i64, keepDimensions = true, outputDataType = "int64"} : (tensor<2x3xui8>) -> tensor<1x3xi64>
  return %0 : tensor<1x3xi64>
}
