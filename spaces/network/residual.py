"""Residual blocks of a backbone: those that a network can do without, since they only add to what passes by."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

LOOK_PX = 128  # side of the image that a network is looked at with


def residual_blocks(network: nn.Module) -> list[list[str]]:
    """Return the names of a network's residual blocks, stage by stage, each stage in the order of computing.

    A block is residual if it passes on what it is given once all of its weights are 0: what it computes is added to
    its input. Of blocks within blocks the inner ones count.

    Args:
        network: takes images; it stays as it is. A stage is what holds blocks side by side.
    """
    network = deepcopy(network).cpu().eval()
    names = {module: name for name, module in network.named_modules()}
    inputs: dict[str, Tensor] = {}

    def look(module: nn.Module, given: Any, output: Any) -> None:
        same = len(given) == 1 and isinstance(given[0], Tensor) and isinstance(output, Tensor)
        if same and given[0].shape == output.shape and output.ndim == 4:
            inputs.setdefault(names[module], given[0])

    branches = [module for module in names if names[module] and any(True for _ in module.children())]
    hooks = [module.register_forward_hook(look) for module in branches]
    with torch.no_grad():
        network(torch.zeros(1, 3, LOOK_PX, LOOK_PX))
        for hook in hooks:
            hook.remove()
        layers = dict(network.named_modules())
        found = [name for name, given in inputs.items() if _passes_on(layers[name], given)]
    inner = [name for name in found if not any(other.startswith(f"{name}.") for other in found)]
    stages: dict[str, list[str]] = {}
    for name in inner:
        stages.setdefault(name.rpartition(".")[0], []).append(name)
    return list(stages.values())


def leave_out(network: nn.Module, stages: Sequence[Sequence[str]], count: int) -> nn.Module:
    """Leave the last residual blocks of every stage out, in place; return the network.

    Args:
        network: whose blocks are named.
        stages: as of `residual_blocks`.
        count: blocks of each stage; of one that has fewer all go.
    """
    for stage in stages:
        for name in stage[max(0, len(stage) - count) :]:
            holder, _, last = name.rpartition(".")
            setattr(network.get_submodule(holder), last, nn.Identity())
    return network


def _passes_on(block: nn.Module, given: Tensor) -> bool:
    """Whether a block gives back what it is given when all of its weights are 0; what is given is made positive."""
    silent = deepcopy(block)
    for parameter in silent.parameters():
        parameter.zero_()
    positive = given.abs() + 0.1
    return bool(any(True for _ in silent.parameters()) and torch.allclose(silent(positive), positive))
