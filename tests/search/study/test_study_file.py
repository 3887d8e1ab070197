"""The file of a study: any name and folder, one URL, and what an older automl made of a question mark."""

import sqlite3
from pathlib import Path

import optuna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from objectives.data.dataset import Dataset
from objectives.records.paths import StudyPaths
from search.commands.studies import run_studies
from search.settings.settings import Settings, load_settings
from search.study import study_file as module
from search.study.sqlite_check import file_of, study_names
from search.study.store import create_study, load_study, open_storage, storage_url
from search.study.study_file import file_url, studies_in, study_file
from spaces.errors import StoreError

ODD = ["what?", "50%", "a%20b", "a b", "c#", "x:y", "[/red]", "{SCHEMA_VERSION}", "ü", "a&b=c", "me@lab", "it's"]


def settings_of(folder: Path, name: str) -> Settings:
    return load_settings(["conf=smoke", f"store.folder={folder}", f"name={name}"])


def make(settings: Settings, dataset: Dataset) -> optuna.Study:
    settings.folder.mkdir(parents=True, exist_ok=True)
    return create_study(settings, dataset, open_storage(storage_url(settings.folder, None)))


def make_as_before(settings: Settings, dataset: Dataset) -> optuna.Study:
    """Make a study where an older automl did, which pasted its path into a URL."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    return create_study(settings, dataset, open_storage(f"sqlite:///{StudyPaths(settings.folder).store}"))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
@example("what?")
@example("a%3Fb%20c")
@example("{SCHEMA_VERSION}")
@example("a?uri=true")
def test_any_path_has_a_url_that_names_it(name: str) -> None:
    path = StudyPaths(Path("/runs") / name).store
    url = file_url(path)
    assert file_of(url) == path
    assert file_of(url.format(SCHEMA_VERSION=12)) == path  # which Optuna does with every URL


def test_plain_paths_have_the_urls_that_they_had() -> None:
    assert storage_url(Path("/home/me/automl runs/retail-2.b_c"), None) == (
        "sqlite:////home/me/automl runs/retail-2.b_c/study.sqlite3"
    )


@pytest.mark.seconds
@pytest.mark.parametrize("name", ODD)
def test_a_study_of_any_name_is_found_again(tmp_path: Path, blocks: Dataset, name: str) -> None:
    folder = tmp_path / f"in {name.replace('/', '')}"
    settings = settings_of(folder, name.replace("/", ""))
    study = make(settings, blocks)
    study.tell(study.ask(), [0.5, 2.0])
    assert StudyPaths(settings.folder).store.is_file()
    assert [path.name for path in folder.iterdir()] == [settings.name]
    assert [t.values for t in make(settings, blocks).get_trials()] == [[0.5, 2.0]]
    assert [t.values for t in load_study(folder, settings.name, None).get_trials()] == [[0.5, 2.0]]
    assert studies_in(folder) == [settings.name]


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize(
    ("folder", "name", "older"),
    [
        ("runs", "what?", "runs/what"),
        ("what?/runs", "smoke", "what"),
        ("runs", "a%20b", "runs/a b/study.sqlite3"),
        ("runs", "what?x", "runs/what"),
    ],
)
def test_a_study_that_an_older_automl_put_elsewhere_goes_on_there(
    tmp_path: Path, blocks: Dataset, folder: str, name: str, older: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path / folder, name)
    (tmp_path / older).parent.mkdir(parents=True, exist_ok=True)
    study = make_as_before(settings, blocks)
    study.tell(study.ask(), [0.5, 2.0])
    assert study_file(settings.folder) == tmp_path / older
    assert [t.values for t in load_study(settings.folder.parent, name, None).get_trials()] == [[0.5, 2.0]]
    again = make(settings, blocks)
    again.tell(again.ask(), [0.6, 3.0])
    assert len(study.get_trials()) == 2
    assert not StudyPaths(settings.folder).store.exists()
    run_studies(str(settings.folder.parent), None)
    assert f" {name} " in capsys.readouterr().out


@pytest.mark.seconds
def test_two_such_studies_in_one_file_are_told_apart_and_a_new_one_gets_its_own(
    tmp_path: Path, blocks: Dataset
) -> None:
    for name in ("what?", "what?2"):
        make_as_before(settings_of(tmp_path, name), blocks)
    assert studies_in(tmp_path) == ["what?", "what?2"]
    new = settings_of(tmp_path, "what?3")
    make(new, blocks)
    assert study_file(new.folder) == StudyPaths(new.folder).store
    assert study_names(tmp_path / "what") == {"what?", "what?2"}


@pytest.mark.seconds
def test_a_file_of_something_else_beside_it_is_left_alone(tmp_path: Path, blocks: Dataset) -> None:
    (tmp_path / "what").write_text("not a database")
    with sqlite3.connect(tmp_path / "that") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    for name in ("what?", "that?"):
        settings = settings_of(tmp_path, name)
        make(settings, blocks)
        assert StudyPaths(settings.folder).store.is_file()
    assert (tmp_path / "what").read_text() == "not a database"


def test_an_older_file_that_is_locked_is_not_passed_over(
    tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, "what?")
    make_as_before(settings, blocks)
    monkeypatch.setattr(module, "study_names", lambda path: study_names(path, 0.1))
    holder = sqlite3.connect(tmp_path / "what", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="is locked by another process"):
        study_file(settings.folder)
    holder.execute("COMMIT")
    holder.close()
    assert study_file(settings.folder) == tmp_path / "what"
