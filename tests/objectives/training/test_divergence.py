"""Divergence: what a training goes through in its first epochs is none."""

import math

import pytest

from objectives.records.failures import Diverged
from objectives.training.divergence import LossWatch


@pytest.mark.parametrize(
    ("first", "epochs"),
    [
        (140.0, [60.0, 9.0, 5.0, 4.0]),  # a large class loss at first
        (4.0, [30.0, 12.0, 6.0]),  # a warm-up that goes up before it goes down
        (0.4, [0.2, 700.0, 90.0]),  # a batch without objects first
        (3.0, [math.nan, 3.0]),  # one batch of mixed precision overflowed, the last one did not
    ],
)
def test_early_epochs_are_no_divergence(first: float, epochs: list[float]) -> None:
    watch = LossWatch()
    watch.begin(first)
    for i, mean in enumerate(epochs):
        watch.check(i + 1, 1.0, mean)


@pytest.mark.parametrize("last", [math.nan, math.inf])
def test_a_loss_that_is_no_number(last: float) -> None:
    with pytest.raises(Diverged, match=f"the training loss was {last} after epoch 2"):
        LossWatch().check(2, last, 1.0)


def test_an_explosion_is_seen_even_in_the_first_epoch() -> None:
    watch = LossWatch()
    watch.begin(5.0)
    with pytest.raises(Diverged, match=r"the training loss was 2\.3e\+11 in epoch 1, and 5 at its least"):
        watch.check(1, 1.0, 2.3e11)
    watch = LossWatch()
    watch.check(1, 1.0, 2.0)
    watch.check(2, 1.0, 1.0)
    with pytest.raises(Diverged, match="in epoch 3, and 1 at its least"):
        watch.check(3, 1.0, 10_001.0)
