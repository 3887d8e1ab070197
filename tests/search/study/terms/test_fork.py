"""Forks: what still counts is kept with its files, the old study is only read, a fork that was cut is made again."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.bounds.figures import Figures
from objectives.records.paths import StudyPaths
from objectives.records.proof import SplitLook
from objectives.records.records import Accuracy, ClassAccuracy, Ending, Latency, Outcome, Rung
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, trial_records
from search.engine.observed import observe
from search.samplers.registry import make_sampler, suggest
from search.settings.baseline import BaselineSettings
from search.settings.choices import SamplerSettings
from search.settings.settings import Settings, load_settings
from search.study.fork import ensure_fork, forked_settings
from search.study.latencies import architecture_key
from search.study.store import create_study, load_study, open_storage, storage_url
from search.study.stored_trial import StoredTrial
from search.study.terms import contract
from search.study.terms.comparable import fitted
from spaces.candidate import Candidate
from spaces.dimension import Choice
from spaces.errors import DataError, SettingsError, StoreError
from spaces.network.baseline import Baseline
from spaces.space import SearchSpace

GATE = "gate.p50_ms_max=10"
RUNG = Rung(1, 0.3, 0.5, 4.0, 1.5, decides=True)


def settings_of(folder: Path, *overrides: str) -> Settings:
    return load_settings(["conf=smoke", f"store.folder={folder}", *overrides])


def latency_of(p50_ms: float) -> Latency:
    return Latency(p50_ms, 1.1 * p50_ms, p50_ms, p50_ms, p50_ms, 60, 1.0, True, "", "device", 0)


class Old:
    """A study whose trials are told by hand."""

    def __init__(self, settings: Settings, dataset: Dataset) -> None:
        settings.folder.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.study = create_study(settings, dataset, open_storage(storage_url(settings.folder, settings.store.url)))
        self.study.sampler = make_sampler(replace(settings.sampler, name="random"), 1, 1)

    def begin(self, choices: Mapping[str, Any], p50_ms: float) -> optuna.Trial:
        """Begin a trial as the search does, with some files."""
        self.study.enqueue_trial(dict(choices))
        trial = self.study.ask()
        candidate = suggest(trial, self.settings.space)
        folder = self.settings.folder / "trials" / f"{trial.number:05d}"
        (folder / "training-1").mkdir(parents=True)
        for name in ("log.txt", "weights.pt", "weights.pt.partial", "training-1/checkpoint.pt", "training-1/notes.txt"):
            (folder / name).write_text(f"{name} of {trial.number}")
        trial.set_user_attr(keys.CANDIDATE, candidate.to_json())
        trial.set_user_attr(keys.FOLDER, str(folder.relative_to(self.settings.folder)))
        trial.set_user_attr(keys.LATENCY_UNTRAINED, latency_of(p50_ms).to_json())
        return trial

    def finish(self, choices: Mapping[str, Any], accuracy: float = 0.5, p50_ms: float = 5.0) -> None:
        self.study.tell(self.begin(choices, p50_ms), [accuracy, p50_ms])

    def end(self, choices: Mapping[str, Any], outcome: Outcome, p50_ms: float = 5.0) -> None:
        trial = self.begin(choices, p50_ms)
        trial.set_user_attr(keys.ENDING, Ending(outcome, "told by hand").to_json())
        self.study.tell(trial, state=TrialState.FAIL if outcome is Outcome.FAILED else TrialState.PRUNED)

    def pause(self, choices: Mapping[str, Any], p50_ms: float = 5.0) -> None:
        trial = self.begin(choices, p50_ms)
        trial.set_user_attr(keys.RUNGS, [RUNG.to_json()])
        trial.set_user_attr(keys.PAUSED, True)


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Path:
    """Folder of the study that `old` is a copy of."""
    old = Old(settings_of(tmp_path_factory.mktemp("six"), GATE), blocks)
    old.finish({"size.pixels": 64})
    old.finish({"size.pixels": 96}, 0.6, 8.0)
    old.end({"size.pixels": 64}, Outcome.STOPPED)
    old.end({"size.pixels": 96}, Outcome.OVER_BOUND, 12.0)
    old.end({"size.pixels": 64}, Outcome.FAILED)
    old.pause({"size.pixels": 64})
    old.study.enqueue_trial({"size.pixels": 64})
    return old.settings.folder


@pytest.fixture
def old(tmp_path: Path, blocks: Dataset, six: Path) -> Old:
    """Trials: finished at 64 and 96 px, stopped, over the bound, failed, paused (64 px); one waits."""
    settings = settings_of(tmp_path, GATE)
    shutil.copytree(six, settings.folder)
    return Old(settings, blocks)


def forked(old: Old, dataset: Dataset, *overrides: str) -> tuple[optuna.Study, str]:
    """Fork a study into `wide` under other settings; return the fork as the search opens it, and what was told."""
    given = settings_of(old.settings.folder.parent, *overrides)
    new = forked_settings(given, "wide")
    new.folder.mkdir(exist_ok=True)
    told = ensure_fork(given, new, dataset)
    return create_study(new, dataset, open_storage(storage_url(new.folder, new.store.url))), str(told)


def files_of(folder: Path) -> dict[str, tuple[str, int]]:
    """Return every file below a folder: its text, and how many names it has."""
    return {
        str(p.relative_to(folder)): (p.read_text(), p.stat().st_nlink) for p in sorted(folder.rglob("*")) if p.is_file()
    }


def states(study: optuna.Study) -> list[str]:
    return [trial.state.name for trial in study.get_trials()]


def origins(study: optuna.Study) -> list[int]:
    return [trial.user_attrs[keys.FORKED_FROM] for trial in study.get_trials() if keys.FORKED_FROM in trial.user_attrs]


# What is kept


@pytest.mark.seconds
def test_wider_space_keeps_every_trial(old: Old, blocks: Dataset) -> None:
    before = StudyPaths(old.settings.folder).store.read_bytes()
    study, told = forked(old, blocks, GATE, "space.size.pixels=64,96,128", "space.neck.width=range(16, 33, 8)")
    assert told == "wide is forked from smoke and keeps 6 of 6 trials"
    assert states(study) == ["COMPLETE", "COMPLETE", "PRUNED", "PRUNED", "FAIL", "RUNNING"]
    assert [t.phase for t in observe(study)] == [
        *(Phase.FINISHED, Phase.FINISHED, Phase.STOPPED, Phase.OVER_BOUND, Phase.FAILED, Phase.PAUSED)
    ]
    assert study.user_attrs[keys.FORKED] == {"from": "smoke", "kept": 6, "left_out": {}}
    was, now = old.study.get_trials()[1], study.get_trials()[1]
    assert now.values == [0.6, 8.0]
    assert now.params == {**was.params, "neck.width": 16}
    assert (now.datetime_start, now.datetime_complete) == (was.datetime_start, was.datetime_complete)
    assert now.user_attrs == {**was.user_attrs, keys.FORKED_FROM: 1}
    assert StudyPaths(old.settings.folder).store.read_bytes() == before


@pytest.mark.seconds
def test_other_space_keeps_what_lies_in_it_under_new_numbers(old: Old, blocks: Dataset) -> None:
    study, told = forked(old, blocks, GATE, "space.size.pixels=64,128")
    assert told == "wide is forked from smoke and keeps 4 of 6 trials (2: outside the new space)"
    assert origins(study) == [0, 2, 4, 5]
    assert [t.number for t in study.get_trials()] == [0, 1, 2, 3]
    assert [t.user_attrs[keys.FOLDER] for t in study.get_trials()] == [f"trials/0000{n}" for n in range(4)]


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_samplers_go_on_from_what_was_kept(old: Old, blocks: Dataset, sampler: str) -> None:
    study, _ = forked(old, blocks, GATE, "space.size.pixels=64,96,128", "space.train.lr0=interval(0.001, 0.02)")
    new = settings_of(old.settings.folder.parent, "space.size.pixels=64,96,128", "space.train.lr0=interval(0.001,0.02)")
    study.sampler = make_sampler(SamplerSettings(sampler, arguments={"startup": 2}), 3, 6)
    trial = study.ask()
    candidate = suggest(trial, new.space)
    assert candidate["size.pixels"] in (64, 96, 128)
    study.tell(trial, [0.7, 3.0])
    assert study.get_trials()[-1].distributions.keys() >= {"size.pixels", "train.lr0", "backbone.name"}


@pytest.mark.seconds
def test_dimension_that_a_space_lacks_counts_as_what_is_done_where_nothing_is_said(blocks: Dataset) -> None:
    space = settings_of(Path()).space
    choices = space.build(lambda _, domain: domain.values[0] if isinstance(domain, Choice) else domain.low)
    wider = settings_of(Path(), "space.train.momentum=interval(0.8, 0.95)").space
    found = fitted(wider, {name: value for name, value in choices.items() if name != "train.momentum"})
    assert found is not None
    assert found["train.momentum"] == 0.9
    without = SearchSpace({n: d for n, d in space.domains.items() if n != "deploy.nms_iou"}, space.conditions)
    shorter = fitted(without, choices)
    assert shorter is not None
    assert shorter.to_json() == {n: v for n, v in choices.items() if n != "deploy.nms_iou"}
    assert fitted(without, {**choices, "deploy.nms_iou": 0.5}) is None
    for other in ("+space.augment.noise=0.02", "space.train.momentum=0.8", "space.backbone.name=tinynet_d"):
        assert fitted(settings_of(Path(), other).space, choices) is None


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("trial.epochs=5", "accuracies of another training"),
        ("seed=7", "accuracies of another training"),
        ("device.threads=0", "latencies on another device"),
    ],
)
def test_what_cannot_be_compared_is_not_kept(old: Old, blocks: Dataset, override: str, why: str) -> None:
    study, told = forked(old, blocks, GATE, override)
    assert told == f"wide is forked from smoke and keeps none of 6 trials (6: {why} cannot be compared)"
    assert states(study) == []


BASELINE = "baseline=yolo26n"


def with_baseline(folder: Path, dataset: Dataset) -> Old:
    """Return a study whose baseline has finished, and a trial that is a part of what the baseline is."""
    old = Old(settings_of(folder, BASELINE), dataset)
    trial = StoredTrial(old.study, 0)
    trial.begin()
    trial.record_candidate(Candidate.of({"backbone.name": "yolo26", "size.pixels": 96, "neck.kind": "own"}), "trials/0")
    trial.end(Ending(Outcome.FINISHED, ""), (0.4, 90.0))
    old.finish({"size.pixels": 64})
    return old


@pytest.mark.seconds
def test_a_baseline_is_kept_though_it_lies_in_no_space(tmp_path: Path, blocks: Dataset) -> None:
    old = with_baseline(tmp_path, blocks)
    start = "start=[{size.pixels: 96}]"  # which the baseline has, too, and is no trial of it
    study, told = forked(old, blocks, "gate.p50_ms_max=10", "space.size.pixels=96,128", start)
    assert told == "wide is forked from smoke and keeps 1 of 2 trials (1: outside the new space)"
    baseline, asked = study.get_trials()
    assert (baseline.user_attrs[keys.BASELINE], baseline.values, baseline.params) == ("yolo26n", [0.4, 90.0], {})
    assert asked.system_attrs["fixed_params"]["size.pixels"] == 96


@pytest.mark.seconds
def test_one_that_cannot_be_compared_is_trained_anew(tmp_path: Path, blocks: Dataset) -> None:
    study, told = forked(with_baseline(tmp_path, blocks), blocks, BASELINE, "seed=7")
    assert "keeps none of 2 trials" in told
    assert [(t.user_attrs[keys.BASELINE], t.state) for t in study.get_trials()] == [("yolo26n", TrialState.WAITING)]


@pytest.mark.seconds
def test_a_fork_of_a_study_without_one_has_none(old: Old, blocks: Dataset) -> None:
    given = settings_of(old.settings.folder.parent, GATE)
    preset = replace(given, baseline=BaselineSettings(Baseline.parse("yolo26n")))
    new = forked_settings(preset, "wide")
    new.folder.mkdir()
    ensure_fork(preset, new, blocks)
    study = create_study(new, blocks, open_storage(storage_url(new.folder, None)))
    assert not any(keys.BASELINE in trial.user_attrs for trial in study.get_trials())


@pytest.mark.seconds
def test_other_data_and_trainer_keep_nothing(
    old: Old, blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = replace(blocks, splits={**blocks.splits, "train": blocks.splits["train"][:-1]})
    _, told = forked(old, fewer, GATE)
    assert "6: accuracies on other data cannot be compared" in told
    monkeypatch.setattr(contract, "TRAINING_VERSION", contract.TRAINING_VERSION + 1)
    new = forked_settings(settings_of(tmp_path, GATE), "newer")
    new.folder.mkdir()
    assert "6: accuracies of another trainer cannot be compared" in str(
        ensure_fork(settings_of(tmp_path, GATE), new, blocks)
    )


@pytest.mark.seconds
def test_other_data_are_checked_as_a_new_study_s_before_the_fork_is_made(old: Old, blocks: Dataset) -> None:
    train, val = blocks.splits["train"], blocks.splits["val"]
    leaky = replace(blocks, splits={"train": train, "val": (*val[:24], *train[:24])})
    with pytest.raises(DataError, match="24 images of one split that are there in another"):
        forked(old, leaky, GATE)
    assert not StudyPaths(study_folder(old)).store.exists()
    _, told = forked(old, leaky, GATE, "data.check=warn")
    assert told.startswith("wide is forked from smoke and keeps none of 6 trials")


@pytest.mark.seconds
def test_looser_gate_leaves_out_what_was_never_trained(old: Old, blocks: Dataset) -> None:
    study, told = forked(old, blocks, "gate.p50_ms_max=15")
    assert told.endswith("keeps 5 of 6 trials (1: over a bound of the old gate alone, never trained)")
    assert origins(study) == [0, 1, 2, 4, 5]


def test_a_looser_gate_leaves_out_a_family_whose_fastest_child_may_keep_it(tmp_path: Path, blocks: Dataset) -> None:
    old = Old(settings_of(tmp_path, GATE), blocks)
    trial = old.begin({"size.pixels": 96}, 20.0)  # at 64 px it may be within the new bound, as it was not the old one
    trial.set_user_attr(keys.FAMILY, {"size.pixels": [96, 64]})
    trial.set_user_attr(keys.ENDING, Ending(Outcome.OVER_BOUND, "told by hand").to_json())
    old.study.tell(trial, state=TrialState.PRUNED)
    assert forked(old, blocks, "gate.p50_ms_max=15")[1].endswith(
        "keeps none of 1 trials (1: over a bound of the old gate alone, never trained)"
    )
    given = settings_of(tmp_path, GATE, "space.neck.width=16,24")
    (tmp_path / "same").mkdir()
    assert str(ensure_fork(given, forked_settings(given, "same"), blocks)).endswith("keeps 1 of 1 trials")


def test_tighter_gate_keeps_what_is_finished_and_stops_what_it_does_not_admit(old: Old, blocks: Dataset) -> None:
    study, _ = forked(old, blocks, "gate.p50_ms_max=4", "gate.map50_min=0.9")
    assert states(study) == ["COMPLETE", "COMPLETE", "PRUNED", "PRUNED", "FAIL", "PRUNED"]
    stopped = study.get_trials()[5]
    assert [t.phase for t in observe(study)][5] is Phase.STOPPED
    assert stopped.user_attrs[keys.ENDING]["reason"].endswith("the gate of this fork does not admit it")
    assert not (study_folder(old) / stopped.user_attrs[keys.FOLDER] / "training-1").exists()


def study_folder(old: Old) -> Path:
    return old.settings.folder.with_name("wide")


# Files


@pytest.mark.seconds
def test_files_are_linked_and_those_that_a_trial_may_still_write_are_copied(old: Old, blocks: Dataset) -> None:
    study, _ = forked(old, blocks, GATE, "space.size.pixels=64,128")
    new = study_folder(old)
    assert files_of(new / "trials" / "00000") == {"log.txt": ("log.txt of 0", 2), "weights.pt": ("weights.pt of 0", 2)}
    assert files_of(new / study.get_trials()[3].user_attrs[keys.FOLDER]) == {
        "log.txt": ("log.txt of 5", 1),
        "training-1/checkpoint.pt": ("training-1/checkpoint.pt of 5", 2),
        "training-1/notes.txt": ("training-1/notes.txt of 5", 1),
        "weights.pt": ("weights.pt of 5", 2),
    }
    assert len(files_of(old.settings.folder / "trials")) == 6 * 5


@pytest.mark.seconds
def test_measured_latencies_and_removed_files_are_known_under_new_names(old: Old, blocks: Dataset) -> None:
    params = {"backbone.name": "lcnet_050", "size.pixels": 96}
    searched = {name: value for name, value in old.study.get_trials()[1].params.items() if name not in params}
    kept = {"params": {**searched, **params}, "latency": latency_of(7.0).to_json(), "seconds": 9.0}
    old.study.set_user_attr(keys.MEASURED + architecture_key(kept["params"]), kept)
    old.study.set_user_attr(keys.REMOVED, {"weights.pt": [0, 1, 4], "model.onnx": [3]})
    study, _ = forked(old, blocks, GATE, "space.size.pixels=64,128")
    assert not [key for key in study.user_attrs if key.startswith(keys.MEASURED)]  # 96 px is no part of it any more
    assert study.user_attrs[keys.REMOVED] == {"weights.pt": [0, 2]}
    given = settings_of(old.settings.folder.parent, GATE, "space.neck.width=16,24")
    new = forked_settings(given, "necks")
    new.folder.mkdir()
    ensure_fork(given, new, blocks)
    attrs = load_study(new.folder.parent, "necks", None).user_attrs
    named = {**kept["params"], "neck.width": 16}
    assert attrs[keys.MEASURED + architecture_key(named)] == {
        "params": named,
        "latency": kept["latency"],
        "seconds": 0.0,
    }


@pytest.mark.seconds
def test_a_test_split_that_was_looked_at_stays_so_where_the_data_are_the_same(old: Old, blocks: Dataset) -> None:
    StudyWriter(old.study).test_look(SplitLook("2026-11-26T03:00:00+00:00", "prove", "test", 4, (1,)))
    study, _ = forked(old, blocks, GATE, "space.size.pixels=64,128")
    (look,) = StudyRecord.of(study).test_looks
    assert (look.by, look.split, look.numbers) == (f"prove in study {old.study.study_name}", "test", ())


# Figures


def scored(old: Old, confidence: float, own: dict[str, float | None]) -> None:
    one = ClassAccuracy(0.4, 0.6, 9, 0.7, 0.8)
    accuracy = Accuracy(0.5, 0.7, {"block": one}, "val", 4, 0.2, 0.3, 0.4, confidence, 0.7, 0.8, 0.75, own)
    trial = old.begin({"size.pixels": 64}, 5.0)
    trial.set_user_attr(keys.ACCURACY, accuracy.to_json())
    old.study.tell(trial, [0.5, 5.0])


def accuracies(study: optuna.Study) -> list[Accuracy]:
    return [trial.accuracy for trial in trial_records(study) if trial.accuracy is not None]


OWN = "gate.own=[{_target_:m.f,name:wobble,max:1,least:3},{_target_:m.g,name:sway,min:0}]"


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("line", "f1", "own"),
    [
        ([OWN], 0.75, {"wobble": 0.5, "sway": 1.0}),
        ([OWN.replace("max:1", "min:2"), "gate.f1_min=0.1"], 0.75, {"wobble": 0.5, "sway": 1.0}),  # other bounds alone
        ([OWN.replace("least:3", "least:5")], 0.75, {"sway": 1.0}),
        ([OWN.replace("m.f", "m.h")], 0.75, {"sway": 1.0}),
        ([OWN, "latency.confidence=0.5"], None, None),
        ([OWN, "latency.confidence=best_f1"], None, None),
    ],
)
def test_figures_that_the_fork_would_not_score_are_not_taken_along(
    tmp_path: Path, blocks: Dataset, line: list[str], f1: float | None, own: dict[str, float] | None
) -> None:
    old = Old(settings_of(tmp_path, OWN), blocks)
    scored(old, 0.25, {"wobble": 0.5, "sway": 1.0})
    study, _ = forked(old, blocks, *line)
    (found,) = accuracies(study)
    of_class = found.per_class["block"]
    assert (found.f1, found.own) == (f1, own)
    assert (found.precision is None, found.recall is None) == (f1 is None, f1 is None)
    assert (of_class.precision is None, of_class.recall is None) == (f1 is None, f1 is None)
    assert (found.map, found.map_small, of_class.map, of_class.boxes) == (0.5, 0.2, 0.4, 9)
    gate = settings_of(tmp_path, *line).gate
    unknown = [judged.bound.setting for judged in gate.judge(Figures.of(None, found)) if judged.value is None]
    assert ("own.wobble.max" in unknown or "own.wobble.min" in unknown) == ("wobble" not in (own or {}))


@pytest.mark.seconds
def test_a_number_that_changed_within_a_study_counts_as_each_trial_has_it(tmp_path: Path, blocks: Dataset) -> None:
    old = Old(settings_of(tmp_path), blocks)  # no bound at the confidence: the number is free
    scored(old, 0.25, {})
    scored(old, 0.5, {})
    study, _ = forked(old, blocks, "gate.f1_min=0.1")
    assert [found.f1 for found in accuracies(study)] == [0.75, None]


# The same line again


@pytest.mark.seconds
def test_same_line_again_goes_on_with_the_fork(old: Old, blocks: Dataset) -> None:
    line = (GATE, "space.size.pixels=64,128", "start=[{size.pixels: 128}, {size.pixels: 64}]")
    study, _ = forked(old, blocks, *line)
    assert states(study) == ["COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]  # 64 px was tried already
    study.tell(study.ask(), [0.9, 4.0])
    again, told = forked(old, blocks, *line)
    assert told == "None"
    assert states(again) == ["COMPLETE", "PRUNED", "FAIL", "RUNNING", "COMPLETE"]
    with pytest.raises(StoreError, match="study 'wide' was made with another space; give the old settings"):
        forked(old, blocks, GATE, "space.size.pixels=64")


@pytest.mark.seconds
def test_name_that_is_taken_is_refused(old: Old, blocks: Dataset, tmp_path: Path) -> None:
    given = settings_of(tmp_path, GATE)
    with pytest.raises(SettingsError, match="--fork: the new study needs another name than the old one"):
        forked_settings(given, "smoke")
    with pytest.raises(SettingsError, match="must be a plain folder name"):
        forked_settings(given, "a/b")
    other = settings_of(tmp_path, "name=wide")
    Old(other, blocks).finish({"size.pixels": 64})
    with pytest.raises(StoreError, match="study 'wide' exists already and is not a fork of 'smoke'; give another name"):
        forked(old, blocks, GATE)
    assert len(load_study(tmp_path, "wide", None).get_trials()) == 1
    (tmp_path / "mine" / "trials" / "00000").mkdir(parents=True)
    with pytest.raises(StoreError, match="holds trials without a study; give another name, or move them away"):
        ensure_fork(given, forked_settings(given, "mine"), blocks)
    with pytest.raises(StoreError, match=r"there is no 'smok' in .*; nearest: smoke"):
        ensure_fork(settings_of(tmp_path, "name=smok"), forked_settings(given, "new"), blocks)


KILLED = """
import json, os, signal, sys
from pathlib import Path
import optuna
from objectives.data.readers import read_dataset
from search.study import fork
from search.settings.settings import load_settings
left = int(sys.argv[3])
add = optuna.Study.add_trial
def add_and_die(self, trial):
    global left
    add(self, trial)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
