"""What a polish is worth: more for what gains more per second, less once polishes have brought little."""

import math
from dataclasses import replace

import numpy as np
import pytest

from search.engine.proposal.polish import Polishable, Polished, propose_polish
from search.engine.staircase import Staircase

FRONT = Staircase.of(np.array([0.3, 0.5]), np.log([2.0, 8.0]), 0.0, math.log(20.0))
EPOCHS = 10


def one(number: int, map_: float, latency_ms: float, **changes: float) -> Polishable:
    values = {"parent_ms": 8.0, "parent_epoch_s": 2.0, "overhead_s": 5.0, **changes}
    return Polishable(number, map_, latency_ms, **values)


def test_of_members_of_the_front_the_one_that_gains_most_per_second_comes_first() -> None:
    proposal = propose_polish([one(3, 0.3, 2.0), one(4, 0.5, 8.0), one(5, 0.1, 4.0)], [], FRONT, EPOCHS, math.inf)
    assert proposal is not None
    assert proposal.number == 3  # its gain counts up to 8 ms, and its epochs are the shorter ones
    assert 0.3 < proposal.mean < 0.45
    assert proposal.share > 0
    assert proposal.rate > 0
    assert "10 epochs more of trial 3" in proposal.why


def test_an_epoch_of_a_fast_child_takes_a_good_part_of_its_parent_s() -> None:
    fast, whole = one(1, 0.3, 0.8).seconds(EPOCHS), one(0, 0.5, 8.0).seconds(EPOCHS)
    assert whole == 10 * 2.0 + 5.0
    assert 0.4 * whole < fast < 0.6 * whole
    assert one(2, 0.5, 16.0).seconds(EPOCHS) == whole  # measured slower than its parent: noise


def test_what_does_not_end_in_time_is_not_begun() -> None:
    seconds = one(3, 0.3, 2.0).seconds(EPOCHS)
    assert propose_polish([one(3, 0.3, 2.0)], [], FRONT, EPOCHS, seconds - 0.1) is None
    assert propose_polish([one(3, 0.3, 2.0)], [], FRONT, EPOCHS, seconds + 0.1) is not None
    slow = [Polished(0.3, 0.35, slower=4.0)] * 50
    assert propose_polish([one(3, 0.3, 2.0)], slow, FRONT, EPOCHS, 2 * seconds) is None  # as slow as those before


def test_what_polishes_brought_is_expected_of_the_next() -> None:
    def expected(*gains: float) -> float:
        seen = [Polished(0.4, 0.4 * gain) for gain in gains]
        best = one(9, 0.4, 19.0)  # of the family, behind the front
        proposal = propose_polish([one(3, 0.3, 2.0), best], seen, FRONT, EPOCHS, math.inf)
        return 0.0 if proposal is None else proposal.mean

    assert expected(1.5, 1.5, 1.5) > expected(1.2) > expected() > expected(1.0, 1.0)


def test_the_weak_gain_more_than_the_strong_and_the_study_s_own_polishes_say_how_much() -> None:
    def factor(map_: float, seen: list[Polished]) -> float:
        proposal = propose_polish([one(3, map_, 2.0)], [Polished(0.8, 0.84), *seen], FRONT, EPOCHS, math.inf)
        assert proposal is not None
        return proposal.mean / map_

    assert factor(0.4, []) > factor(0.7, []) > 1
    steep = [Polished(0.8, 0.82), Polished(0.6, 0.75), Polished(0.4, 0.65)]
    flat = [Polished(0.8, 0.9), Polished(0.6, 0.66), Polished(0.4, 0.44)]
    assert factor(0.35, steep) > factor(0.35, []) > factor(0.35, flat)
    assert factor(0.4, steep * 20) == pytest.approx(0.65 / 0.4, rel=0.05)


def test_what_was_lost_on_other_images_may_come_back() -> None:
    def factor(lost: float, seen: list[Polished]) -> float:
        proposal = propose_polish([one(3, 0.5, 2.0, lost=lost)], seen, FRONT, EPOCHS, math.inf)
        return 1.0 if proposal is None else proposal.mean / 0.5

    halved = math.log(2.0)
    assert factor(halved, []) > factor(0.1, []) > factor(0.0, []) > 1
    brought_back = [Polished(0.4, 0.72, lost=halved)] * 20
    assert factor(halved, []) + 0.1 < factor(halved, brought_back) < 1.8  # of the weaker 0.4 above
    assert factor(0.0, brought_back) < factor(0.0, [Polished(0.4, 0.72)] * 20)  # that lost nothing before


def test_what_was_asked_for_comes_first_if_it_ends_in_time() -> None:
    seconds = one(5, 0.1, 4.0).seconds(EPOCHS)
    asked = replace(one(5, 0.1, 4.0), is_asked=True)  # worth nothing
    first = propose_polish(
        [one(3, 0.3, 2.0), asked, replace(one(6, 0.1, 4.0), is_asked=True)], [], FRONT, EPOCHS, seconds
    )
    assert first is not None
    assert (first.number, first.is_asked) == (5, True)
    assert first.why.startswith("asked for in `trial.polish_first`: 10 epochs more of trial 5")
    other = propose_polish([one(3, 0.3, 2.0), asked], [], FRONT, EPOCHS, seconds - 0.1)
    assert other is not None
    assert (other.number, other.is_asked) == (3, False)


def test_nothing_is_polished_that_cannot_move_the_front() -> None:
    assert propose_polish([], [], FRONT, EPOCHS, math.inf) is None
    worse = [Polished(0.4, 0.39)] * 30
    assert propose_polish([one(5, 0.1, 4.0)], worse, FRONT, EPOCHS, math.inf) is None
