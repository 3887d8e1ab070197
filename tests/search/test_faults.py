"""The fault harness in its short form: every kind of fault once; `python tests/fault_harness.py` is the long one."""

from pathlib import Path

import fault_harness as harness
import pytest


@pytest.mark.slow
def test_every_fault_once_loses_nothing(tmp_path: Path) -> None:
    tallies = harness.run_faults(len(harness.KINDS), seed=7, root=tmp_path)
    assert {kind: tally.lost for kind, tally in tallies.items()} == dict.fromkeys(tallies, 0)
    assert set(harness.KINDS) - set(tallies) <= {"fill disk"}  # a small disk may not be allowed
    found = harness.total(list(tallies.values()))
    assert found.repeated <= 2 * found.times
