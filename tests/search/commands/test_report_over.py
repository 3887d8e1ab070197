"""`automl report A B`: one page of studies over one another, or one line why not."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from command_line import automl

from objectives.records import attributes as keys
from objectives.records.paths import StudyPaths


@pytest.fixture
def studies(tmp_path: Path, report_study: Callable[..., optuna.Study]) -> Path:
    """Three studies on disk: `dusk` is of other data."""
    for seed, name in enumerate(("dawn", "noon", "dusk")):
        paths = StudyPaths(tmp_path / "runs" / name)
        paths.store.parent.mkdir(parents=True)
        storage = optuna.storages.RDBStorage(f"sqlite:///{paths.store}")
        optuna.copy_study(
            from_study_name="retail",
            from_storage=report_study(12, seed=seed)._storage,
            to_storage=storage,
            to_study_name=name,
        )
        if name == "dusk":
            optuna.load_study(study_name=name, storage=storage).set_user_attr(
                keys.FINGERPRINTS, {"data": "0ther", "device": "d3vice0123"}
            )
        storage.engine.dispose()
    return tmp_path


def test_a_page_of_two_studies(studies: Path) -> None:
    done = automl("report", "dawn", "noon", "--to", "over.html", folder=studies)
    assert (done.returncode, done.stderr) == (0, "")
    assert "over.html" in done.stdout
    page = (studies / "over.html").read_text()
    assert "<h1>dawn · noon</h1>" in page
    assert len(page) < 100_000


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            ("dawn", "dusk", "--to", "x.html"),
            "over: 'dawn' and 'dusk' have other data: shelves (da7a01) and shelves (0ther)",
        ),
        (("dawn", "dawn", "--to", "x.html"), "over: two studies or more are laid over one another, got dawn"),
        (("dawn", "noon"), "report: several studies have one page: name its file with --to FILE"),
        (("dawn", "nune", "--to", "x.html"), "there is no 'nune' in "),
    ],
)
def test_what_cannot_be_is_one_line(studies: Path, line: tuple[str, ...], words: str) -> None:
    done = automl("report", *line, folder=studies)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert words in done.stderr
    assert not (studies / "x.html").exists()
