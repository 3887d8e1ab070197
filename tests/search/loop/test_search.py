"""The loop: pauses, promotions, stops, deaths, cuts and the budget, over trials of milliseconds."""

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState
from quick_search import (
    Begun,
    Script,
    attempts_of,
    begun,
    decisions_of,
    ending_of,
    epochs_of,
    events_of,
    lines_of,
    pieces,
    plant,
    released,
    run,
    settings_of,
    taken,
    trials_of,
)
from quick_trainer import EPOCH_S

from objectives.data.dataset import Dataset
from objectives.machine.gpus.driver import Gpu
from objectives.machine.gpus.leases import lease_gpu
from objectives.machine.shares import slots_taken
from objectives.records import attributes as keys
from objectives.records.failures import Failure
from objectives.records.paths import StudyPaths
from objectives.records.records import Ending, Latency, Outcome, Proposal, Resources, Rung
from objectives.trial.job import rung_ladder
from search.loop import search as runner
from search.loop.retry import PASSING_MAX
from search.loop.search import Search
from search.loop.streaks import TooManyFailures
from search.settings.settings import Settings
from search.study.latencies import architecture_key
from search.view.lines import LineView

pytestmark = pytest.mark.seconds


class Cut(BaseException):
    """The searching process is gone."""


def cutting(number: int, epoch: int) -> type[LineView]:
    """Return a view at which the search dies when a trial begins an epoch; at epoch 0, before it has a process."""

    class Cutting(LineView):
        def trial_started(self, begun: int, *_: Any) -> None:
            if (begun, 0) == (number, epoch):
                raise Cut

        def progress(self, at: int, of: int, share: float) -> None:
            if (at, of) == (number, epoch):
                raise Cut

    return Cutting


def inline(folder: Path, *overrides: str) -> Settings:
    """Return settings of a search whose trials need no processes of their own: nothing kills them."""
    return settings_of(folder, "trial.backend=inline", *overrides)


# The scheduler's steps


def test_pause_and_promote_go_on_from_the_checkpoint_and_tell_why(tmp_path: Path, blocks: Dataset) -> None:
    script = Script(None, None, 0, 0, None, 1)  # 0 pauses for 1, 1 for 0, which trains to its end; then 2, then 1
    search = run(inline(tmp_path, "budget.trials=3"), blocks, script)
    zero, one, two = trials_of(search)
    assert pieces(events_of(search)) == [0, 1, 0, 2, 1]
    assert epochs_of(zero) == [1, 2, 4]
    seconds = [rung["seconds"] for rung in zero.user_attrs[keys.RUNGS]]
    assert seconds == pytest.approx([EPOCH_S, 2 * EPOCH_S, 4 * EPOCH_S])  # of both processes
    spent = Resources.from_json(zero.user_attrs[keys.RESOURCES]).seconds
    assert spent == pytest.approx({"train": 4 * EPOCH_S, "build": 2 * EPOCH_S})
    assert [(d.epoch, d.decision) for d in decisions_of(zero)] == [(1, "pause"), (1, "promote"), (2, "go on")]
    assert decisions_of(zero)[0].why == "worth more now: the script's step 2"
    assert decisions_of(one)[0].why == "worth more now: trial 0, the script's step 3"
    assert decisions_of(zero)[1].why == "the script's step 3"
    assert (zero.state, one.state, two.state) == (TrialState.COMPLETE, TrialState.RUNNING, TrialState.RUNNING)
    assert [t.user_attrs[keys.PAUSED] for t in (zero, one, two)] == [False, True, True]
    assert decisions_of(one)[-1].why == "the budget leaves nothing for it that is worth its time"
    assert (tmp_path / "smoke" / "trials" / "00001" / "training-1").is_dir()
    assert not (tmp_path / "smoke" / "trials" / "00000" / "training-1").exists()


def test_a_line_for_each_piece_of_training(tmp_path: Path, blocks: Dataset) -> None:
    told = run(inline(tmp_path, "budget.trials=2"), blocks, Script(None, None, 0, 0)).out.getvalue().splitlines()
    assert [line[:11].split()[1] for line in told] == ["0", "1", "0", "0"]
    assert "paused at epoch 1, mAP 0." in told[0]
    assert "[1/2, front 0, " in told[0]
    assert "[2/2, front 0, 2 paused]" in told[1]
    assert told[2].endswith("goes on from epoch 1")
    assert "[2/2, front 1, 1 paused]" in told[3]


