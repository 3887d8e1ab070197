"""The limits of a trial, from its settings and from what the machine has."""

from pathlib import Path

import psutil
import pytest

from search.settings.sections import read_section
from search.settings.settings import TrialSettings
from search.workers.limits import MEMORY_SHARE, Limits, machine_memory_bytes


def trial_of(**values: float) -> TrialSettings:
    return read_section(TrialSettings, "trial", values)


def test_workers_share_the_machines_memory_where_no_limit_is_set() -> None:
    shared = Limits.of(trial_of(timeout_s=9.0, processes_max=3), workers=2)
    assert (shared.timeout_s, shared.silence_s, shared.processes_max) == (9.0, trial_of().silence_s, 3)
    assert shared.memory_bytes == pytest.approx(MEMORY_SHARE * machine_memory_bytes() / 2, rel=1e-6)
    assert Limits.of(trial_of(memory_mb=300), workers=2).memory_bytes == 300_000_000


def test_the_machines_memory_is_at_most_what_is_there() -> None:
    assert 1e8 < machine_memory_bytes() <= psutil.virtual_memory().total


def test_a_control_group_takes_memory_away(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("1:name=systemd:/old\n0::/user.slice/job.scope\n")
    scope = tmp_path / "groups" / "user.slice" / "job.scope"
    scope.mkdir(parents=True)
    (scope / "memory.max").write_text("max\n")
    assert machine_memory_bytes(tmp_path / "groups", own) == psutil.virtual_memory().total
    (scope.parent / "memory.max").write_text("300000000\n")
    assert machine_memory_bytes(tmp_path / "groups", own) == 300_000_000
    (scope / "memory.max").write_text("200000000\n")
    assert machine_memory_bytes(tmp_path / "groups", own) == 200_000_000
    assert machine_memory_bytes(tmp_path / "none", tmp_path / "none") == psutil.virtual_memory().total
