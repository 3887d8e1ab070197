"""The public door: what each package names, and a search as a library call."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from quick_search import settings_of

import search
from objectives.data.dataset import Dataset
from objectives.records.records import Outcome
from search.view.base import View
from spaces.errors import AutomlError, SettingsError, StoreError

PACKAGES = ("spaces", "objectives", "reports", "search")
ROOT = Path(search.__file__).parents[1]


@pytest.mark.parametrize("name", PACKAGES)
def test_each_public_name_is_there(name: str) -> None:
    package = importlib.import_module(name)
    stub = ast.parse((ROOT / name / "__init__.pyi").read_text())
    imported = {a.name for node in stub.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert set(package.__all__) == imported
    for public in package.__all__:
        found = getattr(package, public)
        assert found.__doc__, public
        assert found.__module__.split(".")[0] == name
    with pytest.raises(AttributeError):
        _ = package.nothing_of_this_name


def test_a_package_imports_nothing_heavy() -> None:
    code = f"import sys, {', '.join(PACKAGES)}; print(sorted(set(sys.modules) & set(sys.argv[1:])))"
    heavy = ["torch", "timm", "ultralytics", "optuna", "plotly", "hydra", "onnxruntime", "cv2", "numpy"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_room_says_what_it_holds() -> None:
    rooms = {path.parent for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    for room in rooms:
        assert ast.get_docstring(ast.parse((room / "__init__.py").read_text())), room


@pytest.mark.seconds
def test_a_search_is_a_call_that_prints_nothing(
    tmp_path: Path, blocks: Dataset, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path, "budget.trials=3", "sampler=random", "pruner=none")
    table = search.search(settings, dataset=blocks)
    assert [row.outcome for row in table.rows] == [Outcome.FINISHED] * 3
    assert table.front
    again = search.search(settings_of(tmp_path, "budget.trials=4", "sampler=random", "pruner=none"), dataset=blocks)
    assert [row.number for row in again.rows] == [0, 1, 2, 3]
    assert again.rows[:3] == search.read_study(settings.name, tmp_path).rows[:3]
    assert capfd.readouterr() == ("", "")


@pytest.mark.seconds
def test_a_view_is_shown_what_happens(tmp_path: Path, blocks: Dataset) -> None:
    class Counting(View):
        ended_trials = 0
        why = ""

        def trial_ended(self, *_: object) -> None:
            self.ended_trials += 1

        def ended(self, table: object, used: object, why: str) -> None:
            self.why = why

    view = Counting()
    search.search(settings_of(tmp_path, "budget.trials=2", "sampler=random", "pruner=none"), dataset=blocks, view=view)
    assert (view.ended_trials, view.why) == (2, "the budget is used")


def test_what_cannot_be_used_is_an_error_and_leaves_nothing(tmp_path: Path, blocks: Dataset) -> None:
    with pytest.raises(SettingsError, match=r"unknown setting .sampler\.startup"):
        search.search(settings_of(tmp_path, "sampler=random", "+sampler.startup=2"), dataset=blocks)
    with pytest.raises(StoreError, match="there is no 'smoke'"):
        search.read_study("smoke", tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert issubclass(StoreError, AutomlError)
