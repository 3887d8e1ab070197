"""One thing, one place: the keys of attributes, and the names of files, are written out in no other module."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
KEYS = "objectives/records/attributes.py"
READERS = {f"objectives/records/{name}.py" for name in ("trial_record", "study_record", "artifacts/stored_files")}
WRITERS = {"search/study/stored_trial.py", "search/study/copied_trial.py", "search/study/carry/enqueue.py"}
WRITERS |= {"objectives/records/stored/proposal.py"}
STORAGES = {f"search/study/storage/{name}.py" for name in ("fenced", "search_storage")}  # methods have these names
CARRIERS = {"objectives/records/stored/rows.py", *STORAGES}  # whatever the key is
# A lineage has figures by the store's names, which others read there; tags of MLflow have the same prefix.
OF_LINEAGE = {f"search/register/{name}.py" for name in ("figures", "lineage", "model_registry", "release")}
OF_LINEAGE |= {"search/view/loggers/on_mlflow.py", "search/study/carry/find.py", "search/operate/rollout/pack.py"}
USES_KEYS = re.compile(
    r"user_attr|objectives\.records import attributes|records\.attributes import (?!VERSION\b)|\"automl\.(?!yaml|js)\w"
)
PATHS = "objectives/records/paths.py"
OTHERS = {
    "objectives/data/files/folder.py",  # knows a study of ours by its file
    "objectives/data/readers.py",  # the data sets of users have names of their own
    "objectives/machine/locks.py",  # so have locks of the machine
    "search/cli.py",  # help, for people
    "search/operate/paths.py",  # a pipeline has a table of names of its own
}


def modules() -> Iterator[tuple[str, str]]:
    """Yield the path of each module of the product, from the root, and its text."""
    for package in ("spaces", "objectives", "reports", "search"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def texts(source: str) -> Iterator[str]:
    """Yield the texts of a module, those of f-strings in parts; docstrings are left out."""
    tree = ast.parse(source)
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    documented = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, kinds) and _has_docstring(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    return bool(node.body) and isinstance(node.body[0], ast.Expr)


def file_names() -> set[str]:
    """Return the names that `paths` knows, but for those of one plain word: they stand for other things, too."""
    names = {text for text in texts((ROOT / PATHS).read_text()) if re.fullmatch(r"[\w.-]*[.-][\w.*-]*", text)}
    return {name.rstrip("*") for name in names if len(name) > 2}


def test_keys_of_attributes_are_used_where_records_are_read_and_written() -> None:
    users = {path for path, text in modules() if USES_KEYS.search(text)}
    assert users - {KEYS} == READERS | WRITERS | CARRIERS | OF_LINEAGE


def test_the_names_are_those_of_files() -> None:
    assert {"study.sqlite3", "report.html", ".claims", ".lock", ".plan-", "training-", "model.onnx"} < file_names()
    assert "data" not in file_names()


def test_no_other_module_writes_a_file_name_out() -> None:
    names = file_names()
    for path, source in modules():
        if path in {PATHS} | OTHERS:
            continue
        parts = {part for text in texts(source) for part in re.split(r"[\s'\"/(),:;=]+", text)}
        found = {part for part in parts if part in names or any(n.endswith("-") and part.startswith(n) for n in names)}
        assert not found, path


@pytest.mark.parametrize("text", ['"""a.pt"""', 'def f():\n    """a.pt"""'])
def test_docstrings_are_no_file_names(text: str) -> None:
    assert list(texts(text)) == []
    assert list(texts(text + '\nx = f"{x}/a.pt"')) == ["/a.pt"]
