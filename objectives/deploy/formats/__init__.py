"""The formats that a detector ships in, one a file, behind one contract: made of its ONNX file."""