def test_stopping_a_paused_trial_keeps_the_reason_and_removes_its_checkpoint(tmp_path: Path, blocks: Dataset) -> None:
    script = Script(None, None, None, stop={2: {0: "it cannot move the front"}})
    search = run(inline(tmp_path), blocks, script)
    zero, one, two = trials_of(search)
    assert zero.state is TrialState.PRUNED
    assert ending_of(zero) == Ending(Outcome.STOPPED, "it cannot move the front")
    folders = tmp_path / "smoke" / "trials"
    assert [(folders / f"0000{n}" / "training-1").exists() for n in range(3)] == [False, True, True]
    assert (one.state, two.state) == (TrialState.RUNNING, TrialState.RUNNING)
    assert search.used().trials == 3


def test_stopping_the_trial_at_its_rung(tmp_path: Path, blocks: Dataset) -> None:
    search = run(inline(tmp_path), blocks, Script(None, 0, None, stop={2: {0: "far behind"}}))
    zero, _ = trials_of(search)
    assert [(d.epoch, d.decision, d.why) for d in decisions_of(zero)][-1] == (2, "stop", "far behind")
    assert ending_of(zero) == Ending(Outcome.STOPPED, "far behind")
    assert zero.state is TrialState.PRUNED
    assert not list((tmp_path / "smoke").glob("trials/00000/training-*"))


def test_dominated_stops_the_last_trial_of_the_budget_and_starts_none_over_it(tmp_path: Path, blocks: Dataset) -> None:
    """Its learning rate is far off, and trials of its own latency are ahead."""
    lines = ("sampler=random", "pruner=dominated", "pruner.grace=0", "pruner.better_min=1", "pruner.tolerance=1")
    same = "size.pixels: 64, backbone.name: tinynet_e, head.kind: nms"
    start = f"start=[{{{same}, train.lr0: 0.002}}, {{{same}, train.lr0: 0.008}}]"
    search = run(inline(tmp_path, *lines, "budget.trials=2", start), blocks)
    good, bad = trials_of(search)
    assert good.state is TrialState.COMPLETE
    assert bad.state is TrialState.PRUNED
    assert "trials no slower are ahead" in ending_of(bad).reason


# The engine


def checked(search: Search) -> list[FrozenTrial]:
    """Check what holds for every trial of a search that is at rest, whatever decided; return the trials."""
    trials, pruner, ladder = trials_of(search), search.settings.pruner, search.chooser.ladder
    looks = rung_ladder(ladder[-1], pruner.rungs, pruner.eta)
    assert [t.number for t in trials] == list(range(len(trials)))
    assert search.used().trials == len(trials) <= search.settings.budget.trials
    for trial in trials:
        attrs, epochs = trial.user_attrs, epochs_of(trial)
        assert Proposal.from_json(attrs[keys.PROPOSAL]).role
        assert epochs == looks[: len(epochs)]
        decided = [d.epoch for d in decisions_of(trial) if d.decision != "promote"]
        assert decided == [epoch for epoch in epochs if epoch in ladder[:-1]]
        assert all(d.why for d in decisions_of(trial))
        if trial.state is TrialState.RUNNING:
            assert attrs[keys.PAUSED] is True
            assert decisions_of(trial)[-1].decision == "pause"
        else:
            assert ending_of(trial).outcome in tuple(Outcome)
        kept = list(search.folder.glob(f"trials/{trial.number:05d}/training-*"))
        assert bool(kept) == (trial.state is TrialState.RUNNING)
    assert not list(StudyPaths(search.folder).measurings)
    return trials


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Begun:
    """A search by the engine, to the end of its budget."""
    return run(inline(tmp_path_factory.mktemp("whole"), "budget.trials=6"), blocks)


@pytest.mark.slow
def test_the_engine_accounts_for_every_trial(whole: Begun) -> None:
    trials, events = checked(whole), events_of(whole)
    assert len(trials) == 6
    assert pieces(events)[0] == 0
    assert trials[0].state is TrialState.COMPLETE
    assert [e for e in events if e[1].startswith("epoch")][:4] == [(0, f"epoch {n}") for n in range(1, 5)]
    assert Proposal.from_json(trials[0].user_attrs[keys.PROPOSAL]).role == "baseline"
    assert len(pieces(events)) > 6  # some paused and went on
    for trial in trials:
        mine = [what for number, what in events if number == trial.number and what.startswith("epoch")]
        assert mine == [f"epoch {n}" for n in range(1, len(mine) + 1)]  # none twice, whatever the pauses


