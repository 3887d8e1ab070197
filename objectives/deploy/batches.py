"""A deployable file for several images at once: its graph, exported for one, rewritten for a batch."""

from pathlib import Path

from spaces.errors import DeviceError, first_line

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
