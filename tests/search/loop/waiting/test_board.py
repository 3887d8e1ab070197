"""A board that is away: its trials wait and lose nothing, others go on, and what was tried is not held against them."""

from itertools import pairwise
from pathlib import Path

import pytest
from optuna.trial import TrialState
from quick_search import attempts_of, events_of, lines_of, plant, run, settings_of, trials_of

from objectives.data.dataset import Dataset
from objectives.machine.remote.back_off import BackOff
from objectives.records.classify import classify
from objectives.records.failures import Failure
from objectives.records.records import Ending, Outcome
from search.loop.retry import PASSING_MAX
from search.loop.waiting import board
from search.loop.waiting.board import BoardWait
from search.view.base import View
from spaces.errors import DeviceAway

AWAY = Ending(Outcome.FAILED, "device=ssh: board 'pi5': the line broke", Failure.DEVICE_AWAY)


class Heard(View):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.waits: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def waiting(self, text: str) -> None:
        self.waits.append(text)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_trial_whose_board_is_away_is_taken_up_as_often_as_it_takes(
    tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More often than deaths are forgiven; no epoch is trained twice, and the hours do not count while all waits."""
    monkeypatch.setattr(board, "BACK_OFF", BackOff(0.3, 0.3, float("inf")))
    settings = settings_of(tmp_path, "budget.trials=2", "pruner=none", "sampler=random")
    plant(settings, *["trial0epoch0-away"] * (PASSING_MAX + 3))  # at the export, when all epochs are trained
    search = run(settings, blocks)
    zero, one = trials_of(search)
    assert (zero.state, one.state) == (TrialState.COMPLETE, TrialState.COMPLETE)
    assert attempts_of(zero) == []
    assert [what for number, what in events_of(search) if number == 0] == [
        "measures",
        *(f"epoch {n}" for n in range(1, 5)),
    ]
    text = search.out.getvalue()
    assert text.count("its trials wait and are taken up again, nothing is lost") == 1
    assert "waiting: device=ssh: board 'pi5': it cannot be reached (no route to host)" in text
    begins = [when for number, when, what in lines_of(search.folder) if number == 0 and what.startswith("begins")]
    waited_s = begins[-1] - begins[0]
    assert waited_s > (PASSING_MAX + 3) * 0.15
    spans = search.session._spans
    slept = [begin - end for (_, end), (begin, _) in pairwise(spans)]
    assert len(slept) >= PASSING_MAX
    assert sum(slept) > PASSING_MAX * 0.1  # which no budget counts


@pytest.mark.seconds
def test_others_train_meanwhile(tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "BACK_OFF", BackOff(0.5, 0.5, float("inf")))
    line = ("budget.trials=2", "pruner=none", "sampler=random", "workers=2", "trial.epochs=8")
    settings = settings_of(tmp_path, *line)
    plant(settings, *["trial0epoch1-away"] * 2)
    search = run(settings, blocks)
    assert [trial.state for trial in trials_of(search)] == [TrialState.COMPLETE] * 2
    events = lines_of(search.folder)
    begins = [when for number, when, what in events if number == 0 and what.startswith("begins")]
    assert len(begins) == 3
    assert any(number == 1 and begins[0] < when < begins[-1] for number, when, what in events if "epoch" in what)


def test_it_is_said_once_and_tried_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    wait = BoardWait(heard)
    assert not wait.has_taken(None)
    assert not wait.has_taken(Ending(Outcome.FAILED, "", Failure.CRASHED))
    assert not wait.stops({})
    untils = [wait.until for _ in range(4) if wait.has_taken(AWAY)]
    assert len(untils) == 4
    assert untils[0] < untils[-1]  # with chance in each delay, neighbours may change places
    assert wait.stops({})
    assert not wait.stops({3: "trains"})
    assert heard.notes == [f"{AWAY.reason}; its trials wait and are taken up again, nothing is lost"]
    assert wait.measured(lambda: pytest.fail("asked although the board is away")).error_class == AWAY.error_class
    assert not wait.has_taken(Ending(Outcome.FINISHED, ""))
    assert heard.notes[1:] == ["the board is back"]
    assert heard.waits[-1] == ""
    assert wait.measured(lambda: AWAY) is AWAY
    assert wait.stops({})


def test_delays_double_with_chance_and_a_cap() -> None:
    back_off = BackOff(first_s=1.0, most_s=10.0, total_s=60.0)
    assert [back_off.delay_s(i, 0.0, lambda: 0.5) for i in range(1, 7)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert [back_off.delay_s(2, 0.0, lambda chance=chance: chance) for chance in (0.0, 1.0)] == [1.0, 3.0]
    assert back_off.delay_s(1, 60.0) is None
    assert back_off.delay_s(10_000, 59.0) == 10.0


def test_what_is_full_on_a_board_is_not_full_here() -> None:
    assert classify(DeviceAway("its disk is full (No space left on device)")) is Failure.DEVICE_AWAY
    assert classify(DeviceAway("out of memory")) is Failure.DEVICE_AWAY
