"""Real searches in which trials pause: what is stored and left on disk, at the end and after a kill."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
import quick_search
from optuna.trial import FrozenTrial, TrialState
from quick_search import decisions_of, epochs_of

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.paths import StudyPaths
from objectives.records.records import Latency, Outcome, Proposal, Resources, Rung
from search.settings.settings import Settings, load_settings
from search.study.latencies import architecture_key
from search.study.store import load_study

pytestmark = pytest.mark.slow

AUTOML = Path(sys.executable).with_name("automl")


def settings_of(folder: Path, *overrides: str) -> Settings:
    lines = (
        f"store.folder={folder}",
        "budget.trials=3",
        "trial.epochs=2",
        "trial.train_device=cpu",
        "pruner=mo_asha",
        "pruner.eta=2",
        "space.size.pixels=choice(64, 96)",
        "space.backbone.name=choice(lcnet_050)",
        "space.head.kind=choice(nms)",  # two architectures in all
    )
    return load_settings(["conf=smoke", *lines, *overrides])


def run(settings: Settings, dataset: Dataset) -> tuple[list[FrozenTrial], str]:
    """Search as a new process would; return the trials and what was printed."""
    told = quick_search.run(settings, dataset).out.getvalue()
    return load_study(settings.folder.parent, settings.name, None).get_trials(), told


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_of(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def searched(settings: Settings, few_blocks: Dataset) -> tuple[list[FrozenTrial], str]:
    """Three trials of which some pause at the first rung."""
    return run(settings, few_blocks)


def check(settings: Settings, trials: list[FrozenTrial], ladder: list[int]) -> None:
    """Check what is stored and what lies on disk of a search at rest."""
    assert [t.number for t in trials] == list(range(settings.budget.trials))
    for trial in trials:
        epochs = epochs_of(trial)
        assert epochs == ladder[: len(epochs)]
        assert Proposal.from_json(trial.user_attrs[keys.PROPOSAL]).sampler == "known_latency"
        decided = [d for d in decisions_of(trial) if d.decision != "promote"]
        assert [d.epoch for d in decided] == [epoch for epoch in epochs if epoch < ladder[-1]]
        assert all(d.why for d in decisions_of(trial))
        seconds = [Rung.from_json(rung).seconds for rung in trial.user_attrs[keys.RUNGS]]
        assert seconds == sorted(seconds)
        assert seconds[0] > 0
        assert Resources.from_json(trial.user_attrs[keys.RESOURCES]).seconds["train"] > 0
        folder = settings.folder / trial.user_attrs[keys.FOLDER]
        assert (folder / "training-1" / "checkpoint.pt").exists() == (trial.state is TrialState.RUNNING)
        assert (folder / "model.onnx").exists() == (trial.state is TrialState.COMPLETE)
        assert (trial.state is TrialState.RUNNING) == (trial.user_attrs.get(keys.PAUSED) is True)
    assert not list(settings.folder.glob(".measure-*"))


def test_trials_pause_and_go_on_with_their_reasons(settings: Settings, searched: tuple[list[FrozenTrial], str]) -> None:
    trials, told = searched
    check(settings, trials, [1, 2])
    assert {t.state for t in trials} == {TrialState.COMPLETE, TrialState.RUNNING}
    for trial in trials:
        *_, last = decisions_of(trial)
        assert last.decision in (("pause",) if trial.state is TrialState.RUNNING else ("go on", "promote"))
        if trial.state is TrialState.RUNNING:
            assert f"trial {trial.number:3d}  " in told
    pauses = [d for trial in trials for d in decisions_of(trial) if d.decision == "pause"]
    assert told.count("paused at epoch 1, mAP ") == len(pauses) > 0


def test_the_engine_searches_with_real_trainings(tmp_path: Path, few_blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=6", "trial.epochs=4", "pruner=gain", "pruner.eta=2")
    trials, _ = run(settings, few_blocks)
    check(settings, trials, [1, 2, 4])
    assert trials[0].state is TrialState.COMPLETE
    assert Proposal.from_json(trials[0].user_attrs[keys.PROPOSAL]).role == "baseline"
    assert all(t.user_attrs[keys.PROPOSAL]["role"] for t in trials)
    assert run(settings, few_blocks) == (trials, "")


def test_an_architecture_that_was_measured_is_not_measured_again(searched: tuple[list[FrozenTrial], str]) -> None:
    trials, _ = searched
    first: dict[str, Latency] = {}
    for trial in trials:
        untrained = Latency.from_json(trial.user_attrs[keys.LATENCY_UNTRAINED])
        assert first.setdefault(architecture_key(trial.params), untrained) == untrained
        if trial.state is not TrialState.COMPLETE:  # it has measured before training, or not at all
            proposal = Proposal.from_json(trial.user_attrs[keys.PROPOSAL])
            stages = Resources.from_json(trial.user_attrs[keys.RESOURCES]).seconds
            assert proposal.latency_measured != ("latency" in stages)
    assert len(first) < len(trials)


def test_the_same_line_again_starts_nothing(
    settings: Settings, searched: tuple[list[FrozenTrial], str], few_blocks: Dataset
) -> None:
    assert run(settings, few_blocks) == (searched[0], "")


def test_a_paused_trial_goes_on_under_its_own_number(
    settings: Settings, searched: tuple[list[FrozenTrial], str], few_blocks: Dataset
) -> None:
    """Another pruner takes the paused ones to their end; what the first one decided stays."""
    before, _ = searched
    settings_now = settings_of(settings.folder.parent, "pruner=none", "pruner.grace=0")
    paused = [t for t in before if t.user_attrs.get(keys.PAUSED)]
    assert paused
    after, told = run(settings_now, few_blocks)
    assert len(after) == len(before)
    for trial in paused:
        now = after[trial.number]
        assert now.state is TrialState.COMPLETE
        assert epochs_of(now) == [1, 2]
        rungs = now.user_attrs[keys.RUNGS]
        assert rungs[: len(epochs_of(trial))] == trial.user_attrs[keys.RUNGS]  # none is trained again
        assert [r["seconds"] for r in rungs] == sorted(r["seconds"] for r in rungs)
        assert decisions_of(now)[: len(decisions_of(trial)) + 1][-1].decision == "promote"
        assert f"goes on from epoch {epochs_of(trial)[-1]}" in told
        assert not list((settings.folder / now.user_attrs[keys.FOLDER]).glob("training-*"))
    assert not any(t.user_attrs.get(keys.PAUSED) for t in after)


def trials_in(folder: Path) -> list[FrozenTrial]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if not StudyPaths(folder / "runs" / "smoke").store.exists():
        return []
    try:
        return load_study(folder / "runs", "smoke", None).get_trials()
    except Exception:  # it is being made
        return []


def processes_in(folder: Path) -> list[str]:
    """Return the processes whose current directory is a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append(process.name)
        except OSError:
            continue
    return found


