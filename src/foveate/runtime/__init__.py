"""Running a finished network: NumPy, Pillow and ONNX Runtime, no torch."""
