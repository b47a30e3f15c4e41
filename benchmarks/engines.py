"""The engines that rows name: those of webnn-benchmark."""

from webnn_mlir.tools.measuring.engines import artifact, onnxruntime, openvino, ours, xla

__all__ = ["artifact", "onnxruntime", "openvino", "ours", "xla"]
