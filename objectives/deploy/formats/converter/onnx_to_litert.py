"""The process that writes a LiteRT file: run by the converter's own environment, which has nothing of this project."""

import shutil
import sys
from pathlib import Path


def main(source: str, target: str) -> None:
    """Convert an ONNX file; the input comes out as (1, height, width, 3), as LiteRT's convolutions take images."""
    import onnx2tf

    folder = Path(target).parent / "onnx2tf"
    folder.mkdir()
    copied = shutil.copyfile(source, folder / "net.onnx")  # onnx2tf names the operators in the file that it is given
    onnx2tf.convert(
        input_onnx_file_path=str(copied),
        output_folder_path=str(folder),
        tflite_backend="flatbuffer_direct",
        non_verbose=True,
    )
    (made,) = folder.glob("*_float32.tflite")
    made.replace(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
