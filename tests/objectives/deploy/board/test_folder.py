"""The measuring folder: light enough for a board, complete, of Python 3.10, and named by what is in it."""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from objectives.deploy.board.folder import LAUNCHER_NAME, measuring_folder, modules

LATER = {  # names that Python 3.10 lacks
    "enum": {"StrEnum", "verify", "member", "nonmember", "ReprEnum", "EnumCheck"},
    "typing": {"Self", "Never", "LiteralString", "Required", "NotRequired", "Unpack", "assert_never", "assert_type"},
    "datetime": {"UTC"},
    "contextlib": {"chdir"},
    "asyncio": {"TaskGroup", "timeout", "Runner"},
    "tomllib": {"loads", "load"},
    "itertools": {"batched"},
}
RUNTIMES = {
    "onnxruntime",
    "openvino",
    "onnx",
    "ncnn",
    "ai_edge_litert",
    "torch",
}  # imported late, where they are asked for
OPTIONAL = {"cv2", "psutil", "msgspec", "pynvml"}  # looked for first


def test_it_has_what_measures_and_nothing_heavy() -> None:
    files = measuring_folder().files
    assert {LAUNCHER_NAME, "objectives/latency/probe.py", "objectives/deploy/detector.py", "spaces/errors.py"} <= set(
        files
    )
    assert "objectives/latency/reference_network.py" not in files
    assert not [name for name in files if name.startswith(("objectives/data/", "objectives/training/", "search/"))]
    assert sum(map(len, files.values())) < 300_000


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(modules()))
def test_a_module_imports_the_standard_library_numpy_and_ours(name: str) -> None:
    """At import time nothing else; within functions what a runtime or an optional helper needs."""
    tree, ours = ast.parse(modules()[name].read_bytes()), measuring_folder().files
    allowed = set(sys.stdlib_module_names) | {"numpy"}
    if name == "objectives.deploy.pixels.opencv":  # imported where OpenCV is installed
        allowed |= {"cv2"}
    for node, late in imports(tree):
        module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        top = str(module).partition(".")[0]
        if top in ("objectives", "spaces") and not late:
            assert isinstance(node, ast.ImportFrom)
            names = {str(module), *(f"{module}.{alias.name}" for alias in node.names)}
            assert {f"{one.replace('.', '/')}.py" for one in names} & set(ours), module
        elif top not in ("objectives", "spaces"):
            assert top in allowed | (RUNTIMES | OPTIONAL if late else set()), module


@pytest.mark.parametrize("name", sorted(measuring_folder().files))
def test_it_is_python_3_10(name: str) -> None:
    tree = ast.parse(measuring_folder().files[name], feature_version=(3, 10))
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):  # an import that is tried, with something in its place
            node.body = []
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    late = [(node.module, a.name) for node in found for a in node.names if a.name in LATER.get(str(node.module), ())]
    assert late == []
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import) and node.names[0].name == "tomllib"]


@pytest.mark.seconds
def test_python_3_10_itself_takes_it(tmp_path: Path) -> None:
    python = python310()
    if python is None:
        pytest.skip("there is no Python 3.10 here")
    folder = measuring_folder().write(tmp_path / "automl" / "board")
    line = [python, "-I", "-W", "error", "-m", "compileall", "-q", str(folder)]
    subprocess.run(line, check=True)
    done = subprocess.run(
        [python, "-I", LAUNCHER_NAME, "describe"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1])["done"]["python"].startswith("3.10.")


def test_its_name_follows_its_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = measuring_folder().name
    assert len(name) == 16
    changed = tmp_path / "errors.py"
    changed.write_bytes(modules()["spaces.errors"].read_bytes() + b"# changed\n")
    from objectives.deploy.board import folder

    found = {**modules(), "spaces.errors": changed}
    monkeypatch.setattr(folder, "modules", lambda: found)
    assert measuring_folder.__wrapped__().name != name


def imports(tree: ast.AST, late: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Yield the imports of a module, and whether each is within a function; those for type checkers are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, late
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imports(node, late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def python310() -> str | None:
    """Return a Python 3.10 of this machine, if there is one that starts."""
    for path in (*Path.home().glob(".pyenv/versions/3.10.*/bin/python3.10"), shutil.which("python3.10")):
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(path)
    return None
