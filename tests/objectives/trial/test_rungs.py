"""Rungs of a training, and the cores and the device that it may use."""

import os
from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.training.hardware import available_cores, available_device
from objectives.trial.job import rung_ladder


@given(st.integers(1, 400), st.integers(1, 8), st.floats(1.5, 5))
def test_rungs_climb_to_the_last_epoch(epochs: int, rungs: int, eta: float) -> None:
    ladder = rung_ladder(epochs, rungs, eta)
    assert ladder == sorted(set(ladder))
    assert ladder[0] >= 1
    assert ladder[-1] == epochs
    assert len(ladder) <= rungs
    for low, high in pairwise(ladder):
        assert abs(high - eta * low) <= 0.5 * (1 + eta)  # rounding of both


def test_the_ladder_of_the_docstring() -> None:
    assert rung_ladder(12, 3, 2) == [3, 6, 12]
    assert rung_ladder(12, 1, 2) == [12]
    assert rung_ladder(2, 5, 3) == [1, 2]


def test_cores_and_devices() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
    assert available_device("cpu") == "cpu"
    assert available_device("auto") == ("0" if torch.cuda.is_available() else "cpu")
