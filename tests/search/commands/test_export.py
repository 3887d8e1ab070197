"""`export` of a trial whose files were removed to make room."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from objectives.records.paths import LARGE
from objectives.records.study_record import StudyWriter
from reports.table.table import StudyTable, read_study
from search.commands.export import run_export
from search.study.store import load_study, open_storage, storage_url
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
