"""The loop: pauses, promotions, stops, cuts and the budget, with processes that follow a script instead of training."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from objectives import attributes as keys
from objectives.dataset import Dataset
from objectives.gate import Gate
from objectives.job import TrialJob, Word, rung_ladder
from objectives.records import Accuracy, Decision, Ending, Latency, Outcome, Proposal, Resources, Rung
from search.budget import BudgetUsed
from search.engine.scheduler import ROOMY, Room, Scheduler, Step
from search.measured import StudyLatencies, architecture_key
from search.runner import MEASURING, Search, TooManyFailures
from search.settings import Settings, load_settings
from search.store import create_study, load_study, open_storage, storage_url
from search.view import View
from spaces.candidate import Candidate

Event = tuple[int, str]  # a trial's number, -1 for a measurement ahead of trials, and what it did


class Cut(BaseException):
    """The searching process is gone, as by kill -9."""


class Scripted:
    """A trial's process that trains nothing: its figures are a formula of the candidate, its checkpoint an epoch.

    Attributes:
        events: what every process did.
        cut: an event at which the searching process dies.
        fails: numbers of trials whose process dies.
    """

    events: ClassVar[list[Event]] = []
    cut: ClassVar[Event | None] = None
    fails: ClassVar[set[int]] = set()

    def __init__(self, job: TrialJob, settings_folder: Path) -> None:
        self.job, self.word = job, Word.GO_ON
        self.checkpoint = job.folder / "training-1" / "checkpoint.pt"

    def answer(self, word: Word) -> None:
        self.word = word

    def end(self) -> None:
        pass

    def messages(self) -> Iterator[tuple[Any, ...]]:
        job = self.job
        latency = job.latency
        if latency is None:
            self.did("measures")
            latency = latency_of(dict(job.candidate))
            yield "latency", latency, False
        if job.measure_only:
            yield "ended", None
        elif not job.gate.admits_latency(latency.p50_ms, latency.p95_ms):
            yield "ended", Ending(Outcome.OVER_BOUND, "over the bound")
        elif job.number in self.fails:
            yield "ended", Ending(Outcome.FAILED, "by the script", "crashed")
        else:
            yield from self.training()

    def training(self) -> Iterator[tuple[Any, ...]]:
        job = self.job
        trained_s = 0.0
        for epoch in range(self.begin(), job.epochs + 1):
            trained_s += 10.0
            self.checkpoint.write_text(str(epoch))
            self.did(f"epoch {epoch}")
            if epoch in job.evaluated:
                rung_map = accuracy_of(job.candidate, epoch / job.epochs)
                yield "rung", Rung(epoch, rung_map, rung_map, job.trained_s + trained_s, 1.0, epoch in job.deciding)
            if epoch < job.epochs and self.word is not Word.GO_ON:
                break
        if self.word is not Word.PAUSE:
            shutil.rmtree(self.checkpoint.parent)
        if self.word is Word.GO_ON:
            yield "latency", latency_of(dict(job.candidate)), True
            yield "accuracy", Accuracy(*[accuracy_of(job.candidate, 1.0)] * 2, {}, "val", 48)
        yield "resources", Resources(seconds={"train": trained_s, "build": 1.0})
        end = Ending(Outcome.STOPPED if self.word is Word.STOP else Outcome.FINISHED, "by the script")
        yield "ended", None if self.word is Word.PAUSE else end

    def begin(self) -> int:
        """Return the first epoch to train."""
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        return 1 + (int(self.checkpoint.read_text()) if self.checkpoint.exists() else 0)

    def did(self, what: str) -> None:
        event = self.job.number, what
        self.events.append(event)
        if event == self.cut:
            raise Cut


def latency_of(params: Mapping[str, Any]) -> Latency:
    p50_ms = (params["size.pixels"] / 64) ** 2 * (1.0 if params["backbone.name"] == "tinynet_e" else 1.5)
    return Latency(p50_ms, 1.2 * p50_ms, p50_ms, p50_ms, p50_ms, 60, 1.0, True, "", "", 0)


def accuracy_of(candidate: Candidate, share: float) -> float:
    """Return mAP after a share of the training: larger inputs and a learning rate near 2e-3 are better."""
    final = 0.2 + 0.1 * math.log2(candidate.number("size.pixels") / 64)
    final -= 0.1 * math.log10(candidate.number("train.lr0") / 2e-3) ** 2
    return max(0.01, final * (1.0 - math.exp(-3.0 * share)))


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    """Every process follows the script."""
    monkeypatch.setattr("search.following.TrialProcess", Scripted)
    monkeypatch.setattr("search.runner.lay_out", lambda dataset, folder: folder / "data.yaml")
    Scripted.events, Scripted.cut, Scripted.fails = [], None, set()
    return Scripted


def settings_of(folder: Path, *overrides: str) -> Settings:
    small = ("budget.trials=6", "trial.epochs=4", "space.size.pixels=range(64,257,32)")
    return load_settings(["conf=smoke", f"store.folder={folder}", *small, *overrides])


class Begun(Search):
    """A search, opened anew as a new process would; its view writes to `out`."""

    def __init__(self, settings: Settings, dataset: Dataset, scheduler: Scheduler | None = None) -> None:
        settings.folder.mkdir(parents=True, exist_ok=True)
        study = create_study(settings, dataset, open_storage(storage_url(settings.folder, None)))
        self.out = StringIO()
        super().__init__(settings, dataset, study, View(Console(file=self.out, width=200), settings))
        if scheduler is not None:
            self.scheduler = scheduler


class Script(Scheduler):
    """A scheduler that reads its steps off a list: a trial's number, None for a new one; then it has no wish left."""

    def __init__(self, *numbers: int | None, stop: Mapping[int, Mapping[int, str]] | None = None) -> None:
        self.numbers, self.stop, self.asked = list(numbers), stop or {}, 0

    def next_step(self, trials: Any, ladder: Any, last: int | None, room: Room = ROOMY) -> Step | None:
        stop = self.stop.get(self.asked, {})
        self.asked += 1
        if not self.numbers:
            return None
        number = self.numbers.pop(0)
        return Step(number, ladder[0], f"the script's step {self.asked}", stop)


