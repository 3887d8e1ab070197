"""Locks of devices: never a measurement beside work on the same device, never a deadlock, free when nobody waits."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from timing import cpu_s

from objectives.machine import device_locks
from objectives.machine.device_locks import Patience, SharedDevices, exclusive
from objectives.machine.locks import LockFile

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def python(program: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def rest(process: "subprocess.Popen[str]") -> list[str]:
    """Return the lines up to the end; what was read with the first line `communicate` would not see again."""
    with process:
        assert process.stdout is not None
        return process.stdout.readlines()


@pytest.fixture
def trainer() -> Iterator["subprocess.Popen[str]"]:
    """Works on the processor for 60 s, in batches of 20 ms, and breathes between them."""
    program = """
    import time
    from objectives.machine.device_locks import SharedDevices
    devices = SharedDevices(["cpu"])
    with devices.working():
        print("working", flush=True)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            devices.give_way()
            time.sleep(0.02)
    """
    with python(program) as process:
        assert first_line(process) == "working"
        yield process
        process.kill()


@pytest.mark.slow
@pytest.mark.seconds
def test_a_measurement_has_the_device_alone() -> None:
    """Two workers and two measurers write down when they were at it; no measurement overlaps with anything."""
    worker = """
    import time
    from objectives.machine.device_locks import SharedDevices
    devices = SharedDevices(["cpu", "cuda:0"])
    with devices.working():
        for _ in range(60):
            devices.give_way()
            began = time.monotonic()
            time.sleep(0.02)
            print("work", began, time.monotonic(), flush=True)
    """
    measurer = """
    import time
    from objectives.machine.device_locks import exclusive
    for _ in range(4):
        time.sleep(0.1)
        with exclusive(["cpu"]):
            began = time.monotonic()
            time.sleep(0.1)
            print("measure", began, time.monotonic(), flush=True)
    """
    spans = []
    processes = [python(program) for program in (worker, worker, measurer, measurer)]
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        spans += [(line.split()[0], *map(float, line.split()[1:])) for line in out.splitlines()]
    kinds = [kind for kind, *_ in spans]
    assert (kinds.count("work"), kinds.count("measure")) == (120, 8)
    overlaps = [{a[0], b[0]} for a, b in itertools.combinations(spans, 2) if a[1] < b[2] and b[1] < a[2]]
    assert {"work"} in overlaps, "two workers share the device"
    assert not any("measure" in pair for pair in overlaps)


@pytest.mark.seconds
def test_all_trainings_that_share_a_gpu_let_go_of_it() -> None:
    """Each in batches of 20 ms; a measurement on the GPU begins only once none of them is in a batch."""
    program = """
    import sys, time
    from objectives.machine.device_locks import SharedDevices
    devices = SharedDevices(["cpu", "cuda:GPU-5f1c"])
    with devices.working():
        print("working", flush=True)
        for _ in range(20):
            devices.give_way()
            began = time.monotonic()
            time.sleep(0.02)
            print(began, time.monotonic(), flush=True)
    """
    trainers = [python(program) for _ in range(3)]
    assert [first_line(trainer) for trainer in trainers] == ["working"] * 3
    with exclusive(["cuda:GPU-5f1c"]):
        began = time.monotonic()
        time.sleep(0.1)
        ended = time.monotonic()
    batches = [line.split() for trainer in trainers for line in rest(trainer)]
    spans = [(float(start), float(end)) for start, end in batches]
    assert len(spans) == 60
    assert not any(start < ended and began < end for start, end in spans)
    assert [trainer.returncode for trainer in trainers] == [0, 0, 0]


def test_a_measurement_on_another_device_waits_for_nobody(trainer: "subprocess.Popen[str]") -> None:
    patience = Patience()
    with exclusive(["cuda:0"], patience):
        pass
    assert patience.waited_s == 0


def test_the_locks_of_a_killed_process_are_free(trainer: "subprocess.Popen[str]") -> None:
    trainer.kill()
    trainer.wait()
    patience = Patience()
    with exclusive(["cpu"], patience), exclusive(["cuda:0"], patience):
        pass
    assert patience.waited_s == 0


@pytest.mark.seconds
def test_a_worker_at_rest_lets_others_measure_and_counts_the_seconds() -> None:
    """As at a rung: the searching process measures another candidate before it answers."""
    patience = Patience()
    devices = SharedDevices(["cpu"], patience)
    with devices.working():
        began = patience.work_s()
        with devices.paused():
            done = subprocess.run(
                [
                    sys.executable,
                    "-c",
                    "from objectives.machine.device_locks import exclusive\nwith exclusive(['cpu']): pass",
                ],
                cwd=ROOT,
                timeout=30,
                check=False,
            )
            time.sleep(0.3)
        assert done.returncode == 0
        assert patience.waited_s >= 0.3
        assert patience.work_s() - began < 0.2
        assert devices._held


@pytest.mark.seconds
def test_a_wait_is_counted_and_shows_signs_of_life() -> None:
    program = """
    import sys, time
    from objectives.machine.device_locks import exclusive
    with exclusive(["cpu"]):
        print("measuring", flush=True)
        time.sleep(0.6)
    """
    signs: list[float] = []
    patience = Patience(lambda: signs.append(time.monotonic()))
    with python(program) as measurer:
        assert first_line(measurer) == "measuring"
        with SharedDevices(["cpu"], patience).working():
            assert measurer.poll() is not None or measurer.wait(timeout=5) == 0
    assert patience.waited_s > 0.2
    assert len(signs) >= 3


def test_nobody_waits_for_ever_for_one_that_was_stopped(
    trainer: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_locks, "LONGEST_S", 0.3)
    os.kill(trainer.pid, 19)  # SIGSTOP
    patience = Patience()
    with exclusive(["cpu"], patience):
        assert patience.waited_s >= 0.3


def test_giving_way_costs_little_more_than_opening_a_file() -> None:
    devices = SharedDevices(["cpu", "cuda:0"])
    with devices.working():
        giving_way_s = cpu_s(lambda: [devices.give_way() for _ in range(500)], 5)
        opening_s = cpu_s(lambda: [os.close(os.open(__file__, os.O_RDONLY)) for _ in range(500)], 5)
    assert giving_way_s < 10 * opening_s


def test_a_lock_that_is_closed_is_free_although_a_child_holds_its_file() -> None:
    """As processes that load data do: they are forked while their parent trains."""
    lock, other = LockFile("forked"), LockFile("forked")
    assert lock.share()
    child = os.fork()
    if child == 0:  # pragma: no cover  # the child: it only waits to be killed
        signal.pause()
        os._exit(0)
    try:
        lock.close()
        assert other.own()
    finally:
        other.close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
