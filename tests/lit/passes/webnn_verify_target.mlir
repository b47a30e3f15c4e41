// RUN: webnn-opt --target cpu,vmvx --webnn-verify-target --split-input-file --verify-diagnostics %s
// RUN: webnn-opt --target cpu,vulkan --webnn-verify-target --split-input-file %s | filecheck %s

func.func @half(%x: tensor<2xf16>) -> tensor<2xf32> {
  // CHECK: "webnn.exp"
  // expected-error @+1 {{float16 is not to be had on vmvx: IREE's virtual machine converts no float16}}
  %0 = "webnn.exp"(%x) : (tensor<2xf16>) -> tensor<2xf16>
  // expected-error @+1 {{float16 is not to be had on vmvx}}
  %1 = "webnn.cast"(%0) {type = "float32"} : (tensor<2xf16>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

func.func @single(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "webnn.exp"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
