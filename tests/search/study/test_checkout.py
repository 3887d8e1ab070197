"""Which commit a folder is at, asked of real repositories."""

import subprocess
from pathlib import Path

import pytest

from search.study.checkout import code_card, commit_of

IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one commit."""
    folder = tmp_path / "my project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "notes.txt").write_text("one\n")
    git(folder, "add", "notes.txt")
    git(folder, "commit", "--quiet", "-m", "First")
    return folder


def test_a_folder_in_a_checkout_has_its_commit(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    below = repository / "below"
    below.mkdir()
    (below / "untracked.txt").write_text("new\n")
    assert len(commit) in (40, 64)
    assert code_card(below) == {"folder": str(below), "commit": commit, "changed": False}
    (repository / "notes.txt").write_text("two\n")
    assert code_card(below)["changed"] is True


def test_a_commit_is_found_where_git_keeps_it_packed_or_in_another_folder(repository: Path, tmp_path: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    git(repository, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    assert commit_of(repository) == commit_of(tmp_path / "side") == commit


def test_what_is_no_checkout_or_has_no_commit_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    nothing = {"folder": str(tmp_path), "commit": "", "changed": None}
    assert code_card(tmp_path) == nothing
    git(tmp_path, "init", "--quiet")
    assert code_card(tmp_path) == nothing


def test_without_git_there_is_none(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert code_card(repository)["commit"] == ""
