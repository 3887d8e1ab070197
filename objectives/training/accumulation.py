"""Gradients of several batches added up to one optimiser step, across a cut.

Ultralytics counts its batches anew in a resumed training and drops the gradients that wait; so they are counted here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn


@dataclass
class Accumulation:
    """Which batches end with an optimiser step.

    Attributes:
        apart: batches of a step, once the training is warmed up.
        pending: batches whose gradients wait for a step.
    """

    apart: int = 1
    pending: int = 0

    def is_due(self, batch: int, warmup: int) -> bool:
        """Count a batch, and return whether a step is made after it.

        Args:
            batch: its number over all epochs, from 0.
            warmup: batches of the warm-up, in which steps grow from one batch to `apart`, as Ultralytics has it.
        """
        apart = self.apart
        if warmup and batch <= warmup:
            apart = max(1, int(np.interp(batch, [0, warmup], [1, apart]).round()))
        self.pending += 1
        if self.pending < apart:
            return False
        self.pending = 0
        return True

    def state(self, model: nn.Module) -> dict[str, Any]:
        """Return what a checkpoint holds of it: the count and the gradients that wait."""
        waiting = model.named_parameters() if self.pending else ()
        return {"pending": self.pending, "gradients": {n: p.grad for n, p in waiting if p.grad is not None}}

    def restore(self, model: nn.Module, state: Mapping[str, Any]) -> None:
        """Take up what a checkpoint holds of it; one of an older automl holds nothing."""
        self.pending = state.get("pending", 0)
        parameters = dict(model.named_parameters())
        for name, gradient in state.get("gradients", {}).items():
            parameters[name].grad = gradient.to(parameters[name].device)
