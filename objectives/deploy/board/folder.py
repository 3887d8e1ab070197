"""The measuring folder: those of our own modules that measure on a board, found by following imports, and `run.py`.

A board runs what runs here, copied; nothing is written twice. The modules need Python 3.10, NumPy and the runtime; a
test holds them to it.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OWN_PACKAGES = ("objectives", "spaces")
PROGRAM = "objectives.latency.on_board.program"  # what `run.py` starts; what it does is named by its own imports
# Where a path through the imports ends: what a board is never asked for, since it is sent arrays and a built network.
NEVER = ("objectives.data", "objectives.latency.reference_network", "objectives.machine.device_locks")
LAUNCHER_NAME = "run.py"
LAUNCHER = f'''"""Starts automl's measuring program on this board: ; see {PROGRAM}."""

import json
import os
import site
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
if sys.version_info < (3, 10):
    came = ".".join(map(str, sys.version_info[:3]))
    text = "device.python: automl needs Python 3.10 or newer on the board, got " + came + "; name one that it has"
    print(json.dumps({{"fault": "DeviceError", "text": text}}))
    sys.exit(2)
if sys.prefix == sys.base_prefix and os.path.isdir(site.getusersitepackages()):
    site.addsitedir(site.getusersitepackages())  # -I leaves it out, and it is where `pip install --user` puts a runtime
from {PROGRAM} import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
'''


@dataclass(frozen=True)
class MeasuringFolder:
    """What is copied to a board.

    Attributes:
        name: of the folder: sixteen hexadecimal digits over what is in it.
        files: content by relative path, as "objectives/latency/probe.py".
    """

    name: str
    files: Mapping[str, bytes]

    def write(self, parent: Path) -> Path:
        """Write the folder into another one, and return it."""
        folder = parent / self.name
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder


@cache
def measuring_folder() -> MeasuringFolder:
    """Return the folder as this installation has it."""
    files = {LAUNCHER_NAME: LAUNCHER.encode()}
    for name, path in modules().items():
        relative = Path(*name.split(".")).with_suffix(".py")
        files[relative.as_posix()] = path.read_bytes()
        # Ours import lazily, by a package that a board lacks; without any, a board's own `objectives` would win.
        files |= {(parent / "__init__.py").as_posix(): b"" for parent in relative.parents if parent.name}
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return MeasuringFolder(digest.hexdigest()[:16], dict(sorted(files.items())))


def modules(root: str = PROGRAM, never: tuple[str, ...] = NEVER) -> dict[str, Path]:
    """Return our modules that one of them needs, itself among them: files by dotted name; none of `never` or below."""
    found: dict[str, Path] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        path = _module(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += [one for one in _imported(ast.parse(path.read_bytes())) if not _is_in(one, never)]
    return dict(sorted(found.items()))


def _module(name: str) -> Path | None:
    """Return the file of a module of ours; None for a package, and for a name that is none."""
    if not _is_in(name, OWN_PACKAGES):
        return None
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # its parent is a module: what was imported from it is a function or a class
        return None
    if spec is None or spec.origin is None or spec.submodule_search_locations is not None:
        return None
    return Path(spec.origin)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a module imports, late ones too; those for type checkers are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for otherwise in node.orelse:
                yield from _imported(otherwise)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from _imported(node)


def _is_in(name: str, packages: Iterable[str]) -> bool:
    """Whether a dotted name is one of some packages, or below one."""
    return any(f"{name}.".startswith(f"{package}.") for package in packages)
