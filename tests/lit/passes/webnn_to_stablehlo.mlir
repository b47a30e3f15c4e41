// RUN: webnn-opt --webnn-to-stablehlo %s | filecheck %s
// RUN: webnn-opt --webnn-to-stablehlo --weights=external %S/Inputs/keyed.mlir | filecheck %s --check-prefix=EXTERNAL

// CHECK-LABEL: func.func @ops
// CHECK: %[[CONSTANT:.+]] = stablehlo.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK: %[[SUM:.+]] = stablehlo.add %arg0, %[[CONSTANT]]
// CHECK: stablehlo.exponential %[[SUM]]
// CHECK-NOT: webnn.
func.func @ops(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "webnn.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %1 = "webnn.add"(%x, %0) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %2 = "webnn.exp"(%1) : (tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}

// int4 comes and goes packed, two elements a byte with the first in the low bits; within, each has a byte of its own.
// CHECK-LABEL: func.func @packed(%arg0: tensor<5xui8>) -> tensor<5xui8>
// CHECK: %[[BYTES:.+]] = stablehlo.bitcast_convert {{.*}} : (tensor<5x2xui8>) -> tensor<5x2xi8>
// CHECK: %[[BITS:.+]] = stablehlo.constant dense<[4, 0]> : tensor<2xi8>
// CHECK: stablehlo.shift_left %[[BYTES]]
// CHECK: stablehlo.shift_right_arithmetic {{.*}} : tensor<5x2xi8>
// CHECK: stablehlo.slice {{.*}} [0:9] : (tensor<10xi8>) -> tensor<9xi8>
// CHECK: stablehlo.reshape {{.*}} : (tensor<9xi8>) -> tensor<3x3xi8>
// CHECK: stablehlo.or {{.*}} : tensor<5xui8>
func.func @packed(%x: tensor<3x3xi4>) -> tensor<3x3xi4> {
  %0 = "webnn.identity"(%x) : (tensor<3x3xi4>) -> tensor<3x3xi4>
  return %0 : tensor<3x3xi4>
}

// External weights are a global that the archive's entry of that key fills.
// EXTERNAL: util.global private @[[GLOBAL:.+]] = #flow.parameter.named<"model"::"W"> : tensor<4xf32>
// EXTERNAL: %[[WEIGHTS:.+]] = util.global.load @[[GLOBAL]] : tensor<4xf32>
// EXTERNAL: return %[[WEIGHTS]]
