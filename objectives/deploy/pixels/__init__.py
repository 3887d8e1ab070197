"""Resizing, borders, blobs and NMS, by OpenCV, or by NumPy alone where a board has no OpenCV."""
