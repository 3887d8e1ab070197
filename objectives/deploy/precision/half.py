"""The network of a deployable file in half precision; the arithmetic of boxes behind it, and both ends, stay fp32.

ONNX Runtime's own converter casts every tensor between nodes that are to stay in fp32 down and up again: places of
640 px would keep no more than half a pixel.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from objectives.deploy.precision.layers import Layers

SIZES = {"Resize": (1, 2)}  # inputs that are fp32 whatever the data are: regions and scales
SUFFIX = "_fp16"


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph whose network computes in fp16: its weights take half the room."""
    layers = Layers.of(model)
    decode, borders = set(layers.decode), set(layers.borders)
    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    weights = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}
    inputs = {read.name for read in graph.input}
    nodes = [_cast(name, name + SUFFIX, TensorProto.FLOAT16) for name in sorted(inputs)]
    halves: dict[str, onnx.TensorProto] = {}
    for node in graph.node:
        if node.name in decode:
            nodes.append(node)
            continue
        for i, name in enumerate(node.input):
            if i in SIZES.get(node.op_type, ()):
                continue
            if name in weights:
                halves[name] = halves.get(name) or _half(weights[name])
                node.input[i] = halves[name].name
            elif name in inputs or name in borders:
                node.input[i] = name + SUFFIX
        made = [name for name in node.output if name in borders]
        for i, name in enumerate(node.output):
            if name in borders:
                node.output[i] = name + SUFFIX
        nodes += [node, *(_cast(name + SUFFIX, name, TensorProto.FLOAT) for name in made)]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(halves.values())
    _without_unread(graph)
    return found


def _half(weights: onnx.TensorProto) -> onnx.TensorProto:
    numbers = numpy_helper.to_array(weights)
    most = float(np.finfo(np.float16).max)
    return numpy_helper.from_array(np.clip(numbers, -most, most).astype(np.float16), weights.name + SUFFIX)


def _cast(source: str, target: str, to: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], name=f"{target}/Cast", to=to)


def _without_unread(graph: onnx.GraphProto) -> None:
    """Remove the constants that no node reads any more."""
    read = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
