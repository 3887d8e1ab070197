"""The fault harness in its short form: every kind of fault once; `python tests/fault_harness.py` is the long one."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def harness() -> ModuleType:
    """The harness, which lies beside the tests and is no test itself."""
    path = Path(__file__).with_name("fault_harness.py")
    spec = importlib.util.spec_from_file_location("fault_harness", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_fault_once_loses_nothing(harness: ModuleType, tmp_path: Path) -> None:
    tallies = harness.run_faults(len(harness.KINDS), seed=7, root=tmp_path)
    found = harness.total(tallies)
    assert found.times >= len(harness.KINDS) - 1  # a small disk may not be allowed
    assert found.lost == 0
    assert found.repeated <= 2 * found.times
