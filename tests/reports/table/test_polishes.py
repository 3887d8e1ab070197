"""How well those of a family foretold their polishes, in values and in words."""

import pytest

from objectives.records.trial_record import Phase
from reports.table.kin.polishes import foretold, polish_words
from reports.table.row import TrialRow


def row(number: int, map_: float | None, polishes: int | None = None) -> TrialRow:
    return TrialRow(number, Phase.FINISHED, map=map_, objective_ms=2.0, polishes=polishes)


ROWS = [row(0, 0.5), row(1, 0.4), row(2, 0.3), row(3, 0.55, 0), row(4, 0.47, 1), row(5, 0.48, 2)]


def test_gains_and_the_order_are_kept() -> None:
    known = foretold(ROWS)
    assert known is not None
    assert known.gains == pytest.approx((0.05, 0.07, 0.18))
    assert (known.pairs, known.in_order) == (3, 2)
    words = polish_words(ROWS)
    assert "3 detectors were trained on" in words
    assert "mAP +0.100 on average (+0.050 to +0.180), in the order of before in 2 of 3 pairs" in words


def test_one_polish_has_no_order() -> None:
    assert polish_words(ROWS[:4]).endswith("mAP +0.050.")
    assert polish_words([row(0, 0.5), row(1, 0.45, 0)]).endswith("mAP -0.050.")


def test_what_did_not_finish_says_nothing() -> None:
    assert foretold(ROWS[:3]) is None
    assert polish_words([row(0, 0.5), row(1, None, 0), row(2, 0.5, 9)]) == ""
