// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s

// From starts to starts + sizes.
// CHECK-LABEL: func.func @sizes
// CHECK: stablehlo.slice %arg0 [1:3, 0:5] : (tensor<4x6xf32>) -> tensor<2x5xf32>
func.func @sizes(%x: tensor<4x6xf32>) -> tensor<2x5xf32> {
  %0 = "webnn.slice"(%x) {starts = array<i64: 1, 0>, sizes = array<i64: 2, 5>} : (tensor<4x6xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}

// CHECK-LABEL: func.func @strides
// CHECK: stablehlo.slice %arg0 [1:4:2, 0:6:4] : (tensor<4x6xi8>) -> tensor<2x2xi8>
func.func @strides(%x: tensor<4x6xi8>) -> tensor<2x2xi8> {
  %0 = "webnn.slice"(%x) {starts = array<i64: 1, 0>, sizes = array<i64: 3, 6>, strides = array<i64: 2, 4>} : (tensor<4x6xi8>) -> tensor<2x2xi8>
  return %0 : tensor<2x2xi8>
}
