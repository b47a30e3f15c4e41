// RUN: webnn-opt --webnn-alias --split-input-file --verify-diagnostics %s

func.func @no_scatter(%past: tensor<4x3xf32> {webnn.name = "past"})
    -> (tensor<4x3xf32> {webnn.name = "present", webnn.alias = "past"}) {
  // expected-error @+1 {{output 'present' cannot take over input 'past': it is no scatter into it}}
  %0 = "webnn.neg"(%past) : (tensor<4x3xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

func.func @another(%past: tensor<4x3xf32> {webnn.name = "past"}, %at: tensor<1x1xi32>, %new: tensor<1x3xf32>)
    -> (tensor<4x3xf32> {webnn.name = "present", webnn.alias = "past"}) {
  %0 = "webnn.neg"(%past) : (tensor<4x3xf32>) -> tensor<4x3xf32>
  // expected-error @+1 {{it is a scatter into something else}}
  %1 = "webnn.scatterND"(%0, %at, %new) : (tensor<4x3xf32>, tensor<1x1xi32>, tensor<1x3xf32>) -> tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}

// -----

// expected-error @+1 {{there is no such input; there are: past}}
func.func @unknown(%past: tensor<4x3xf32> {webnn.name = "past"}) -> (tensor<4x3xf32> {webnn.alias = "passed"}) {
  return %past : tensor<4x3xf32>
}