def run(settings: Settings, dataset: Dataset, scheduler: Scheduler | None = None) -> Begun:
    search = Begun(settings, dataset, scheduler)
    search.run()
    return search


def trials_of(search: Search) -> list[FrozenTrial]:
    return search.study.get_trials(deepcopy=False)


def epochs_of(trial: FrozenTrial) -> list[int]:
    return [rung["epoch"] for rung in trial.user_attrs.get(keys.RUNGS, [])]


def decisions_of(trial: FrozenTrial) -> list[Decision]:
    return [Decision.from_json(told) for told in trial.user_attrs.get(keys.DECISIONS, [])]


def pieces(events: list[Event]) -> list[int]:
    """Return the trials in the order in which pieces of them were trained."""
    found: list[int] = []
    for number, what in events:
        if what.startswith("epoch") and (not found or found[-1] != number):
            found.append(number)
    return found


# The scheduler's steps


def test_pause_and_promote_go_on_from_the_checkpoint_and_tell_why(tmp_path: Path, blocks: Dataset) -> None:
    script = Script(None, None, 0, 0, None, 1)  # 0 pauses for 1, 1 for 0, which trains to its end; then 2, then 1
    search = run(settings_of(tmp_path, "budget.trials=3"), blocks, script)
    zero, one, two = trials_of(search)
    assert pieces(Scripted.events) == [0, 1, 0, 2, 1]
    assert epochs_of(zero) == [1, 2, 4]
    assert [r["seconds"] for r in zero.user_attrs[keys.RUNGS]] == [10.0, 20.0, 40.0]  # of both processes
    assert Resources.from_json(zero.user_attrs[keys.RESOURCES]).seconds == {"train": 40.0, "build": 2.0}
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
    told = run(settings_of(tmp_path, "budget.trials=2"), blocks, Script(None, None, 0, 0)).out.getvalue().splitlines()
    assert [line[:11].split()[1] for line in told] == ["0", "1", "0", "0"]
    assert "paused at epoch 1, mAP 0." in told[0]
    assert "[1/2, front 0, " in told[0]
    assert "[2/2, front 0, 2 paused]" in told[1]
    assert told[2].endswith("goes on from epoch 1")
    assert "[2/2, front 1, 1 paused]" in told[3]


