"""A process with all its descendants: counted, weighed, and ended however they try to get away."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from quick_search import wait_until

from objectives.machine.parent_death import adopt_orphans
from objectives.machine.process_tree import Usage, descendants, is_dead, kill_below, proportional_bytes, usage

SLEEPER = "import time; time.sleep(600)"
# Adopts its orphans, has a child with a child in a session of its own, whose parent ends at once.
ROOT = f"""
import subprocess, sys
from objectives.machine.parent_death import adopt_orphans
adopt_orphans()
sleeper = [sys.executable, "-c", {SLEEPER!r}]
middle = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}], start_new_session=True)"
subprocess.run([sys.executable, "-c", middle])
print(subprocess.Popen(sleeper).pid, flush=True)
sys.stdin.read()
"""
# Holds 200 MB that it has written, shared with three forks.
HEAVY = """
import os, sys
hoard = bytearray(os.urandom(1 << 20) * 200)
for _ in range(3):
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
print("ready", flush=True)
sys.stdin.read()
"""
# Each process starts another before it is killed, if it can; those that lose their parent stay below the first one. One
# chain, and an end: whatever happens to the test or to the machine, it never becomes a fork bomb.
HYDRA = """
import os, time
from objectives.machine.parent_death import adopt_orphans
adopt_orphans()
end = time.monotonic() + 20
print("ready", flush=True)
while time.monotonic() < end and os.fork() == 0:
    os.setsid()
    time.sleep(0.05)
time.sleep(max(0.0, end - time.monotonic()))
os._exit(0)
"""


@contextmanager
def running(code: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a program, and end it with all that is below it."""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            kill_below(process.pid)
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_orphans_in_sessions_of_their_own_are_counted_and_killed() -> None:
    with running(ROOT) as root:
        first_line(root)
        below = descendants(root.pid)
        assert len(below) == 2
        assert usage(root.pid).processes == 3
        kill_below(root.pid)
        assert all(is_dead(process) for process in below)
        assert root.poll() is None  # itself it lives
        assert usage(root.pid).processes == 1


def test_what_is_spared_lives_on_with_all_below_it() -> None:
    with running(ROOT) as root:
        kept = int(first_line(root))
        kill_below(root.pid, {kept})
        assert [process.pid for process in descendants(root.pid)] == [kept]


def test_processes_that_multiply_are_all_killed() -> None:
    adopt_orphans()  # of this test, whose process is the root
    with running(HYDRA) as process:
        first_line(process)
        wait_until(lambda: usage(process.pid).processes > 5)
        kill_below(process.pid)
        assert descendants(process.pid) == []


@pytest.mark.seconds
def test_shared_pages_count_once_where_it_matters() -> None:
    with running(HEAVY) as process:
        first_line(process)
        assert wait_until(lambda: usage(process.pid).processes == 4)
        assert usage(process.pid).memory_bytes > 4 * 200e6
        assert 200e6 < proportional_bytes(process.pid) < 2 * 200e6


def test_nothing_is_used_by_what_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert usage(process.pid).memory_bytes == proportional_bytes(process.pid) == 0
    assert descendants(process.pid) == []
    assert Usage() == Usage(0, 0)


def test_one_that_waits_to_be_reaped_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    seen = psutil.Process(process.pid)
    wait_until(lambda: is_dead(seen))
    assert seen.status() == psutil.STATUS_ZOMBIE
    process.wait()
    assert is_dead(seen)
