"""Precisions of a deployable file: ONNX in, ONNX of another precision out. No torch in here."""