def test_stopping_a_paused_trial_keeps_the_reason_and_removes_its_checkpoint(tmp_path: Path, blocks: Dataset) -> None:
    script = Script(None, None, None, stop={2: {0: "it cannot move the front"}})
    search = run(settings_of(tmp_path), blocks, script)
    zero, one, two = trials_of(search)
    assert zero.state is TrialState.PRUNED
    assert Ending.from_json(zero.user_attrs[keys.ENDING]) == Ending(Outcome.STOPPED, "it cannot move the front")
    folders = tmp_path / "smoke" / "trials"
    assert [(folders / f"0000{n}" / "training-1").exists() for n in range(3)] == [False, True, True]
    assert (one.state, two.state) == (TrialState.RUNNING, TrialState.RUNNING)
    assert search.used().trials == 3
    assert 2 * (10 + 1 + 2) < search.used().seconds < 3 * (10 + 1 + 2)  # the script was quicker than it told


def test_stopping_the_trial_at_its_rung(tmp_path: Path, blocks: Dataset) -> None:
    search = run(settings_of(tmp_path), blocks, Script(None, 0, None, stop={2: {0: "far behind"}}))
    zero, _ = trials_of(search)
    assert [(d.epoch, d.decision, d.why) for d in decisions_of(zero)][-1] == (2, "stop", "far behind")
    assert Ending.from_json(zero.user_attrs[keys.ENDING]) == Ending(Outcome.STOPPED, "far behind")
    assert zero.state is TrialState.PRUNED
    assert not list((tmp_path / "smoke").glob("trials/00000/training-*"))


def test_a_step_that_stops_the_last_trial_starts_none_over_the_budget(tmp_path: Path, blocks: Dataset) -> None:
    """A scheduler can tell what to stop only with a step; that step must not start a trial too many."""
    search = run(
        settings_of(tmp_path, "budget.trials=1"), blocks, Script(None, None, None, stop={1: {0: "far behind"}})
    )
    assert [t.state for t in trials_of(search)] == [TrialState.PRUNED]


def test_dominated_stops_the_last_trial_of_the_budget(tmp_path: Path, blocks: Dataset) -> None:
    lines = (
        "sampler=random",
        "pruner=dominated",
        "pruner.grace=0",
        "pruner.better_min=1",
        "pruner.tolerance=1",
        "budget.trials=4",
        "space.train.lr0=0.002",
        "start=[{size.pixels: 96, backbone.name: tinynet_e}, {size.pixels: 64, backbone.name: lcnet_050}, "
        "{size.pixels: 64, backbone.name: tinynet_e}, {size.pixels: 64, backbone.name: lcnet_050}]",
    )
    search = run(settings_of(tmp_path, *lines), blocks, None)
    assert len(trials_of(search)) == 4
    assert all(t.state.is_finished() for t in trials_of(search))


def test_failures_in_a_row_end_the_search_and_name_the_last_log(tmp_path: Path, blocks: Dataset) -> None:
    Scripted.fails = {0, 2, 3, 4}
    with pytest.raises(TooManyFailures, match=r"3 trials in a row failed \(crashed\); read .*00004/log.txt"):
        run(settings_of(tmp_path), blocks, Script(None, *[None] * 9))


def test_a_trial_that_pauses_between_failures_breaks_their_row(tmp_path: Path, blocks: Dataset) -> None:
    Scripted.fails = {0, 1, 3, 4}
    assert len(trials_of(run(settings_of(tmp_path), blocks, Script(*[None] * 6)))) == 6


