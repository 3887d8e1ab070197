"""Depth of a detector: repeated blocks of its neck and residual blocks of its backbone that it can do without."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from ultralytics.nn.modules import C3

from spaces.dimension import Value
from spaces.network.family import DEPTH, SLIM_BLOCKS
from spaces.network.residual import leave_out, residual_blocks
from spaces.network.timm_backbone import TimmBackbone


def neck_blocks(model: Any) -> list[Any]:
    """Return the blocks of the neck that are made of repeated ones."""
    return [module for module in model.model if isinstance(module, C3)]


def stages(model: Any) -> list[list[str]]:
    """Return the names of the residual blocks that the backbone can do without, stage by stage; none of Ultralytics'.

    Args:
        model: as built by `spaces.network.detector.build_detector`.
    """
    backbone = model.model[0]
    if not isinstance(backbone, TimmBackbone):
        return []
    return [[f"model.0.{name}" for name in stage] for stage in residual_blocks(backbone)]


def shallow(model: nn.Module, choices: Mapping[str, Value], found: Sequence[Sequence[str]]) -> nn.Module:
    """Leave out what the choices of a child do without, in place; return the network.

    Args:
        model: with all blocks.
        choices: a child's; those of depth are read.
        found: as of `stages`.
    """
    if DEPTH in choices:
        for block in neck_blocks(model):
            block.m = block.m[: int(choices[DEPTH])]
    return leave_out(model, found, int(choices.get(SLIM_BLOCKS, 0)))