def test_no_architecture_is_measured_twice(whole: Begun) -> None:
    trials = trials_of(whole)
    measured = sum(what == "measures" for _, what in events_of(whole))
    architectures = {architecture_key(t.params) for t in trials}
    ahead = [name for name in whole.study.user_attrs if name.startswith(keys.MEASURED)]
    assert ahead
    assert measured == len(architectures | {name.removeprefix(keys.MEASURED) for name in ahead})
    assert all(keys.LATENCY_UNTRAINED in t.user_attrs for t in trials)


def test_the_same_line_again_starts_nothing(whole: Begun, blocks: Dataset) -> None:
    before, events = trials_of(whole), events_of(whole)
    again = run(whole.settings, blocks)
    assert events_of(again) == events
    assert trials_of(again) == before


@pytest.mark.slow
def test_one_seed_gives_one_sequence(whole: Begun, tmp_path: Path, blocks: Dataset) -> None:
    """With the same measurements; on a machine they differ by their noise, and so may what follows from them."""
    again = run(inline(tmp_path / "again", "budget.trials=6"), blocks)
    assert events_of(again) == events_of(whole)
    assert [t.params for t in trials_of(again)] == [t.params for t in trials_of(whole)]
    other = run(inline(tmp_path / "other", "budget.trials=2", "seed=7"), blocks)
    assert [t.params for t in trials_of(other)] != [t.params for t in trials_of(whole)][:2]


def test_a_larger_budget_goes_on(tmp_path: Path, blocks: Dataset) -> None:
    first = run(inline(tmp_path, "budget.trials=3"), blocks)
    paused = [t.number for t in trials_of(first) if t.user_attrs.get(keys.PAUSED)]
    done = len(events_of(first))
    more = run(inline(tmp_path, "budget.trials=5"), blocks)
    assert len(checked(more)) == 5
    assert {3, 4} <= set(pieces(events_of(more)[done:])) <= {3, 4, *paused}


@pytest.mark.slow
@pytest.mark.parametrize("p95_ms_max", [1.0, 2.0])
def test_candidates_over_the_p95_bound_are_never_trained(tmp_path: Path, blocks: Dataset, p95_ms_max: float) -> None:
    start = "start=[{size.pixels: 256}, {size.pixels: 64}]"
    search = run(inline(tmp_path, "budget.trials=5", f"gate.p95_ms_max={p95_ms_max}", start), blocks)
    trials = checked(search)
    latencies = [Latency.from_json(t.user_attrs[keys.LATENCY_UNTRAINED]).p95_ms for t in trials]
    over = [t for t, p95_ms in zip(trials, latencies, strict=True) if p95_ms > p95_ms_max]
    assert {t.number for t in over}.isdisjoint(pieces(events_of(search)))
    assert all(ending_of(t).outcome == Outcome.OVER_BOUND for t in over)
    assert len(trials) == 5
    assert 0 in [t.number for t in over]  # the one that was asked for
    assert len(over) < 5


@pytest.mark.parametrize(
    ("pruner", "sampler"),
    [("mo_asha", "tpe"), ("mo_asha", "known_latency"), ("dominated", "qmc"), ("gain", "nsga2")],
)
def test_pruners_and_samplers_work_together(tmp_path: Path, blocks: Dataset, pruner: str, sampler: str) -> None:
    search = run(inline(tmp_path, "budget.trials=4", f"sampler={sampler}", f"pruner={pruner}"), blocks)
    trials = checked(search)
    assert len(trials) == 4
    peers = {Proposal.from_json(t.user_attrs[keys.PROPOSAL]).role == "peer" for t in trials}
    assert peers == {sampler != "known_latency"}
    if pruner in ("none", "dominated"):
        assert all(t.state.is_finished() for t in trials)


def test_start_candidates_tell_that_they_were_asked_for(tmp_path: Path, blocks: Dataset) -> None:
    search = run(inline(tmp_path, "budget.trials=3", "start=[{size.pixels: 96}, {size.pixels: 128}]"), blocks)
    roles = [Proposal.from_json(t.user_attrs[keys.PROPOSAL]).role for t in checked(search)]
    assert roles[:2] == ["start", "start"]
    assert roles[2] != "start"
    assert "what it leaves out takes known good values" in trials_of(search)[1].user_attrs[keys.PROPOSAL]["why"]
    assert {t.params["train.lr0"] for t in trials_of(search)[:2]} == {0.002}


