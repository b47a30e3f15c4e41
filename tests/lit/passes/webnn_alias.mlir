// RUN: webnn-opt --webnn-alias %s | filecheck %s

// CHECK-LABEL: @cache
// CHECK: "webnn.scatterND"({{.*}}webnn.in_place
func.func @cache(%past: tensor<2x4x3xf32> {webnn.name = "past"}, %at: tensor<1x1xi32>, %new: tensor<1x3xf32>)
    -> (tensor<2x4x3xf32> {webnn.name = "present", webnn.alias = "past"}) {
  %0 = "webnn.reshape"(%past) {newShape = array<i64: 8, 3>} : (tensor<2x4x3xf32>) -> tensor<8x3xf32>
  %1 = "webnn.scatterND"(%0, %at, %new) : (tensor<8x3xf32>, tensor<1x1xi32>, tensor<1x3xf32>) -> tensor<8x3xf32>
  %2 = "webnn.reshape"(%1) {newShape = array<i64: 2, 4, 3>} : (tensor<8x3xf32>) -> tensor<2x4x3xf32>
  return %2 : tensor<2x4x3xf32>
}
