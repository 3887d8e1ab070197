"""A deployable file for several images at once: its graph, exported for one, rewritten for a batch."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from spaces.errors import DeviceError, first_line

BATCH_MOST = 64  # less than 128: a number of images is one byte of an ONNX file
BATCH_SIZES = tuple(2**i for i in range(1, BATCH_MOST.bit_length()))  # of batches that are tried
SHAPED = ("Reshape", "Expand")  # nodes whose second input says a shape, the batch in its first place


def with_batch(path: Path, images: int, target: Path) -> Path:
    """Write an ONNX file that takes `images` images at once.

    The exporter has traced one image, so that shapes are constants: a leading 1 in one is the batch. Where that is not
    so (RT-DETR's decoder, whose shapes put the batch together with other axes), the runtime refuses the graph, or gives
    other outputs than for one image: whoever uses the file compares them.

    Args:
        path: exported for one image, or for any number.
        images: of the batch.
        target: the file to write.

    Raises:
        DeviceError: the file is no ONNX file, or cannot be read here.
    """
    try:
        import onnx  # late: a board may lack it

        model = onnx.load(str(path))
        if len(model.graph.input) != 1:
            raise ValueError(f"its graph has {len(model.graph.input)} inputs")
        _rewrite(model.graph, images)
        onnx.save(model, str(target))
    except Exception as error:  # of the parser: its classes are Google's; of the import; of the disk
        raise DeviceError(f"throughput: '{path.name}' is timed at batch 1 alone ({first_line(error)})") from error
    return target


def for_a_board(path: Path) -> tuple[bytes, dict[int, list[list[int]]]]:
    """Return what a board without `onnx` makes its batch files of: the file for two images, and how others differ.

    A batch is a byte of each shape, so that files for up to BATCH_MOST images differ in some bytes and not in length:
    one file goes over the line.

    Args:
        path: as of `with_batch`.

    Returns:
        the content for two images, and for each number of images `[offset, byte]` of what is another one there.

    Raises:
        DeviceError: as of `with_batch`.
    """
    with tempfile.TemporaryDirectory(prefix="automl-batch-") as folder:
        contents = {
            images: with_batch(path, images, Path(folder) / f"{images}{path.suffix}").read_bytes()
            for images in BATCH_SIZES
        }
    base = contents[BATCH_SIZES[0]]
    if any(len(content) != len(base) for content in contents.values()):
        raise DeviceError(f"throughput: '{path.name}' is timed at batch 1 alone (its files differ in length by batch)")
    return base, {images: _differences(base, content) for images, content in contents.items()}


def made_there(base: Path, differences: Iterable[Sequence[int]], target: Path) -> Path:
    """Write a file for several images on a board, of what `for_a_board` has returned."""
    content = bytearray(base.read_bytes())
    for offset, byte in differences:
        content[offset] = byte
    target.write_bytes(content)
    return target


def _differences(one: bytes, other: bytes) -> list[list[int]]:
    before, after = np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8)
    return [[int(offset), int(after[offset])] for offset in np.flatnonzero(before != after)]


def _rewrite(graph: "onnx.GraphProto", images: int) -> None:  # type: ignore[name-defined]  # noqa: F821  # late import
    from onnx import numpy_helper

    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = images
    del graph.value_info[:]  # shapes between the layers, of one image
    shapes = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            shapes[node.output[0]] = node.attribute[0].t
    for name in {node.input[1] for node in graph.node if node.op_type in SHAPED and node.input[1] in shapes}:
        shape = numpy_helper.to_array(shapes[name]).copy()
        if shape.size > 1 and shape[0] == 1:
            shape[0] = images
            shapes[name].CopyFrom(numpy_helper.from_array(shape, shapes[name].name))
