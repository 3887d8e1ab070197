"""Layers of a deployable file as a quantiser sees them: blocks of the network, and the arithmetic of boxes behind."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import onnx

COUNTED = ("Conv", "ConvTranspose")
INNER = re.compile(r"(?:\w+_)?(?:blocks|layer|stages|cv[23])[._]?\d+")  # a stage of a backbone, a branch of a head


@dataclass(frozen=True)
class Layers:
    """What of a graph may be quantised, and what never is.

    Attributes:
        groups: names of nodes by the block of the network that they belong to, in the order of the graph.
        decode: names of the nodes that no convolution follows: boxes of 0 to 640 px beside scores of 0 to 1, softmax
            over the bins of an edge, the decoder of RT-DETR. One scale for such a tensor is the classic failure.
        borders: tensors that the network hands to them.
    """

    groups: Mapping[str, tuple[str, ...]]
    decode: tuple[str, ...]
    borders: tuple[str, ...]

    @classmethod
    def of(cls, model: onnx.ModelProto) -> Self:
        """Look at a graph; its nodes have names of their own."""
        nodes = list(model.graph.node)
        made_by = {output: node for node in nodes for output in node.output}
        leading: set[str] = set()  # names of nodes that a convolution follows, itself counted
        for node in reversed(nodes):  # in topological order, as ONNX demands
            if node.name in leading or (node.op_type in COUNTED and not _weighs_bins(node, made_by)):
                leading.add(node.name)
                leading |= {made_by[name].name for name in node.input if name in made_by}
        decode = [node for node in nodes if node.name not in leading]
        read = {name for node in decode for name in node.input}
        borders = [name for node in nodes if node.name in leading for name in node.output if name in read]
        groups: dict[str, list[str]] = {}
        for node in nodes:
            if node.name in leading:
                groups.setdefault(_block(node.name), []).append(node.name)
        counted = {node.name for node in nodes if node.op_type in COUNTED}
        blocks = {name: tuple(found) for name, found in groups.items() if not counted.isdisjoint(found)}
        return cls(blocks, tuple(node.name for node in decode), tuple(borders))

    def without(self, left: tuple[str, ...]) -> list[str]:
        """Return the nodes that stay in fp32 where these groups do."""
        return [*self.decode, *(name for group in left for name in self.groups[group])]


def _weighs_bins(node: onnx.NodeProto, made_by: Mapping[str, onnx.NodeProto]) -> bool:
    """Whether a convolution sums what a softmax gives: an edge's place from its bins, in Ultralytics' heads."""
    before = made_by.get(node.input[0])
    return before is not None and before.op_type == "Softmax"


def _block(name: str) -> str:
    """Return the block of a node: of timm's backbone its stage, of the head its branch, else Ultralytics' layer.

    '/model.0/m/blocks.1/blocks.1.0/conv_dw/Conv' gives 'model.0/blocks.1', '/model.17/cv2.0/cv2.0.1/act/Mul'
    'model.17/cv2.0'.
    """
    parts = name.strip("/").split("/")
    layer = parts[0]
    inner = next((part for part in parts[1:3] if INNER.fullmatch(part)), "")
    return f"{layer}/{inner}" if inner else layer
