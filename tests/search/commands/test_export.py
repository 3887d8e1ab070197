"""`export` of a trial whose files were removed to make room, and what is written for Ultralytics alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
import yaml
from quick_search import settings_of

import search
from objectives.data.dataset import Dataset
from objectives.network.assembly import assemble, save_weights
from objectives.records import attributes as keys
from objectives.records.paths import LARGE, PLAIN, ExportPaths, TrialPaths
from objectives.records.study_record import StudyWriter
from reports.table.table import StudyTable, read_study
from search.commands.export import run_export
from search.study.store import load_study, open_storage, storage_url
from spaces.candidate import Candidate
from spaces.errors import AutomlError


@pytest.fixture
def table(tmp_path: Path, report_study: Callable[..., optuna.Study]) -> StudyTable:
    """A study `retail` in tmp_path that has lost the large files of its last finished trial beside the front."""
    (tmp_path / "retail").mkdir()
    storage = open_storage(storage_url(tmp_path / "retail", None))
    made = report_study(12)
    optuna.copy_study(from_study_name="retail", from_storage=made._storage, to_storage=storage)
    far = [row.number for row in read_study(made).finished if not row.on_front][-1]
    study = load_study(tmp_path, "retail", None)
    StudyWriter(study).removed({far: LARGE})
    return read_study(study)


def refusal(tmp_path: Path, how: str) -> str:
    with pytest.raises(AutomlError) as refused:
        run_export("retail", str(tmp_path), None, how, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    return str(refused.value)


def test_removed_files_are_told_in_one_line(table: StudyTable, tmp_path: Path) -> None:
    row = next(row for row in table.rows if row.removed)
    told = refusal(tmp_path, str(row.number))
    assert told.startswith(f"export: weights.pt, model.onnx, detections.jpg of trial {row.number} were removed to keep")
    assert "pick another" in told
    assert "store.size_mb_max" in told
    assert "\n" not in told


def test_files_that_nobody_removed_are_missing(table: StudyTable, tmp_path: Path) -> None:
    assert "lacks model.yaml" in refusal(tmp_path, str(table.front[0].number))


@pytest.mark.slow
@pytest.mark.seconds
def test_what_ultralytics_can_build_is_exported_as_its_checkpoint(
    tmp_path: Path, blocks: Dataset, make_candidate: Callable[..., Candidate], capsys: pytest.CaptureFixture[str]
) -> None:
    """Real weights in the folders of two trials: of Ultralytics' own layers, and with a backbone of timm's."""
    settings = settings_of(tmp_path, "budget.trials=2", "sampler=random", "pruner=none")
    native, ours = search.search(settings, dataset=blocks).rows
    yolo = {"backbone.name": "yolo11", "backbone.width": 0.125, "backbone.depth": 0.5}
    for row, candidate in ((native, make_candidate(yolo)), (ours, make_candidate())):
        trial = TrialPaths(settings.folder / str(row.folder))
        description, network = assemble(candidate, blocks.classes, 0)
        trial.description.write_text(yaml.safe_dump(description))
        save_weights(trial.weights, network, candidate, blocks.classes)
        trial.detections.write_text("drawn")
        trial.arguments.write_text(yaml.safe_dump({"epochs": 4, "warmup_epochs": 1.0, "close_mosaic": 0}))
        run_export("smoke", str(tmp_path), None, str(row.number), str(tmp_path / f"out{row.number}"))
    said = capsys.readouterr().out
    assert said.count(PLAIN) == 1
    assert "which YOLO(...) loads, trains and exports" in said
    content = torch.load(ExportPaths(tmp_path / f"out{native.number}").plain, weights_only=False)
    assert content["model"].names == dict(enumerate(blocks.classes))
    assert not ExportPaths(tmp_path / f"out{ours.number}").plain.exists()


@pytest.mark.slow
@pytest.mark.seconds
def test_an_export_says_that_its_backbone_was_cut(tmp_path: Path, blocks: Dataset) -> None:
    """So that `automl train` knows a detector that an older automl pruned and left its backbone whole."""
    yolo = ("space.backbone.name=yolo11", "space.backbone.width=0.125", "space.backbone.depth=0.5")
    cut = ("space/prune=gentle", "space.prune.importance=l1", "space.prune.ratio=0.3")
    settings = settings_of(tmp_path, *yolo, *cut, "budget.trials=1", "sampler=random", "pruner=none")
    (row,) = search.search(settings, dataset=blocks).rows
    trial = TrialPaths(settings.folder / str(row.folder))
    for path in (trial.detections, trial.weights):
        path.write_text("none")
    trial.description.write_text(yaml.safe_dump({"backbone": [[-1, 1, "TimmBackbone", ["lcnet_050"]]]}))
    trial.arguments.write_text(yaml.safe_dump({"epochs": 4, "warmup_epochs": 1.0, "close_mosaic": 0}))

    def said(target: str) -> dict[str, Any]:
        run_export("smoke", str(tmp_path), None, str(row.number), str(tmp_path / target))
        config: dict[str, Any] = yaml.safe_load(ExportPaths(tmp_path / target).config.read_text())
        return config

    assert said("now")["pruning"] == {"backbones of Ultralytics' own": "cut"}
    study = load_study(tmp_path, "smoke", None)
    kept = dict(study.user_attrs[keys.FINGERPRINTS])
    del kept["pruning"]
    study.set_user_attr(keys.FINGERPRINTS, kept)
    assert "pruning" not in said("older")
