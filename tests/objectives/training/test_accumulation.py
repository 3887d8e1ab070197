"""Gradients added up over batches: steps are made where Ultralytics makes them, and a cut loses none."""

import numpy as np
import pytest
import torch
from torch import nn

from objectives.training.accumulation import Accumulation


def as_ultralytics(batches: int, apart: int, warmup: int) -> list[int]:
    """Return the batches after which Ultralytics' loop makes a step."""
    last, accumulate, made = -1, apart, []
    for batch in range(batches):
        if warmup and batch <= warmup:
            accumulate = max(1, int(np.interp(batch, [0, warmup], [1, apart]).round()))
        if batch - last >= accumulate:
            made.append(batch)
            last = batch
    return made


@pytest.mark.parametrize("warmup", [0, 5, 13])
@pytest.mark.parametrize("apart", [1, 3, 8])
def test_steps_are_ultralytics_own(apart: int, warmup: int) -> None:
    steps = Accumulation(apart)
    assert [i for i in range(40) if steps.is_due(i, warmup)] == as_ultralytics(40, apart, warmup)


def test_a_cut_keeps_the_gradients_that_wait() -> None:
    network, steps = nn.Linear(2, 1), Accumulation(3)
    network(torch.ones(1, 2)).sum().backward()
    assert not steps.is_due(0, 0)
    kept = steps.state(network)
    resumed, again = nn.Linear(2, 1), Accumulation(3)
    again.restore(resumed, kept)
    assert resumed.weight.grad is not None
    assert torch.equal(resumed.weight.grad, torch.ones(1, 2))
    assert [again.is_due(i, 0) for i in (1, 2, 3)] == [False, True, False]


def test_a_checkpoint_of_an_older_automl_is_taken() -> None:
    steps, network = Accumulation(2), nn.Linear(2, 1)
    steps.restore(network, {"epoch": 3})
    assert (steps.pending, network.weight.grad) == (0, None)
    assert steps.state(network) == {"pending": 0, "gradients": {}}
