"""Shares of the machine: what one has, no other gets, until it is released or its holder is dead."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.machine.shares import share_of_cores, slots_taken, take_slot

ROOT = Path(__file__).parents[3]


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_the_lowest_free_slot_is_taken(locks: Path) -> None:
    assert slots_taken() == 0
    slots = [take_slot() for _ in range(3)]
    assert [slot.index for slot in slots] == [0, 1, 2]
    assert slots_taken() == 3
    slots[1].release()
    assert slots_taken() == 2
    slots[1] = take_slot()
    assert slots[1].index == 1
    for slot in slots:
        slot.release()
    assert slots_taken() == 0


def test_slots_are_shared_by_processes_and_freed_by_death(locks: Path) -> None:
    program = "from objectives.machine.shares import take_slot\ns = take_slot()\nprint(s.index, flush=True)\ninput()"
    line = [sys.executable, "-c", program]
    workers = [
        subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    indices = [int(worker.stdout.readline()) for worker in workers if worker.stdout]
    assert sorted(indices) == [0, 1, 2, 3]
    assert slots_taken() == 4
    for worker in workers:
        worker.kill()
        worker.communicate()
    assert slots_taken() == 0


@given(workers=st.integers(1, 40), cores=st.lists(st.integers(0, 255), min_size=1, max_size=64, unique=True))
def test_shares_of_cores_are_disjoint_and_even(workers: int, cores: list[int]) -> None:
    shares = [share_of_cores(i, workers, cores) for i in range(workers)]
    assert all(shares), "everyone has a core"
    assert share_of_cores(workers, workers, cores) in shares
    given_out = [core for share in shares for core in share]
    if workers <= len(cores):
        assert given_out == cores  # each once, none left
        sizes = sorted({len(share) for share in shares})
        assert all(b - a == 1 for a, b in pairwise(sizes))
    else:
        assert {len(share) for share in shares} == {1}
        assert set(given_out) == set(cores)
