"""The house: rooms that docs/architecture.md names, none of them crowded, and a searching process without torch."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_data import CARD, yolo

ROOT = Path(__file__).parents[1]
PACKAGES = ("search", "reports", "objectives", "spaces")
DOCS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
MODULES_MOST, LINES_MOST = 14, 320
ROW = re.compile(r"^\| `(?P<room>[\w/]+)/` \| (?P<what>[^|]+) \| (?P<modules>[^|]*)\|$", re.MULTILINE)
FILE = re.compile(r"`((?:search|reports|objectives|spaces|tests|conf)/[\w/.]+\.\w+)`")
SEARCH = """
import sys
import search
if __name__ == "__main__":
    table = search.search(search.load_settings(sys.argv[1:]))
    assert len(table.finished) == 2, table.rows
    print(sorted({"torch", "timm", "ultralytics"} & set(sys.modules)))
"""
QUICK = ["trial.run=quick_trainer:run_trial", "trial.epochs=2", "store.free_mb_min=1"]


def rooms() -> dict[str, list[Path]]:
    """Return each folder of modules, and its modules."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    found: dict[str, list[Path]] = {path.parent.relative_to(ROOT).as_posix(): [] for path in files}
    for path in files:
        if path.name != "__init__.py":
            found[path.parent.relative_to(ROOT).as_posix()].append(path)
    return found


def test_the_architecture_names_every_room_and_module() -> None:
    rows = ROW.findall((ROOT / "docs" / "architecture.md").read_text())
    named = {room: (what, modules.split()) for room, what, modules in rows}
    expected = {}
    for room, modules in rooms().items():
        doc = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text())) or ""
        expected[room] = (doc.splitlines()[0].rstrip("."), sorted(path.stem for path in modules))
    assert named == expected


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    missing = [name for name in FILE.findall(page.read_text()) if not (ROOT / name).exists()]
    assert missing == []


def test_no_room_is_crowded_and_no_file_long() -> None:
    crowded = {room: len(modules) for room, modules in rooms().items() if len(modules) > MODULES_MOST}
    lengths = {path: path.read_text().count("\n") for modules in rooms().values() for path in modules}
    assert crowded == {}
    assert {path.name: count for path, count in lengths.items() if count > LINES_MOST} == {}


def test_every_module_holds_more_than_constants() -> None:
    """A file of one constant belongs to whoever uses it; names of attributes and paths are a table."""
    empty = []
    for path in (path for modules in rooms().values() for path in modules):
        body = ast.parse(path.read_text()).body
        kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
        constants = [node for node in body if isinstance(node, ast.Assign | ast.AnnAssign)]
        if not any(isinstance(node, kinds) for node in body) and len(constants) < 3:
            empty.append(path.name)
    assert empty == ["fork_server.py"] or empty == []  # importing it acts: multiprocessing has no other way in


@pytest.mark.seconds
@pytest.mark.parametrize("trainer", [QUICK, pytest.param([], marks=pytest.mark.slow)], ids=["quick", "real"])
def test_a_searching_process_never_imports_torch(tmp_path: Path, trainer: list[str]) -> None:
    script = tmp_path / "call.py"
    script.write_text(SEARCH)
    data = yolo(
        tmp_path / "data", {f"{split}/{i}": "0 0.5 0.5 0.4 0.4" for split in ("train", "val") for i in range(4)}, CARD
    )
    overrides = [f"data.root={data}", "data=folder", f"store.folder={tmp_path}", "budget.trials=2", *trainer]
    line = [sys.executable, str(script), "conf=smoke", *overrides]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