# The engine


def checked(search: Search) -> list[FrozenTrial]:
    """Check what holds for every trial of a search that is at rest, whatever decided; return the trials."""
    trials, pruner = trials_of(search), search.settings.pruner
    looks = rung_ladder(search.ladder[-1], pruner.rungs, pruner.eta)
    assert len(trials) <= search.settings.budget.trials
    assert search.used().trials == len(trials)
    for trial in trials:
        attrs, epochs = trial.user_attrs, epochs_of(trial)
        assert Proposal.from_json(attrs[keys.PROPOSAL]).role
        assert epochs == looks[: len(epochs)]
        decided = [d.epoch for d in decisions_of(trial) if d.decision != "promote"]
        assert decided == [epoch for epoch in epochs if epoch in search.ladder[:-1]]
        assert all(d.why for d in decisions_of(trial))
        if trial.state is TrialState.RUNNING:
            assert attrs[keys.PAUSED] is True
            assert decisions_of(trial)[-1].decision == "pause"
        else:
            assert Ending.from_json(attrs[keys.ENDING]).outcome in tuple(Outcome)
        kept = list(search.folder.glob(f"trials/{trial.number:05d}/training-*"))
        assert bool(kept) == (trial.state is TrialState.RUNNING)
    assert not list(search.folder.glob(f"{MEASURING}*"))
    return trials


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Iterator[tuple[Begun, list[Event]]]:
    """A search by the engine, to the end of its budget, and what its processes did."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.following.TrialProcess", Scripted)
        patch.setattr("search.runner.lay_out", lambda dataset, folder: folder / "data.yaml")
        Scripted.events, Scripted.cut, Scripted.fails = [], None, set()
        search = run(settings_of(tmp_path_factory.mktemp("whole"), "budget.trials=8"), blocks)
        yield search, list(Scripted.events)


def test_the_engine_accounts_for_every_trial(whole: tuple[Begun, list[Event]]) -> None:
    search, events = whole
    trials = checked(search)
    assert len(trials) == 8
    assert pieces(events)[0] == 0
    assert trials[0].state is TrialState.COMPLETE
    assert [e for e in events if e[1].startswith("epoch")][:4] == [(0, f"epoch {n}") for n in range(1, 5)]
    assert Proposal.from_json(trials[0].user_attrs[keys.PROPOSAL]).role == "baseline"
    assert any(t.user_attrs.get(keys.PAUSED) for t in trials)
    for trial in trials:
        mine = [what for number, what in events if number == trial.number and what.startswith("epoch")]
        assert mine == [f"epoch {n}" for n in range(1, len(mine) + 1)]  # none twice, whatever the pauses


def test_no_architecture_is_measured_twice(whole: tuple[Begun, list[Event]]) -> None:
    search, events = whole
    trials = trials_of(search)
    measured = sum(what == "measures" for _, what in events)
    architectures = {architecture_key(t.params) for t in trials}
    ahead = [name for name in search.study.user_attrs if name.startswith(keys.MEASURED)]
    assert measured == len(architectures | {name.removeprefix(keys.MEASURED) for name in ahead})
    assert all(keys.LATENCY_UNTRAINED in t.user_attrs for t in trials)


def test_the_same_line_again_starts_nothing(whole: tuple[Begun, list[Event]], blocks: Dataset) -> None:
    search, _ = whole
    before = trials_of(search)
    Scripted.events = []
    again = run(search.settings, blocks)
    assert Scripted.events == []
    assert trials_of(again) == before


def test_a_larger_budget_goes_on(tmp_path: Path, blocks: Dataset) -> None:
    first = run(settings_of(tmp_path), blocks)
    paused = [t.number for t in trials_of(first) if t.user_attrs.get(keys.PAUSED)]
    Scripted.events = []
    more = run(settings_of(tmp_path, "budget.trials=9"), blocks)
    trials = checked(more)
    assert len(trials) == 9
    assert {6, 7, 8} <= set(pieces(Scripted.events)) <= {6, 7, 8, *paused}


@pytest.mark.parametrize("cut", [(1, "epoch 1"), (3, "epoch 1"), (0, "epoch 3"), (2, "measures")])
def test_a_cut_search_takes_up_the_running_trial_and_does_what_it_would_have_done(
    whole: tuple[Begun, list[Event]], tmp_path: Path, blocks: Dataset, cut: Event
) -> None:
    uncut, events = whole
    if cut not in events:
        pytest.skip(f"{cut} does not come about")
    settings = settings_of(tmp_path, "budget.trials=8")
    Scripted.cut = cut
    with pytest.raises(Cut):
        run(settings, blocks)
    done, Scripted.cut, Scripted.events = list(Scripted.events), None, []
    left = Begun(settings, blocks)
    paused = [t.number for t in trials_of(left) if t.user_attrs.get(keys.PAUSED)]
    assert [t.number for t in left._left_running()] == [cut[0]]
    left.run()
    assert Scripted.events[0][0] == cut[0]
    resumed = Scripted.events[: next((i for i, e in enumerate(Scripted.events) if e[0] != cut[0]), None)]
    assert all(number not in paused for number, _ in resumed)
    assert [t.params for t in trials_of(left)][: cut[0] + 1] == [t.params for t in trials_of(uncut)][: cut[0] + 1]
    if cut[1] == "measures":  # nothing was lost but a measurement: the whole search is the same
        assert [*done[:-1], *Scripted.events] == events
        assert [t.params for t in trials_of(left)] == [t.params for t in trials_of(uncut)]


def test_a_cut_while_measuring_ahead_of_trials_leaves_nothing(
    whole: tuple[Begun, list[Event]], tmp_path: Path, blocks: Dataset
) -> None:
    assert (-1, "measures") in whole[1]
    settings = settings_of(tmp_path, "budget.trials=8")
    Scripted.cut = (-1, "measures")
    with pytest.raises(Cut):
        run(settings, blocks)
    assert not list(settings.folder.glob(f"{MEASURING}*"))
    Scripted.cut = None
    assert len(checked(run(settings, blocks))) == 8


def test_one_seed_gives_one_sequence(whole: tuple[Begun, list[Event]], tmp_path: Path, blocks: Dataset) -> None:
    """With the same measurements; on a machine they differ by their noise, and so may what follows from them."""
    search, events = whole
    again = run(settings_of(tmp_path / "again", "budget.trials=8"), blocks)
    assert Scripted.events == events
    assert [t.params for t in trials_of(again)] == [t.params for t in trials_of(search)]
    other = run(settings_of(tmp_path / "other", "budget.trials=2", "seed=7"), blocks)
    assert [t.params for t in trials_of(other)] != [t.params for t in trials_of(search)][:2]


@pytest.mark.parametrize("p95_ms_max", [6.0, 9.0])
def test_candidates_over_the_p95_bound_are_never_trained(tmp_path: Path, blocks: Dataset, p95_ms_max: float) -> None:
    start = "start=[{size.pixels: 192}, {size.pixels: 64}]"
    search = run(settings_of(tmp_path, "budget.trials=7", f"gate.p95_ms_max={p95_ms_max}", start), blocks)
    trials = checked(search)
    over = [t for t in trials if latency_of(trial_candidate(t)).p95_ms > p95_ms_max]
    assert {t.number for t in over}.isdisjoint(pieces(Scripted.events))
    assert all(Ending.from_json(t.user_attrs[keys.ENDING]).outcome == Outcome.OVER_BOUND for t in over)
    assert len(trials) == 7
    assert 1 <= len(over) <= 5  # the one that was asked for, and those whose latency was guessed


def test_first_trials_over_the_bound_do_not_end_the_search(tmp_path: Path, blocks: Dataset) -> None:
    start = "start=[{size.pixels: 192, backbone.name: tinynet_e}, {size.pixels: 192, backbone.name: tinynet_e}]"
    search = run(settings_of(tmp_path, "budget.trials=5", "gate.p95_ms_max=6.0", start), blocks)
    assert len(trials_of(search)) == 5


def trial_candidate(trial: FrozenTrial) -> dict[str, Any]:
    return dict(trial.user_attrs[keys.CANDIDATE])


@pytest.mark.parametrize(
    ("pruner", "sampler"),
    [("mo_asha", name) for name in ("tpe", "random", "qmc", "nsga2", "known_latency")]
    + [("dominated", "random"), ("none", "known_latency"), ("gain", "tpe")],
)
def test_pruners_and_samplers_work_together(tmp_path: Path, blocks: Dataset, pruner: str, sampler: str) -> None:
    search = run(settings_of(tmp_path, "budget.trials=5", f"sampler={sampler}", f"pruner={pruner}"), blocks)
    trials = checked(search)
    assert len(trials) == 5
    peers = {Proposal.from_json(t.user_attrs[keys.PROPOSAL]).role == "peer" for t in trials}
    assert peers == {sampler != "known_latency"}
    if pruner in ("none", "dominated"):
        assert all(t.state.is_finished() for t in trials)


def test_start_candidates_tell_that_they_were_asked_for(tmp_path: Path, blocks: Dataset) -> None:
    search = run(settings_of(tmp_path, "budget.trials=3", "start=[{size.pixels: 96}, {size.pixels: 128}]"), blocks)
    roles = [Proposal.from_json(t.user_attrs[keys.PROPOSAL]).role for t in checked(search)]
    assert roles[:2] == ["start", "start"]
    assert roles[2] != "start"


def test_a_paused_trial_goes_on_under_another_pruner(tmp_path: Path, blocks: Dataset) -> None:
    run(settings_of(tmp_path, "budget.trials=3"), blocks, Script(None, None, None))
    search = run(settings_of(tmp_path, "budget.trials=3", "pruner=none"), blocks)
    assert [epochs_of(t) for t in trials_of(search)] == [[1, 2, 4]] * 3
    assert all(t.state is TrialState.COMPLETE for t in trials_of(search))


# What a killed process leaves


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2")
    search = run(settings, blocks, Script(None, 0, 0, None))
    ended, paused = (search.folder / "trials" / f"0000{n}" / "training-1" for n in range(2))
    assert paused.is_dir()
    for leftover in (search.folder / f"{MEASURING}x", ended):
        leftover.mkdir(parents=True)
    run(settings, blocks, Script())
    assert not ended.exists()
    assert not (search.folder / f"{MEASURING}x").exists()
    assert paused.is_dir()


# The budget of hours


def test_hours_count_the_running_trial_and_measurements_ahead(tmp_path: Path, blocks: Dataset) -> None:
    class Asked(Script):
        rooms: ClassVar[list[Room]] = []

        def next_step(self, trials: Any, ladder: Any, last: int | None, room: Room = ROOMY) -> Step | None:
            self.rooms.append(room)
            return super().next_step(trials, ladder, last, room)

    search = run(settings_of(tmp_path, "budget.trials=2", "budget.hours=1"), blocks, Asked(None, 0, 0, None, None))
    left = [round(room.seconds_left) for room in Asked.rooms]
    assert left[:3] == [3600, 3590, 3580]  # nothing yet, 10 and 20 s at its rungs
    search.study.set_user_attr(
        keys.MEASURED + "0" * 16,
        {"params": {}, "latency": latency_of(trial_candidate(trials_of(search)[0])).to_json(), "seconds": 100.0},
    )
    before = BudgetUsed.of(trials_of(search)).seconds
    assert search.used().seconds == before + 100


# Latencies of a study


def opened(settings: Settings) -> optuna.Study:
    return load_study(settings.folder.parent, settings.name, None)


def test_latencies_are_kept_and_read_by_a_new_process(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    search = run(settings, blocks, Script(None, 0, 0))
    measured: list[Mapping[str, Any]] = []

    def measure(params: Mapping[str, Any]) -> Latency | None:
        measured.append(params)
        return latency_of(params) if params["size.pixels"] < 250 else None

    trained = trials_of(search)[0].params
    ahead = {**trained, "size.pixels": 160 if trained["size.pixels"] != 160 else 192}
    book = StudyLatencies(opened(settings), Gate(), measure)
    assert book.measure(ahead) == latency_of(ahead).p50_ms
    refused = {**ahead, "size.pixels": 256}
    assert book.measure(refused) == book.measure(refused) == math.inf  # it cannot be built, and is not tried again
    assert book.measure({**ahead, "train.lr0": 0.5}) == latency_of(ahead).p50_ms
    assert len(measured) == 2
    new = StudyLatencies(opened(settings), Gate(), measure)
    lookup = new.lookup()
    assert lookup(ahead) == latency_of(ahead).p50_ms
    assert lookup({**ahead, "train.lr0": 0.5}) == lookup(ahead)  # training does not matter
    assert lookup(refused) == math.inf
    assert lookup({**ahead, "size.pixels": 96 if trained["size.pixels"] != 96 else 128}) is None
    assert new.untrained(trained) == latency_of(trained)
    assert new.untrained({**ahead, "train.box": 9.9}) == latency_of(ahead)
    assert new.untrained(refused) is None
    assert new.figures() == [(ahead, latency_of(ahead).p50_ms)]  # the trial tells its own
    trial = opened(settings).ask({})
    trial.set_user_attr(keys.LATENCY_UNTRAINED, latency_of(ahead).to_json())
    assert 0 <= new.spent_s() < 5


@pytest.mark.parametrize(
    ("gate", "bound_ms"),
    [
        (Gate(), None),
        (Gate(p50_ms_max=5.0), 5.0),
        (Gate(p95_ms_max=6.0), 5.0),  # p95 is 1.2 times p50
        (Gate(p50_ms_max=4.0, p95_ms_max=6.0), 4.0),
        (Gate(p50_ms_max=9.0, p95_ms_max=6.0), 5.0),
    ],
)
def test_the_bound_of_p95_becomes_one_of_p50(gate: Gate, bound_ms: float | None) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    book = StudyLatencies(study, gate, latency_of)
    if gate.p95_ms_max and not gate.p50_ms_max:
        assert book.bound_ms() == 6.0  # no ratio is known yet
    for pixels in (64, 96, 128):
        book.measure({"size.pixels": pixels, "backbone.name": "tinynet_e"})
    assert book.bound_ms() == (None if bound_ms is None else pytest.approx(bound_ms))


def test_the_trained_figure_replaces_the_untrained_one_in_the_book() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    trial = study.ask()
    trial.suggest_int("size.pixels", 64, 64)
    trial.set_user_attr(keys.LATENCY_UNTRAINED, latency_of({"size.pixels": 64, "backbone.name": "x"}).to_json())
    trial.set_user_attr(keys.LATENCY, latency_of({"size.pixels": 128, "backbone.name": "x"}).to_json())
    book = StudyLatencies(study, Gate(), latency_of)
    assert book.lookup()({"size.pixels": 64}) == 6.0
    assert book.figures() == []
    untrained = book.untrained({"size.pixels": 64})
    assert untrained is not None
    assert untrained.p50_ms == 1.5


def test_an_architecture_is_what_is_deployed() -> None:
    one = {"backbone.name": "a", "neck.width": 16, "size.pixels": 64, "train.lr0": 0.1, "augment.mosaic": 0.5}
    assert architecture_key(one) == architecture_key({**dict(reversed(one.items())), "train.lr0": 0.2})
    for change in ({"backbone.name": "b"}, {"neck.width": 24}, {"size.pixels": 96}, {"prune.ratio": 0.5}):
        assert architecture_key(one) != architecture_key({**one, **change})
    json.dumps(one)
