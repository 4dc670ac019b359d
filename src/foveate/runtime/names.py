"""The names of what computes a network."""

AUTO, ONNX_RUNTIME, OPENVINO = "auto", "onnxruntime", "openvino"
EXACT = "openvino-float32"  # where bfloat16 is too far off
RUNTIMES = (AUTO, ONNX_RUNTIME, OPENVINO)  # to choose from
