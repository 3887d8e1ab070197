"""Blocks that Torch-Pruning can cut: Ultralytics' own, with two convolutions for the one whose output they halve.

Torch-Pruning does not follow `chunk` and `split`, by which C2f, C3k2, C2PSA and their kind halve what their first
convolution gives. Here each half of that convolution, and of its batch norm, is one of its own with the same weights:
a block computes what it did.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.modules import C2, C2PSA, PSA, C2f

ROW = ("i", "f", "type", "np")  # what Ultralytics' builder notes on a layer, and its forward pass reads

Join = Callable[[Any, Tensor, Tensor], Tensor]


class Halved(nn.Module):
    """A block of Ultralytics' with a convolution for each half.

    Attributes:
        cv0: gives the first half of the channels.
        cv1: gives the second half.
        join: takes this block and both halves; returns what the block gives.
    """

    def __init__(self, block: Any, join: Join) -> None:
        """Take the block to stand in for; all but its first convolution is shared with it."""
        super().__init__()
        self.cv0, self.cv1 = halves(block.cv1)
        self.join = join
        for name, module in block.named_children():
            if name != "cv1":
                setattr(self, name, module)
        for name in ("training", *ROW):
            if hasattr(block, name):
                setattr(self, name, getattr(block, name))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c1, H, W) to (batch, c2, H, W)."""
        return self.join(self, self.cv0(x), self.cv1(x))


def make_cuttable(model: nn.Module) -> nn.Module:
    """Put blocks that can be cut in place of those that cannot, in place; return the model, which computes the same."""
    for parent in list(model.modules()):
        for name, block in list(parent.named_children()):
            if (join := join_of(block)) is not None:
                setattr(parent, name, Halved(block, join))
    return model


def join_of(block: nn.Module) -> Join | None:
    """Return how a block joins its halves; None of what halves nothing, or in a way of its own."""
    return _JOINS.get(type(block).forward)


def halves(conv: Any) -> tuple[nn.Module, nn.Module]:
    """Return two of Ultralytics' `Conv` that give the first and the second half of what one gives.

    Args:
        conv: without groups; fused with its batch norm or not.
    """
    count = conv.conv.out_channels // 2
    return _rows(conv, slice(0, count)), _rows(conv, slice(count, None))


def _rows(conv: Any, rows: slice) -> nn.Module:
    """Return a copy of a convolution that gives some of its channels."""
    part = deepcopy(conv)
    layers = [layer for layer in (part.conv, getattr(part, "bn", None)) if layer is not None]
    for layer in layers:
        for name, values in list(layer.named_parameters()):
            setattr(layer, name, nn.Parameter(values.detach()[rows].clone(), values.requires_grad))
        for name, values in list(layer.named_buffers()):
            if values.ndim:  # the number of batches is one of the whole layer
                setattr(layer, name, values[rows].clone())
    part.conv.out_channels = len(part.conv.weight)
    if len(layers) > 1:
        part.bn.num_features = part.conv.out_channels
    return part  # type: ignore[no-any-return]  # a module


# How Ultralytics' blocks join their halves: the body of each `forward`, from the halving on.


def _join_c2f(block: Any, first: Tensor, second: Tensor) -> Tensor:
    found = [first, second]
    for module in block.m:
        found.append(module(found[-1]))
    return block.cv2(torch.cat(found, 1))  # type: ignore[no-any-return]  # of a module


def _join_c2(block: Any, first: Tensor, second: Tensor) -> Tensor:
    return block.cv2(torch.cat((block.m(first), second), 1))  # type: ignore[no-any-return]  # of a module


def _join_c2psa(block: Any, first: Tensor, second: Tensor) -> Tensor:
    return block.cv2(torch.cat((first, block.m(second)), 1))  # type: ignore[no-any-return]  # of a module


def _join_psa(block: Any, first: Tensor, second: Tensor) -> Tensor:
    second = second + block.attn(second)
    second = second + block.ffn(second)
    return block.cv2(torch.cat((first, second), 1))  # type: ignore[no-any-return]  # of a module


# By the method, so that a block that computes in a way of its own is left as it is, whatever its base.
_JOINS: Mapping[Any, Join] = {
    C2.forward: _join_c2,
    C2f.forward: _join_c2f,  # C3k2, C2fPSA and C2fCIB inherit it
    C2PSA.forward: _join_c2psa,
    PSA.forward: _join_psa,
}