optuna.Study.add_trial = add_and_die
old = load_settings(json.loads(sys.argv[1]))
new = fork.forked_settings(old, "wide")
new.folder.mkdir(exist_ok=True)
fork.ensure_fork(old, new, read_dataset(Path(sys.argv[2]), "coco"))
"""


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("after", [1, 3])
def test_fork_that_was_killed_is_told_and_made_again(tmp_path: Path, shelves: Path, after: int) -> None:
    from objectives.data.readers import read_dataset

    dataset = read_dataset(shelves, "coco")
    old = Old(settings_of(tmp_path), dataset)
    for pixels in (64, 96, 64, 96):
        old.finish({"size.pixels": pixels})
    line = ["conf=smoke", f"store.folder={tmp_path}"]
    done = subprocess.run([sys.executable, "-c", KILLED, json.dumps(line), str(shelves), str(after)], check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(StoreError, match="the fork 'wide' was cut; give the line that began it again"):
        load_study(tmp_path, "wide", None)
    named = settings_of(tmp_path, "name=wide")
    with pytest.raises(StoreError, match="the fork 'wide' was cut"):
        create_study(named, dataset, open_storage(storage_url(named.folder, None)))
    study, told = forked(old, dataset)
    assert told == "wide is forked from smoke and keeps 4 of 4 trials"
    assert origins(study) == [0, 1, 2, 3]
    assert len(list((tmp_path / "wide" / "trials").iterdir())) == 4


@pytest.mark.seconds
def test_fork_in_one_storage_of_several_studies(tmp_path: Path, blocks: Dataset) -> None:
    url = f"store.url=sqlite:///{tmp_path / 'all.db'}"
    old = Old(settings_of(tmp_path, url), blocks)
    old.finish({"size.pixels": 64})
    study, told = forked(old, blocks, url, "space.size.pixels=64,128")
    assert told == "wide is forked from smoke and keeps 1 of 1 trials"
    assert states(study) == ["COMPLETE"]
    assert sorted(optuna.get_all_study_names(open_storage(f"sqlite:///{tmp_path / 'all.db'}"))) == ["smoke", "wide"]
    assert not StudyPaths(study_folder(old)).store.exists()


@pytest.mark.slow
def test_search_goes_on_in_a_fork_by_the_same_line(tmp_path: Path, shelves: Path) -> None:
    def automl(*more: str) -> subprocess.CompletedProcess[str]:
        line = [str(Path(sys.executable).with_name("automl")), "search", "conf=smoke", f"data.root={shelves}", *more]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)

    assert automl("budget.trials=1").returncode == 0
    before = files_digest(tmp_path / "runs" / "smoke")
    wider = ("space.size.pixels=64,96,128", "budget.trials=2")
    refused = automl(*wider)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == "  --fork NEW keeps 1 of 1 trials"
    for told in (["   fork  wide is forked from smoke and keeps 1 of 1 trials"], []):
        done = automl(*wider, "--fork", "wide")
        assert (done.returncode, done.stderr) == (0, "")
        assert [line for line in done.stdout.splitlines() if line.startswith("   fork")] == told
        assert states(load_study(tmp_path / "runs", "wide", None)) == ["COMPLETE", "COMPLETE"]
    after = files_digest(tmp_path / "runs" / "smoke")
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {".lock", ".claims"}


def files_digest(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
