"""What an older automl cut otherwise is not mixed with what is cut now; a study without such trials goes on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.records import Latency
from objectives.records.study_parts.parts import MeasuredRecord
from objectives.records.study_record import StudyRecord, StudyWriter
from search.samplers.registry import make_sampler, suggest
from search.settings.settings import Settings, load_settings
from search.study.fork import ensure_fork, forked_settings
from search.study.latencies import architecture_key
from search.study.store import create_study, open_storage, storage_url
from search.study.terms.changes import CHANGES, INPUT, PRUNING
from search.study.terms.contract import Contract
from spaces.errors import StoreError

pytestmark = pytest.mark.seconds

SPACE = (
    *("space.backbone.name=choice(yolo11, lcnet_050)", "space.backbone.width=0.125", "space.backbone.depth=0.5"),
    *("space.prune.importance=choice(none, l1)", "space.prune.ratio=0.3", "space.prune.at=0.5"),
)
WHOLE, PRUNED = {"prune.importance": "none"}, {"prune.importance": "l1"}
YOLO, TIMM = {"backbone.name": "yolo11"}, {"backbone.name": "lcnet_050"}
LATENCY = Latency(5.0, 5.5, 5.0, 5.0, 5.0, 60, 1.0, True, "", "device", 0)


def settings_of(folder: Path) -> Settings:
    return load_settings(["conf=smoke", "space/prune=gentle", f"store.folder={folder}", *SPACE, "space.size.pixels=64"])


def made(settings: Settings, dataset: Dataset) -> optuna.Study:
    settings.folder.mkdir(parents=True, exist_ok=True)
    return create_study(settings, dataset, open_storage(storage_url(settings.folder, None)))


def older(settings: Settings, dataset: Dataset, *choices: dict[str, Any]) -> optuna.Study:
    """Return a study as an older automl left it, with finished trials of these choices."""
    study = made(settings, dataset)
    study.sampler = make_sampler(replace(settings.sampler, name="random"), 1, 1)
    for chosen in choices:
        study.enqueue_trial(chosen)
        trial = study.ask()
        trial.set_user_attr(keys.CANDIDATE, suggest(trial, settings.space).to_json())
        trial.set_user_attr(keys.LATENCY_UNTRAINED, LATENCY.to_json())
        study.tell(trial, [0.5, 5.0])
    kept = dict(study.user_attrs[keys.FINGERPRINTS])
    for change in CHANGES:
        del kept[change.part]
    study.set_user_attr(keys.FINGERPRINTS, kept)
    return study


def measured(study: optuna.Study, params: dict[str, Any]) -> None:
    StudyWriter(study).measured(architecture_key(params), MeasuredRecord(params, LATENCY, seconds=1.0))


def test_a_study_that_holds_none_goes_on_and_learns_the_part(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    study = older(settings, blocks, {**YOLO, **WHOLE}, {**TIMM, **PRUNED})
    measured(study, {**TIMM, **PRUNED})
    study.enqueue_trial({**YOLO, **PRUNED})  # waits, and has never been built
    again = made(settings, blocks)
    assert again.user_attrs[keys.FINGERPRINTS] == Contract.of(settings, blocks).fingerprints
    assert PRUNING.part in again.user_attrs[keys.FINGERPRINTS]


@pytest.mark.parametrize("ahead", [False, True], ids=["a trial", "a latency measured ahead"])
def test_a_study_that_holds_one_is_refused(tmp_path: Path, blocks: Dataset, ahead: bool) -> None:
    settings = settings_of(tmp_path)
    study = older(settings, blocks, {**TIMM, **PRUNED}, {**YOLO, **(WHOLE if ahead else PRUNED)})
    if ahead:
        measured(study, {**YOLO, **PRUNED})
    with pytest.raises(StoreError) as refused:
        made(settings, blocks)
    first, *others = str(refused.value).splitlines()
    assert first.startswith("store: study 'smoke' was made with another pruning; ")
    assert others[0] == "  pruning: backbones of Ultralytics' own: left whole -> cut"
    left_out = "" if ahead else f" (1: {PRUNING.why})"
    assert others[1:] == [f"  --fork NEW keeps {2 if ahead else 1} of 2 trials{left_out}"]
    assert PRUNING.part not in study.user_attrs[keys.FINGERPRINTS]


def test_a_fork_leaves_out_what_was_cut_otherwise(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    study = older(settings, blocks, {**YOLO, **PRUNED}, {**YOLO, **WHOLE}, {**TIMM, **PRUNED})
    cut, *kept = [trial.params for trial in study.get_trials()]
    for params in (cut, *kept):
        measured(study, params)
    new = forked_settings(settings, "new")
    new.folder.mkdir()
    assert f"2 of 3 trials (1: {PRUNING.why})" in str(ensure_fork(settings, new, blocks))
    fork = made(new, blocks)
    assert [trial.params for trial in fork.get_trials() if trial.values] == kept
    ahead = [record.params for _, record in StudyRecord.of(fork).measured()]
    assert len(ahead) == len(kept)
    assert all(params in kept for params in ahead)
    assert not Contract.stored(fork).differing(Contract.of(new, blocks))


def test_what_an_rtdetr_head_was_scored_on_letterboxed_is_not_mixed_either(tmp_path: Path, blocks: Dataset) -> None:
    line = ["conf=smoke", "space/prune=none", f"store.folder={tmp_path}", "space.size.pixels=64"]
    settings = load_settings([*line, "space.head.kind=choice(nms, rtdetr)"])
    older(settings, blocks, {"head.kind": "nms"}, {"head.kind": "rtdetr"})
    with pytest.raises(StoreError) as refused:
        made(settings, blocks)
    first, *others = str(refused.value).splitlines()
    assert first.startswith("store: study 'smoke' was made with another input; ")
    assert others == [
        "  input: images of an RT-DETR head: letterboxed -> stretched, as it is trained",
        f"  --fork NEW keeps 1 of 2 trials (1: {INPUT.why})",
    ]
