// RUN: webnn-opt --webnn-verify-lowered --verify-diagnostics %s

func.func @left(%arg0: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'webnn.abs' (label "a"): is left after lowering}}
  %0 = "webnn.abs"(%arg0) {label = "a"} : (tensor<2xf32>) -> tensor<2xf32>
  // expected-error @+1 {{'webnn.exp': is left after lowering}}
  %1 = "webnn.exp"(%0) : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