def test_a_start_candidate_that_an_older_automl_enqueued_is_completed_by_the_sampler(
    tmp_path: Path, blocks: Dataset
) -> None:
    settings = settings_of(tmp_path, "budget.trials=1")
    with begun(settings, blocks) as search:
        search.study.enqueue_trial({"size.pixels": 96})
        search.run()
    [trial] = checked(search)
    assert trial.params["size.pixels"] == 96
    assert trial.user_attrs[keys.PROPOSAL]["why"] == "asked for in `start`; what it leaves out was sampled"


def test_a_paused_trial_goes_on_under_another_pruner(tmp_path: Path, blocks: Dataset) -> None:
    run(inline(tmp_path, "budget.trials=2"), blocks, Script(None, None))
    search = run(inline(tmp_path, "budget.trials=2", "pruner=none"), blocks)
    assert [epochs_of(t) for t in trials_of(search)] == [[1, 2, 4]] * 2
    assert all(t.state is TrialState.COMPLETE for t in trials_of(search))


# Several at once


def test_three_workers_train_three_trials_at_once_and_keep_the_budget(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "workers=3", "budget.trials=5", "pruner=none", "sampler=random")
    plant(settings, *(f"trial{n}epoch2-hold" for n in range(3)))  # each stands there until all of them do
    with released(settings, "trial?epoch2-hold", count=3):
        search = run(settings, blocks)
    trials = trials_of(search)
    assert len(trials) == 5
    assert all(t.state is TrialState.COMPLETE for t in trials)
    assert max(t.datetime_start for t in trials[:3]) < min(t.datetime_complete for t in trials[:3])
    epochs = Counter(event for event in events_of(search) if event[1].startswith("epoch"))
    assert epochs == Counter({(n, f"epoch {epoch}"): 1 for n in range(5) for epoch in range(1, 5)})
    assert slots_taken() == 0


