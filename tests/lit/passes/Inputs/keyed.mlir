func.func @main() -> tensor<4xf32> {
  %0 = "webnn.constant"() {key = "W"} : () -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
