"""A search whose trials run in this process comes to what one comes to whose trials have their own."""

from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from quick_search import attempts_of, ending_of, events_of, lines_of, plant, run, settings_of, trials_of

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.failures import Failure
from search.view.lines import LineView

INLINE = "trial.backend=inline"


@pytest.mark.seconds
@pytest.mark.slow
def test_both_backends_come_to_the_same(tmp_path: Path, blocks: Dataset) -> None:
    """Proposals, measurements ahead, rungs, pauses and results, by the engine."""
    here, there = (
        run(settings_of(tmp_path / name, f"trial.backend={name}", "budget.trials=4"), blocks)
        for name in ("inline", "process")
    )
    assert events_of(here) == events_of(there)
    compared = (keys.CANDIDATE, keys.RUNGS, keys.ACCURACY, keys.LATENCY, keys.DECISIONS, keys.ENDING, keys.PAUSED)
    for one, other in zip(trials_of(here), trials_of(there), strict=True):
        assert (one.state, one.values, one.params) == (other.state, other.values, other.params)
        assert [one.user_attrs.get(key) for key in compared] == [other.user_attrs.get(key) for key in compared]


@pytest.mark.seconds
def test_failed_trials_are_classed_and_taken_up_again(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, INLINE, "budget.trials=2", "pruner=none", "sampler=random")
    plant(settings, "trial0epoch2-device", "trial1epoch3-nan")
    search = run(settings, blocks)
    zero, one = trials_of(search)
    assert (zero.state, one.state) == (TrialState.COMPLETE, TrialState.FAIL)
    assert [end.error_class for end in attempts_of(zero)] == [Failure.OUT_OF_DEVICE_MEMORY]
    assert ending_of(one).error_class == Failure.DIVERGED
    begun = [(number, what.split()[-1]) for number, _, what in lines_of(search.folder) if what.startswith("begins")]
    assert begun == [(0, "1"), (0, "2"), (1, "1")]


class Interrupting(LineView):
    """Presses Ctrl-C, as it were, in the third epoch of the first trial."""

    def progress(self, number: int, epoch: int, share: float) -> None:
        if (number, epoch) == (0, 3):
            raise KeyboardInterrupt


@pytest.mark.seconds
def test_ctrl_c_in_a_trial_cuts_it_and_the_same_line_takes_it_up(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, INLINE, "budget.trials=1", "pruner=none")
    with pytest.raises(KeyboardInterrupt):
        run(settings, blocks, make_view=Interrupting)
    search = run(settings, blocks)
    (trial,) = trials_of(search)
    assert trial.state is TrialState.COMPLETE
    assert attempts_of(trial) == []
    assert [what for _, what in events_of(search)] == ["measures", *(f"epoch {n}" for n in range(1, 5))]


@pytest.mark.seconds
def test_a_session_beats_while_its_trial_runs(tmp_path: Path, blocks: Dataset) -> None:
    """Each epoch takes a minute by the clock: the hours are counted although nobody looks in between."""
    now_s = 1e9

    class Slow(LineView):
        def progress(self, *_: Any) -> None:
            nonlocal now_s
            now_s += 60.0

    settings = settings_of(tmp_path, INLINE, "budget.trials=1", "trial.epochs=20", "pruner=none", "sampler=random")
    search = run(settings, blocks, make_view=Slow, clock=lambda: now_s)
    assert search.session.searched_s() == pytest.approx(20 * 60.0, abs=61.0)