def test_a_killed_search_takes_up_the_running_trial_and_leaves_the_paused_ones(tmp_path: Path, shelves: Path) -> None:
    line = [str(AUTOML), "search", "conf=smoke", f"data.root={shelves}", "trial.train_device=cpu"]
    line += ["budget.trials=8", "trial.epochs=8", "pruner=mo_asha", "pruner.eta=2", "sampler=known_latency"]
    process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 400
    running: list[FrozenTrial] = []
    paused: list[FrozenTrial] = []
    while time.monotonic() < deadline and process.poll() is None and not (running and paused):
        trials = trials_in(tmp_path)
        paused = [t for t in trials if t.user_attrs.get(keys.PAUSED)]
        running = [
            t for t in trials if t.state is TrialState.RUNNING and t not in paused and keys.CANDIDATE in t.user_attrs
        ]
        time.sleep(0.1)
    assert running
    assert paused
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    deadline = time.monotonic() + 20
    while processes_in(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_in(tmp_path) == []  # the trial and the fork server die with it
    died = trials_in(tmp_path)
    (cut,) = [t for t in died if t.state is TrialState.RUNNING and not t.user_attrs.get(keys.PAUSED)]
    waiting = [t.number for t in died if t.user_attrs.get(keys.PAUSED)]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    told = re.findall(r"^trial +(\d+) .*", done.stdout, re.MULTILINE)
    assert int(told[0]) == cut.number
    after = trials_in(tmp_path)
    assert [t.number for t in after] == list(range(8))
    assert after[cut.number].params == cut.params
    for trial in after:
        epochs = epochs_of(trial)
        assert epochs == sorted(set(epochs))
        promoted = [d for d in decisions_of(trial) if d.decision == "promote"]
        paused_at = [d for d in decisions_of(trial) if d.decision == "pause"]
        assert len(promoted) == len(paused_at) - (trial.user_attrs.get(keys.PAUSED) is True)
    assert all(t.state.is_finished() or t.user_attrs.get(keys.PAUSED) for t in after)
    assert waiting
    assert Outcome.FAILED not in {(t.user_attrs.get(keys.ENDING) or {}).get("outcome") for t in after}