def test_a_search_waits_for_a_gpu_that_another_training_has(
    tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes nothing from its hours; and once it has nothing to do, it waits for nothing."""
    monkeypatch.setattr(runner, "IDLE_S", 0.1)
    settings = settings_of(tmp_path, "budget.trials=1", "budget.hours=0.1", "pruner=none", "trial.train_device=7")
    lease = lease_gpu([Gpu(7, "7")])
    assert lease is not None
    said: list[str] = []
    clock = Clock()

    class Waiting(LineView):
        def waiting(self, text: str) -> None:
            said.append(text)
            clock.now_s += 250 if text else 0
            if len(said) == 3:
                lease.release()

    search = run(settings, blocks, make_view=Waiting, clock=clock)
    assert said[:3] == ["other trainings have all GPUs"] * 3
    assert said[3] == ""
    assert trials_of(search)[0].state is TrialState.COMPLETE
    assert search.session.searched_s() == 0
    again = lease_gpu([Gpu(7, "7")])
    assert again is not None
    run(settings, blocks, clock=clock)
    again.release()


# Deaths


@pytest.mark.parametrize(
    ("fault", "failure", "told"),
    [
        (
            "trial0epoch3-sigkill",
            Failure.KILLED,
            "died (killed): killed from outside (SIGKILL); taken up again from its",
        ),
        ("trial0epoch2-full", Failure.DISK_FULL, "died (disk full): "),  # for a moment: no fault of the trial
    ],
)
def test_a_trial_that_is_not_to_blame_goes_on_from_its_checkpoint(
    tmp_path: Path, blocks: Dataset, fault: str, failure: Failure, told: str
) -> None:
    settings = settings_of(tmp_path, "budget.trials=1", "pruner=none")
    plant(settings, fault)
    search = run(settings, blocks)
    (trial,) = trials_of(search)
    assert trial.state is TrialState.COMPLETE
    assert [end.error_class for end in attempts_of(trial)] == [failure]
    assert [what for _, what in events_of(search)] == ["measures", *(f"epoch {n}" for n in range(1, 5))]  # none twice
    assert told in search.out.getvalue()
    assert slots_taken() == 0


def test_a_trial_that_is_killed_over_and_over_fails(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2", "pruner=none", "sampler=random")
    plant(settings, *["trial0-sigterm"] * (PASSING_MAX + 3))
    search = run(settings, blocks)
    zero, one = trials_of(search)
    assert zero.state is TrialState.FAIL
    assert ending_of(zero).error_class == Failure.KILLED
    assert len(attempts_of(zero)) == PASSING_MAX
    assert len(taken(settings.folder / "faults", "trial0-sigterm")) == PASSING_MAX + 1
    assert one.state is TrialState.COMPLETE


def test_out_of_memory_is_tried_once_more_with_a_smaller_batch(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2", "pruner=none", "sampler=random")
    plant(settings, "trial0-device", "trial1-device", "trial1-device")
    search = run(settings, blocks)
    once, twice = trials_of(search)
    batches = [(n, re.sub(r" for \d+", "", what)) for n, _, what in lines_of(search.folder) if "begins" in what]
    assert batches == [(n, f"begins, batch by {divisor}") for n in (0, 1) for divisor in (1, 2)]
    assert once.state is TrialState.COMPLETE
    (attempt,) = attempts_of(once)
    assert attempt.error_class == Failure.OUT_OF_DEVICE_MEMORY
    assert attempt.death is not None
    assert "CUDA out of memory" in attempt.death.log_tail
    assert twice.state is TrialState.FAIL
    assert ending_of(twice).error_class == Failure.OUT_OF_DEVICE_MEMORY
    assert len(attempts_of(twice)) == 1


def test_a_batch_of_one_has_no_half(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=1", "pruner=none", "space.train.batch=1", "space.train.nbs=8")
    plant(settings, "trial0-device")
    (trial,) = trials_of(run(settings, blocks))
    assert trial.state is TrialState.FAIL
    assert attempts_of(trial) == []


def test_failures_in_a_row_end_the_search_with_advice_and_the_last_log(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    plant(settings, *(f"trial{n}-sigsegv" for n in (0, 2, 3, 4)))
    told = r"3 trials in a row failed \(crashed: crashed with SIGSEGV\); read the log; .*00004/log.txt"
    with pytest.raises(TooManyFailures, match=told):
        run(settings, blocks, Script(*[None] * 9))


def test_a_trial_that_pauses_between_failures_breaks_their_row(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    plant(settings, *(f"trial{n}-sigsegv" for n in (0, 1, 3, 4)))
    assert len(trials_of(run(settings, blocks, Script(*[None] * 6)))) == 6


def test_the_same_line_after_failures_in_a_row_goes_on(tmp_path: Path, blocks: Dataset) -> None:
    """They were read by whoever gave it again."""
    settings = settings_of(tmp_path, "budget.trials=5", "pruner=none", "sampler=random")
    plant(settings, *(f"trial{n}-sigsegv" for n in range(4)))
    with pytest.raises(TooManyFailures):
        run(settings, blocks)
    states = [t.state for t in trials_of(run(settings, blocks))]
    assert states == [TrialState.FAIL] * 4 + [TrialState.COMPLETE]


# Cuts


@pytest.mark.parametrize("cut", [(2, 0), (1, 1), pytest.param((0, 3), marks=pytest.mark.slow)])
def test_a_cut_search_takes_up_the_running_trial_and_does_what_it_would_have_done(
    whole: Begun, tmp_path: Path, blocks: Dataset, cut: tuple[int, int]
) -> None:
    """Cut when a trial begins an epoch; its process may come a little further before it is ended."""
    number, epoch = cut
    settings = settings_of(tmp_path, "budget.trials=6")
    with pytest.raises(Cut):
        run(settings, blocks, make_view=cutting(number, epoch))
    assert slots_taken() == 0
    with begun(settings, blocks) as left:
        done = len(lines_of(left.folder))
        paused = [t.number for t in trials_of(left) if t.user_attrs.get(keys.PAUSED)]
        assert left._running() == [number]
        left.run()
    resumed = [n for n, _, _ in lines_of(left.folder)[done:]]
    assert resumed[0] == number
    assert all(n not in paused for n in resumed[: next(i for i, n in enumerate(resumed) if n != number)])
    params = [t.params for t in trials_of(left)]
    assert params[: number + 1] == [t.params for t in trials_of(whole)][: number + 1]
    epochs = Counter(event for event in events_of(left) if event[1].startswith("epoch"))
    assert sum(epochs.values()) - len(epochs) <= 1
    checked(left)
    if epoch == 0:  # nothing was lost: the whole search is the same
        assert events_of(left) == events_of(whole)
        assert params == [t.params for t in trials_of(whole)]


def test_a_trial_whose_end_was_stored_but_not_told_is_told_without_training_again(
    tmp_path: Path, blocks: Dataset
) -> None:
    """Its process was killed between the two writes."""
    whole = run(settings_of(tmp_path / "whole", "budget.trials=1", "pruner=none"), blocks)
    (ended,) = trials_of(whole)
    settings = settings_of(tmp_path / "cut", "budget.trials=1", "pruner=none")
    with begun(settings, blocks) as search:
        asked = search.study.ask(ended.distributions)
        for key, value in ended.user_attrs.items():
            asked.set_user_attr(key, value)
        checkpoints = settings.folder / "trials" / "00000" / "training-1"
        checkpoints.mkdir(parents=True)
        search.run()
    (told,) = trials_of(search)
    assert told.state is TrialState.COMPLETE
    assert told.values == ended.values
    assert not checkpoints.exists()
    assert lines_of(search.folder) == []


def test_a_trial_that_ended_while_it_was_looked_for_is_left_alone(tmp_path: Path, blocks: Dataset) -> None:
    """Another process may end or pause a trial between a look at the study and a look at the trial's lock."""

    class Late(Begun):
        def _running(self, trials: Any = None) -> list[int]:
            return [0, 1]  # as they were

    run(settings_of(tmp_path, "budget.trials=2"), blocks, Script(None, 0, 0, None))
    settings = settings_of(tmp_path, "budget.trials=2")
    search = Late(settings, blocks, Script())
    before, events = trials_of(search), len(lines_of(search.folder))
    try:
        search.run()
    finally:
        search.claims.close()
    assert [t.state for t in before] == [TrialState.COMPLETE, TrialState.RUNNING]
    assert trials_of(search) == before
    assert len(lines_of(search.folder)) == events


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2")
    search = run(settings, blocks, Script(None, 0, 0, None))
    ended, paused = (search.folder / "trials" / f"0000{n}" / "training-1" for n in range(2))
    assert paused.is_dir()
    measuring = StudyPaths(search.folder).measuring(search.session.key)
    measuring = measuring.with_name(f"{measuring.name}x7_q-0")
    for leftover in (measuring, ended):
        leftover.mkdir(parents=True)
    run(settings, blocks, Script())
    assert not ended.exists()
    assert not measuring.exists()
    assert paused.is_dir()


# The budget of hours


class Clock:
    """Goes on by what trials tell, not by itself."""

    def __init__(self) -> None:
        self.now_s = 1e9

    def __call__(self) -> float:
        return self.now_s


def timed(clock: Clock, epoch_s: float = 20.0) -> type[LineView]:
    """Return a view by which every epoch that begins has taken so long."""

    class Timed(LineView):
        def progress(self, number: int, epoch: int, share: float) -> None:
            clock.now_s += epoch_s

    return Timed


def hours_of(folder: Path, seconds: float, *more: str) -> Any:
    lines = ("pruner=none", "sampler=random", "trial.epochs=8", "pruner.rungs=2", "budget.trials=4")
    return settings_of(folder, *lines, f"budget.hours={seconds / 3600}", *more)


@pytest.mark.slow
def test_hours_pause_the_running_trial_and_more_hours_take_it_up(tmp_path: Path, blocks: Dataset) -> None:
    """Eight epochs of 20 s with a rung behind the fourth, which decides nothing; 290 s end in the second's seventh."""
    clock = Clock()
    grace = "pruner.grace=1"
    settings = hours_of(tmp_path, 290, grace)
    plant(settings, "trial1epoch7-hold")  # the clock goes by what was told, and it would be done before that was read
    search = run(settings, blocks, make_view=timed(clock), clock=clock)
    zero, one = trials_of(search)
    assert zero.state is TrialState.COMPLETE
    assert one.state is TrialState.RUNNING
    assert one.user_attrs[keys.PAUSED] is True
    assert (decisions_of(one)[-1].decision, decisions_of(one)[-1].why) == ("pause", "the hours of the budget are used")
    assert search.session.searched_s() == 300
    assert [what for n, what in events_of(search) if n == 1][-1] == "epoch 6"
    again = run(settings, blocks, make_view=timed(clock), clock=clock)
    assert trials_of(again) == trials_of(search)
    shutil.rmtree(settings.folder / "faults")  # the process may have been ended on its way there
    more = run(hours_of(tmp_path, 10_000, grace, "budget.trials=2"), blocks, make_view=timed(clock), clock=clock)
    assert [t.state for t in trials_of(more)] == [TrialState.COMPLETE] * 2
    assert epochs_of(trials_of(more)[1]) == [4, 8]


def test_hours_that_end_before_the_first_rung_leave_a_cut_trial_that_comes_first(
    tmp_path: Path, blocks: Dataset
) -> None:
    clock = Clock()
    search = run(hours_of(tmp_path, 50), blocks, make_view=timed(clock), clock=clock)
    (zero,) = trials_of(search)
    assert zero.state is TrialState.RUNNING
    assert not zero.user_attrs.get(keys.PAUSED)
    done = len(lines_of(search.folder))
    again = run(hours_of(tmp_path, 50), blocks, make_view=timed(clock), clock=clock)
    assert len(lines_of(again.folder)) == done  # there is no time for it
    more = run(hours_of(tmp_path, 400), blocks, make_view=timed(clock), clock=clock)
    assert lines_of(more.folder)[done][0] == 0
    assert trials_of(more)[0].state is TrialState.COMPLETE


def test_a_trial_that_is_all_but_finished_may_end(tmp_path: Path, blocks: Dataset) -> None:
    """The seconds are over when it is exported: it is given a little longer than one in training."""
    clock = Clock()

    class AtLast(timed(clock)):  # type: ignore[misc]  # made at run time
        def stage(self, number: int, name: str) -> None:
            clock.now_s += 1.0 if name == "export" else 0.0

    settings = hours_of(tmp_path, 157.5, "pruner.grace=1")  # 160 s of epochs are 1.016 of them, with the last 1.022
    plant(settings, "trial0epoch0-hold")
    with released(settings, "trial0epoch0-hold"):
        search = run(settings, blocks, make_view=AtLast, clock=clock)
    assert trials_of(search)[0].state is TrialState.COMPLETE


def test_a_trained_trial_that_runs_out_of_time_only_lacks_its_end(tmp_path: Path, blocks: Dataset) -> None:
    """No pruner takes up a trial at its last rung; it counts as cut."""
    clock = Clock()

    class AtLast(timed(clock)):  # type: ignore[misc]  # made at run time
        def stage(self, number: int, name: str) -> None:
            clock.now_s += 10.0 if name == "export" else 0.0

    lines = ("pruner.grace=1", "budget.trials=1")
    settings = hours_of(tmp_path, 157.5, *lines)
    plant(settings, "trial0epoch0-hold")
    (trial,) = trials_of(run(settings, blocks, make_view=AtLast, clock=clock))
    assert trial.state is TrialState.RUNNING
    assert epochs_of(trial) == [4, 8]
    shutil.rmtree(settings.folder / "faults")
    more = run(hours_of(tmp_path, 10_000, *lines, "pruner=mo_asha"), blocks, make_view=timed(clock), clock=clock)
    assert trials_of(more)[0].state is TrialState.COMPLETE
    assert [what for _, what in events_of(more)] == ["measures", *(f"epoch {n}" for n in range(1, 9))]


def test_rungs_tell_the_scheduler_how_much_time_is_left(tmp_path: Path, blocks: Dataset) -> None:
    rooms: list[float] = []

    class Asked(Script):
        def next_step(self, trials: Any, ladder: Any, last: Any, room: Any = None) -> Any:
            rooms.append(room.seconds_left)
            return super().next_step(trials, ladder, last, room)

    clock = Clock()
    settings = settings_of(tmp_path, "budget.trials=1", "budget.hours=1")
    run(settings, blocks, Asked(None, 0, 0), make_view=timed(clock), clock=clock)
    assert rooms[:4] == [3600.0, 3580.0, 3560.0, 3520.0]  # at the start, at the rungs, and at the end


def test_rungs_are_stored_as_records(whole: Begun) -> None:
    for trial in trials_of(whole):
        rungs = [Rung.from_json(rung) for rung in trial.user_attrs[keys.RUNGS]]
        assert [rung.seconds for rung in rungs] == sorted(rung.seconds for rung in rungs)
