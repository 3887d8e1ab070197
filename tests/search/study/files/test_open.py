"""Where a study's files are: a line moves them, and a place that cannot be used is not remembered."""

from pathlib import Path

import optuna
import pytest

from objectives.records.artifacts.stored_files import artifacts_of
from search.study.files.open import follow_artifacts
from spaces.errors import AutomlError


def test_a_place_that_cannot_be_used_is_not_remembered(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="shelves")
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(AutomlError, match=r"store\.artifacts"):
        follow_artifacts(study, str(blocked))
    assert artifacts_of(study) is None
    assert follow_artifacts(study, str(tmp_path / "good")) == []
    known = artifacts_of(study)
    assert known is not None
    with pytest.raises(AutomlError, match=r"store\.artifacts"):
        follow_artifacts(study, str(blocked))
    assert artifacts_of(study) == known
    assert [path for path in (tmp_path / "good").rglob("*") if path.is_file()] == []
