// RUN: webnn-opt --webnn-decompose --webnn-to-stablehlo %s | filecheck %s

// CHECK-LABEL: func.func @integers_by_squaring
// CHECK-NOT: stablehlo.power
// CHECK: stablehlo.multiply
// CHECK: stablehlo.select
// CHECK: stablehlo.shift_right_logical
func.func @integers_by_squaring(%x: tensor<2x1xi8>, %y: tensor<3xi8>) -> tensor<2x3xi8> {
  %0 = "webnn.pow"(%x, %y) : (tensor<2x1xi8>, tensor<3xi8>) -> tensor<2x3xi8>
  return %0 : tensor<2x3xi8>
}

// CHECK-LABEL: func.func @floats_in_float64
// CHECK: stablehlo.bitcast_convert
// CHECK: tensor<2x3xf64>
// CHECK-NOT: stablehlo.power
func.func @floats_in_float64(%x: tensor<2x1xf32>, %y: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = "webnn.pow"(%x, %y) : (tensor<2x1xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @square
// CHECK: stablehlo.multiply %arg0, %arg0
// CHECK-NOT: f64
func.func @square(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %two = "webnn.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %0 = "webnn.pow"(%x, %two) : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
