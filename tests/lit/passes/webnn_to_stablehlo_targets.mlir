// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s --check-prefixes=ALL,CPU
// RUN: webnn-opt --target vulkan --webnn-to-stablehlo %s | filecheck %s --check-prefixes=ALL,VULKAN
// RUN: webnn-opt --target cpu,vulkan --webnn-to-stablehlo %s | filecheck %s --check-prefixes=ALL,VULKAN

// ALL-LABEL: @sine
// CPU: f64
// VULKAN-NOT: f64
// VULKAN: stablehlo.shift_right_logical {{.*}} : tensor<4xui32>
// ALL-LABEL: @power
// CPU: f64
// VULKAN-NOT: f64
// ALL-LABEL: @round
// CPU: stablehlo.add
// VULKAN: stablehlo.round_nearest_even
// ALL-LABEL: @divide
// CPU: stablehlo.divide {{.*}} : tensor<4xui8>
// VULKAN: stablehlo.divide {{.*}} : tensor<4xui32>
// VULKAN: stablehlo.convert {{.*}} : (tensor<4xui32>) -> tensor<4xui8>
// ALL-LABEL: @product
// CPU-NOT: optimization_barrier
// VULKAN: %[[WIDE:.+]] = stablehlo.convert %arg0
// VULKAN: stablehlo.optimization_barrier %[[WIDE]]
// VULKAN-NOT: optimization_barrier
// ALL: stablehlo.dot_general
func.func @sine(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "webnn.sin"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

func.func @power(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "webnn.pow"(%x, %y) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

func.func @round(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "webnn.roundEven"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

func.func @divide(%x: tensor<4xui8>, %y: tensor<4xui8>) -> tensor<4xui8> {
  %0 = "webnn.div"(%x, %y) : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  return %0 : tensor<4xui8>
}

func.func @product(%x: tensor<3x4xf16>, %y: tensor<4x5xf32>) -> tensor<3x5xf32> {
  %0 = "webnn.cast"(%x) {dataType = "float32"} : (tensor<3x4xf16>) -> tensor<3x4xf32>
  %1 = "webnn.matmul"(%0, %y) : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  return %1 : tensor<3x5xf32>
}
