"""A study in a database server, opened: what cannot be used is one line without passwords; to read makes nothing."""

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest
from postgres_server import PostgresServer
from quick_search import settings_of

from objectives.data.dataset import Dataset
from objectives.records.study_record import StudyRecord
from search.commands.studies import run_studies
from search.loop.run import open_search
from search.study.folder.prepare import prepared_folder
from search.study.read import own_studies
from search.study.store import load_study, open_storage
from search.study.study_file import shown_url
from search.view.base import View
from spaces.errors import StoreError


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.url(postgres.new_database()).replace("postgres@", "postgres:geheim@")


def tables(url: str) -> set[str]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in found}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("postgres:geheim@", "nobody2:geheim@", 'role "nobody2" does not exist'),
        ("/study_", "/studie_", "does not exist"),
        ("127.0.0.1", "nowhere.invalid", "failed to resolve host 'nowhere.invalid'"),
    ],
)
def test_what_cannot_be_used_is_one_line_without_passwords(
    tmp_path: Path, url: str, old: str, new: str, reason: str
) -> None:
    bad = url.replace(old, new)
    settings = settings_of(tmp_path / "runs", f"store.url={bad}")
    for use in (lambda: prepared_folder(settings).__enter__(), lambda: load_study(tmp_path, "smoke", bad)):
        with pytest.raises(StoreError) as error:
            use()
        line = str(error.value)
        assert line.startswith(f"store: '{shown_url(bad)}' cannot be used (")
        assert reason in line
        assert line.endswith("; check host, port, database, user and password, or name another")
        assert "geheim" not in line
        assert "\n" not in line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("url", "line"),
    [
        (
            "postgresql+psycopg://a:geheim@b/c",
            "needs the driver 'psycopg', which is not installed; pip install 'automl[po",
        ),
        ("mysql+pymysql://a:geheim@b/c", "needs the driver 'pymysql', which is not installed; pip install pymysql"),
    ],
)
def test_a_driver_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, line: str
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "psycopg":  # the other is not installed here
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "psycopg")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StoreError) as error:
        prepared_folder(settings_of(tmp_path / "runs", f"store.url={url}")).__enter__()
    assert line in str(error.value)
    with pytest.raises(StoreError) as error:
        load_study(tmp_path, "smoke", url)
    assert line in str(error.value)
    assert not (tmp_path / "runs").exists()


def test_to_read_makes_no_tables(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError, match="holds no study; check the name of the database"):
        load_study(tmp_path, "smoke", url)
    assert tables(url) == set()


def test_a_study_is_made_once_and_read_by_all(
    tmp_path: Path, url: str, blocks: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path / "runs", f"store.url={url}")
    with open_search(settings, blocks, View()) as first, open_search(settings, blocks, View()) as second:
        assert (first.session.key, second.session.key) == (0, 1)
        assert first.study._study_id == second.study._study_id
    assert "automl_leases" in tables(url)
    study = load_study(settings.folder.parent, "smoke", url)
    assert study.study_name == "smoke"
    kept = str(study.user_attrs)
    assert "geheim" not in kept
    optuna.create_study(study_name="theirs", storage=open_storage(url))
    assert own_studies(url) == ["smoke"]
    run_studies(str(settings.folder.parent), url)
    assert "smoke" in capsys.readouterr().out
    with pytest.raises(StoreError, match="the store holds no 'smok'; nearest: smoke"):
        load_study(settings.folder.parent, "smok", url)


def test_a_study_whose_making_was_cut_is_made_again(tmp_path: Path, url: str, blocks: Dataset) -> None:
    made = optuna.create_study(study_name="smoke", storage=open_storage(url), directions=["maximize", "minimize"])
    settings = settings_of(tmp_path / "runs", f"store.url={url}")
    with open_search(settings, blocks, View()) as search:
        assert search.study._study_id == made._study_id
        assert StudyRecord.of(search.study).version is not None


def test_a_study_of_another_program_is_left_alone(tmp_path: Path, url: str, blocks: Dataset) -> None:
    theirs = optuna.create_study(study_name="smoke", storage=open_storage(url), directions=["maximize", "minimize"])
    theirs.set_user_attr("note", "theirs")
    with pytest.raises(StoreError, match="'smoke' was not made by automl"):
        open_search(settings_of(tmp_path / "runs", f"store.url={url}"), blocks, View()).__enter__()
    assert theirs.user_attrs == {"note": "theirs"}


def test_a_study_of_other_objectives_is_left_alone(tmp_path: Path, url: str, blocks: Dataset) -> None:
    theirs = optuna.create_study(study_name="smoke", storage=open_storage(url), directions=["minimize", "minimize"])
    with pytest.raises(StoreError, match="'smoke' was not made by automl"):
        open_search(settings_of(tmp_path / "runs", f"store.url={url}"), blocks, View()).__enter__()
    assert theirs.user_attrs == {}


def test_a_database_of_another_optuna_is_refused(tmp_path: Path, url: str) -> None:
    open_storage(url)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9.9.9.a'")
    for to_read in (True, False):
        with pytest.raises(StoreError, match=r"postgres:\*\*\*@.* was made by another version of Optuna"):
            open_storage(url, to_read=to_read)


@pytest.mark.slow
@pytest.mark.seconds
def test_processes_that_begin_at_once_make_the_tables_once(tmp_path: Path, url: str) -> None:
    code = (
        "import sys; from pathlib import Path; from search.study.claims.open import open_claims\n"
        "from search.study.store import open_storage\n"
        "claims = open_claims(Path(sys.argv[1]), sys.argv[2]); sys.stdin.readline()\n"
        "open_storage(sys.argv[2], claims=claims); claims.close(); print('made')"
    )
    line = [sys.executable, "-c", code, str(tmp_path), url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    makers = [subprocess.Popen(line, text=True, **pipes) for _ in range(3)]  # type: ignore[call-overload]  # pipes are of any kind
    for maker in makers:
        maker.stdin.write("\n")
        maker.stdin.flush()
    assert [maker.communicate(timeout=60) for maker in makers] == [("made\n", "")] * 3
    assert optuna.get_all_study_names(open_storage(url)) == []
