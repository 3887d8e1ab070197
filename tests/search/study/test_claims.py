"""Claims: held across real processes, freed by a death however it came, kept by one that is only stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from quick_search import wait_until

from objectives.records.paths import StudyPaths
from search.study.claims.kernel_locks import KernelClaims

HOLDER = """
import sys
from pathlib import Path
from search.study.claims.kernel_locks import KernelClaims
claims = KernelClaims(Path(sys.argv[1]))
for line in sys.stdin:
    word, *number = line.split()
    match word:
        case "take": print(claims.take(int(number[0])), flush=True)
        case "free": print(claims.free(int(number[0])), flush=True)
        case "enter": print(claims.enter(int(number[0])), flush=True)
        case "alone":
            with claims.alone():
                print("alone", flush=True)
                sys.stdin.readline()
            print("not alone", flush=True)
"""


class Holder:
    """Another process with claims on a folder, that does as it is told."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def tell(self, words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, words: str) -> str:
        self.tell(words)
        return self.answer()


@contextmanager
def holder(folder: Path) -> Iterator[Holder]:
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Holder(process)
        finally:
            process.kill()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Holder]:
    with holder(tmp_path) as process:
        yield process


@pytest.fixture
def claims(tmp_path: Path) -> Iterator[KernelClaims]:
    found = KernelClaims(tmp_path)
    yield found
    found.close()


def is_waiting(pid: int) -> bool:
    """Whether a process waits for a lock."""
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and str(pid) in line.split() for line in locks)


def test_a_trial_is_claimed_by_one_process(claims: KernelClaims, other: Holder) -> None:
    assert other.ask("take 3") == "True"
    assert not claims.take(3)
    assert claims.is_elsewhere(3)
    assert claims.trials == set()
    assert claims.take(4)
    assert not claims.is_elsewhere(4)
    assert other.ask("take 4") == "False"
    assert claims.living([1, 2, 3, 4]) == {3, 4}
    claims.free(4)
    assert other.ask("take 4") == "True"
    assert claims.trials == set()


def test_looking_takes_nothing(claims: KernelClaims, other: Holder) -> None:
    assert not claims.is_elsewhere(7)
    assert claims.living([7]) == set()
    assert other.ask("take 7") == "True"


def test_a_death_frees_all(claims: KernelClaims, other: Holder) -> None:
    assert (other.ask("take 0"), other.ask("take 99999")) == ("True", "True")
    other.ask("enter 5")
    assert claims.is_alive(5)
    assert not claims.is_alive(6)
    os.kill(other.process.pid, signal.SIGKILL)
    other.process.wait()
    assert claims.take(0)
    assert claims.take(99999)
    assert not claims.is_alive(5)


def test_a_stopped_process_keeps_what_it_has(claims: KernelClaims, other: Holder) -> None:
    assert other.ask("take 0") == "True"
    other.ask("enter 1")
    os.kill(other.process.pid, signal.SIGSTOP)
    state = Path(f"/proc/{other.process.pid}/stat")
    wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
    assert claims.is_elsewhere(0)
    assert claims.is_alive(1)
    os.kill(other.process.pid, signal.SIGCONT)
    assert other.ask("free 0") == "None"
    assert claims.take(0)


def test_one_process_chooses_at_a_time(claims: KernelClaims, other: Holder, tmp_path: Path) -> None:
    assert other.ask("alone") == "alone"
    with holder(tmp_path) as third:
        third.tell("alone")  # waits
        wait_until(lambda: is_waiting(third.process.pid))
        assert other.ask("go on") == "not alone"
        assert third.answer() == "alone"
        os.kill(third.process.pid, signal.SIGKILL)  # dies with the lock
        third.process.wait()
    with claims.alone():
        pass


def test_holding_waits_for_one_that_looks(claims: KernelClaims, other: Holder) -> None:
    """A trial that is known to be free may be looked at by another process for a moment."""
    assert other.ask("take 2") == "True"
    other.tell("free 2")
    claims.hold(2)
    assert claims.trials == {2}
    other.answer()
    assert other.ask("take 2") == "False"


def test_closing_gives_everything_back(tmp_path: Path, other: Holder) -> None:
    claims = KernelClaims(tmp_path)
    assert claims.take(0)
    claims.enter(0)
    claims.close()
    assert other.ask("take 0") == "True"
    assert set(tmp_path.iterdir()) == set(StudyPaths(tmp_path).locks)


def test_a_child_that_was_forked_holds_nothing(claims: KernelClaims, other: Holder) -> None:
    """A trial's process must not keep its search's claims when that is gone, nor free them when it ends."""
    assert claims.take(0)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert other.ask("take 0") == "False"
