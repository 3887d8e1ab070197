"""One name for one thing: what the whole tree calls its classes and constants, and which verbs its docstrings use."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import search

ROOT = Path(search.__file__).parents[1]
PACKAGES = ("spaces", "objectives", "reports", "search")
CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
TELL = re.compile(r"\b(tell|tells|told|telling)\b", re.IGNORECASE)

# Public names that two modules may both define, and why.
SHARED_NAMES = {
    "Reference": "the network beside a measurement, and the point of a hypervolume: the field calls both so",
    "ENOUGH_S": "seconds of timing after which a rehearsal is long enough: of its steps, and of the whole",
    "Fact": "one thing that is known: of a study, on its page; of a pipeline, in its journal",
    "Journal": "writes in their order: those of a study that readers follow, and all that a pipeline has done",
    "PAUSED": "the standing of a paused trial, and the attribute of the store that says so",
    "PX_PER_MM": "the resolution of a shelf's scene: of its prints, and of its photographs",
    "SPLITS": "train, val and test: their names, and the shelves that are rendered for each",
    "TIMED": "images that a latency is measured on: a trial's, and those of `automl latency`",
    "VERSION": "each format that is kept on a disk counts its own versions",
    "WHITE": "a colour, in the channels of the picture that is drawn",
}

# Modules and packages whose docstrings may say "tell" yet; the list only gets shorter.
TELLING = (
    "objectives.data.shelves.products",  # "told apart": distinguished
    "reports.table.row",
    "search.cli",
    "search.commands.plan",
    "search.settings.settings",
    "search.study.stored_trial",
)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def product() -> Iterator[tuple[str, ast.Module]]:
    """Yield the name and the tree of every module."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield module_name(path), ast.parse(path.read_text(encoding="utf-8"))


def assigned(node: ast.stmt) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    for target in targets:
        yield from (name.id for name in ast.walk(target) if isinstance(name, ast.Name))


def public_names(tree: ast.Module) -> set[str]:
    """Return the classes and the constants that a module defines."""
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    constants = {name for node in tree.body for name in assigned(node) if CONSTANT.fullmatch(name)}
    return {name for name in classes | constants if not name.startswith("_")}


def homonyms(modules: Iterator[tuple[str, ast.Module]]) -> dict[str, list[str]]:
    """Return the names that several modules define, and which."""
    where = defaultdict(list)
    for module, tree in modules:
        for name in public_names(tree):
            where[name].append(module)
    return {name: found for name, found in where.items() if len(found) > 1}


def docstrings(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the full name of all that has a docstring, and the docstring."""
    waiting: list[tuple[str, ast.Module | Definition]] = [(module, tree)]
    while waiting:
        name, node = waiting.pop()
        yield name, ast.get_docstring(node) or ""
        waiting += [(f"{name}.{inner.name}", inner) for inner in node.body if isinstance(inner, Definition)]


def telling(modules: Iterator[tuple[str, ast.Module]]) -> list[str]:
    """Return the full names of what says "tell" in its docstring."""
    return [name for module, tree in modules for name, text in docstrings(module, tree) if TELL.search(text)]


def test_one_name_means_one_thing() -> None:
    found = {name: modules for name, modules in homonyms(product()).items() if name not in SHARED_NAMES}
    assert not found, "a class or a constant of this name stands in several modules; rename one of them"


@pytest.mark.seconds
def test_docstrings_use_the_verbs_of_the_field() -> None:
    found = [name for name in telling(product()) if not any(f"{name}.".startswith(f"{yet}.") for yet in TELLING)]
    assert not found, "docstrings that say tell or told: report, record, emit, show, list, ... says what is done"


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("class Plan: ...", "class Plan: ...", ["Plan"]),
        ("MARGIN = 1.2", "LOW, MARGIN = 0, 0.1", ["MARGIN"]),
        ("LIMIT: int = 1", "LIMIT = 2", ["LIMIT"]),
        ("class _Plan: ...\n_MARGIN = 1", "class _Plan: ...\n_MARGIN = 2", []),
        ("from x import Plan, MARGIN", "class Plan: ...\nMARGIN = 1", []),
        ("def size(): ...\nPoint = int", "def size(): ...\nPoint = float", []),
    ],
)
def test_a_homonym_is_found(one: str, other: str, found: list[str]) -> None:
    assert list(homonyms(iter([("one", ast.parse(one)), ("other", ast.parse(other))]))) == found


def test_a_telling_docstring_is_found() -> None:
    code = '''"""Fine."""
class A:
    """Is told."""
    def f(self):
        """Return a teller."""
        def inner():
            """Tell."""
'''
    assert sorted(telling(iter([("m", ast.parse(code))]))) == ["m.A", "m.A.f.inner"]
