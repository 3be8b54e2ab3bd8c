"""ONNX: a graph as a model, written directly, not traced."""
