// RUN: webnn-opt --webnn-dce %s | filecheck %s

// CHECK-LABEL: func.func @chain
// CHECK-NEXT: return %arg0
func.func @chain(%arg0: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "webnn.constant"() {value = dense<1.0> : tensor<2xf32>} : () -> tensor<2xf32>
  %1 = "webnn.add"(%arg0, %0) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = "webnn.abs"(%1) : (tensor<2xf32>) -> tensor<2xf32>
  return %arg0 : tensor<2xf32>
}
