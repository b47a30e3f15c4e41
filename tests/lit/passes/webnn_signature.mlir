// RUN: webnn-opt --webnn-signature --weights=external %s | filecheck %s

// CHECK: func.func @main(%arg0: tensor<2x3xi4>, %arg1: tensor<1xf32>) -> tensor<2x3xi4>
// CHECK-SAME: webnn.signature = "{\22inputs\22: [{\22dataType\22: \22int4\22, \22name\22: \22x/1\22, \22shape\22: [2, 3]}, {\22dataType\22: \22float32\22, \22name\22: \22input1\22, \22shape\22: [1]}], \22outputs\22: [{\22dataType\22: \22int4\22, \22name\22: \22y\22, \22shape\22: [2, 3]}], \22parameters\22: [{\22dataType\22: \22float32\22, \22name\22: \22W\22, \22shape\22: [4]}], \22targets\22: [\22cpu\22]}"
func.func @main(%arg0: tensor<2x3xi4> {webnn.name = "x/1"}, %arg1: tensor<1xf32>) -> (tensor<2x3xi4> {webnn.name = "y"}) {
  %0 = "webnn.constant"() {key = "W"} : () -> tensor<4xf32>
  return %arg0 : tensor<2x3xi4>
}
