"""Claims, one contract: held across real processes, freed by a death, passed on in order; locks and leases alike.

The kernel frees the locks of a process that dies at once and keeps those of one that is stopped; a lease passes on in
both cases, within its seconds.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from quick_search import wait_until

from objectives.records.paths import StudyPaths
from search.study.claims.contract import Claims, LeaseLost
from search.study.claims.leases import LeaseClaims
from search.study.claims.open import open_claims

LEASE_S = 1.0
HOLDER = f"""
import sys
from pathlib import Path
from search.study.claims.contract import LeaseLost
from search.study.claims.open import open_claims
claims = open_claims(Path(sys.argv[1]), sys.argv[2] or None, lease_s={LEASE_S})
for line in sys.stdin:
    word, *number = line.split()
    match word:
        case "take": print(claims.take(int(number[0])), flush=True)
        case "free": print(claims.free(int(number[0])), flush=True)
        case "enter": print(claims.enter(int(number[0])), flush=True)
        case "lost": print(sorted(claims.lost()), sorted(claims.trials), flush=True)
        case "alone":
            with claims.alone():
                print("alone", flush=True)
                sys.stdin.readline()
            print("not alone", flush=True)
"""


class Holder:
    """Another process with claims on a study, that does as it is told."""

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

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)
        state = Path(f"/proc/{self.process.pid}/stat")
        wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")

    def wake(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)


@dataclass(frozen=True)
class Place:
    """Where a study is: a folder, and the URL of its database server if it has one."""

    folder: Path
    url: str | None

    def open(self) -> Claims:
        return open_claims(self.folder, self.url, lease_s=LEASE_S)

    @contextmanager
    def holder(self) -> Iterator[Holder]:
        command = [sys.executable, "-c", HOLDER, str(self.folder), self.url or ""]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Holder(process)
            finally:
                process.kill()

    def passed_on(self, what: Callable[[], object]) -> None:
        """Wait until what a dead process had is free: at once by the kernel, after its lease by the database."""
        if self.url is None:
            assert what()
            return
        began = time.monotonic()
        wait_until(what, 10 * LEASE_S)
        assert time.monotonic() - began < 3 * LEASE_S


@pytest.fixture(params=["kernel", "leases"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "kernel":
        return Place(tmp_path, None)
    server: PostgresServer = request.getfixturevalue("postgres")
    return Place(tmp_path, server.url(server.new_database()))


@pytest.fixture
def leases(tmp_path: Path, postgres: PostgresServer) -> Place:
    return Place(tmp_path, postgres.url(postgres.new_database()))


@pytest.fixture
def other(place: Place) -> Iterator[Holder]:
    with place.holder() as process:
        yield process


@pytest.fixture
def claims(place: Place) -> Iterator[Claims]:
    found = place.open()
    yield found
    found.close()


def is_waiting(pid: int) -> bool:
    """Whether a process waits for a lock."""
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and str(pid) in line.split() for line in locks)


def test_a_trial_is_claimed_by_one_process(claims: Claims, other: Holder) -> None:
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
    assert claims.lost() == set()


def test_looking_takes_nothing(claims: Claims, other: Holder) -> None:
    assert not claims.is_elsewhere(7)
    assert claims.living([7]) == set()
    assert other.ask("take 7") == "True"


def test_a_trial_may_be_claimed_again(claims: Claims, other: Holder) -> None:
    assert claims.take(1)
    claims.free(1)
    claims.free(1)
    assert claims.take(1)
    claims.hold(1)
    assert other.ask("take 1") == "False"


def test_a_death_frees_all(claims: Claims, other: Holder, place: Place) -> None:
    assert (other.ask("take 0"), other.ask("take 99999"), other.ask(f"take {1 << 40}")) == ("True", "True", "True")
    other.ask("enter 5")
    assert claims.is_alive(5)
    assert not claims.is_alive(6)
    assert claims.living_sessions([4, 5, 6]) == {5}
    other.kill()
    for number in (0, 99999, 1 << 40):  # leases were renewed one after the other, and end so
        place.passed_on(partial(claims.take, number))
    place.passed_on(lambda: not claims.is_alive(5))


def test_one_process_chooses_at_a_time(claims: Claims, other: Holder, place: Place) -> None:
    assert other.ask("alone") == "alone"
    with place.holder() as third:
        third.tell("alone")  # waits
        if place.url is None:
            wait_until(lambda: is_waiting(third.process.pid))
        assert other.ask("go on") == "not alone"
        assert third.answer() == "alone"
        third.kill()  # dies with the choice
    with claims.alone():
        pass


def test_being_alone_holds_within(claims: Claims, other: Holder) -> None:
    """What is done alone may be made of what is done alone."""
    with claims.alone():
        with claims.alone():
            assert claims.in_turn(lambda: 5) == 5
        other.tell("alone")
        time.sleep(0.2)
    assert other.answer() == "alone"


def test_holding_waits_for_one_that_looks(claims: Claims, other: Holder) -> None:
    """A trial that is known to be free may be looked at by another process for a moment."""
    assert other.ask("take 2") == "True"
    other.tell("free 2")
    claims.hold(2)
    assert claims.trials == {2}
    other.answer()
    assert other.ask("take 2") == "False"


def test_closing_gives_everything_back(place: Place, other: Holder) -> None:
    claims = place.open()
    assert claims.take(0)
    claims.enter(0)
    claims.close()
    assert other.ask("take 0") == "True"
    assert set(place.folder.iterdir()) <= set(StudyPaths(place.folder).locks)


def test_a_child_that_was_forked_holds_nothing(claims: Claims, other: Holder) -> None:
    """A trial's process must not keep its search's claims when that is gone, nor free them when it ends."""
    assert claims.take(0)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert other.ask("take 0") == "False"
    claims.free(0)
    assert other.ask("take 0") == "True"


def test_giving_all_back_in_the_end(claims: Claims, other: Holder) -> None:
    with claims.freeing():
        assert claims.take(0)
        assert claims.take(1)
    assert claims.trials == set()
    assert (other.ask("take 0"), other.ask("take 1")) == ("True", "True")


# Locks of the kernel alone


def test_the_kernel_keeps_what_a_stopped_process_has(tmp_path: Path) -> None:
    place = Place(tmp_path, None)
    with ExitStack() as stack:
        claims, other = place.open(), stack.enter_context(place.holder())
        stack.callback(claims.close)
        assert other.ask("take 0") == "True"
        other.ask("enter 1")
        other.freeze()
        assert claims.is_elsewhere(0)
        assert claims.is_alive(1)
        other.wake()
        assert other.ask("free 0") == "None"
        assert claims.take(0)


# Leases alone


@contextmanager
def opened(place: Place) -> Iterator[LeaseClaims]:
    claims = place.open()
    assert isinstance(claims, LeaseClaims)
    with ExitStack() as stack:
        stack.callback(claims.close)
        yield claims


@pytest.mark.slow
def test_a_lease_passes_on_from_a_stopped_process_which_learns_it(leases: Place) -> None:
    with opened(leases) as claims, leases.holder() as other:
        assert other.ask("take 0") == "True"
        assert other.ask("take 1") == "True"
        other.freeze()
        wait_until(lambda: claims.take(0), 10 * LEASE_S)
        other.wake()
        wait_until(lambda: other.ask("lost") == "[0] [1]", 10 * LEASE_S)  # nobody had taken the other
        assert not claims.take(1)
        assert other.ask("take 0") == "False"
        claims.free(0)
        assert other.ask("free 0") == "None"
        assert other.ask("take 0") == "True"
        assert other.ask("lost") == "[] [0, 1]"


def passed_on(claims: LeaseClaims, number: int, holder: str) -> None:
    """Have another process take a trial and leave it, as it may while this process is frozen."""
    with claims._engine.begin() as connection:
        before = claims._table.look(connection, number)
        assert before is not None
        assert claims._table.pass_on(connection, number, before, holder, LEASE_S)
        claims._table.free(connection, holder, [number])


def test_a_trial_that_was_elsewhere_meanwhile_is_not_claimed_anew_in_silence(leases: Place) -> None:
    """What this process still does with it would go on beside the new work, under the new lease."""
    with opened(leases) as claims:
        assert claims.take(3)
        assert claims.take(3)
        passed_on(claims, 3, "another")
        with pytest.raises(LeaseLost, match="trial 3 was taken over"):
            claims.take(3)
        assert claims.lost() == {3}
        claims.free(3)
        assert claims.take(3)
        assert claims.lost() == set()


@pytest.mark.slow
def test_what_is_renewed_is_kept(leases: Place) -> None:
    with opened(leases) as claims, leases.holder() as other:
        assert other.ask("take 0") == "True"
        assert other.ask("alone") == "alone"
        end = time.monotonic() + 2.5 * LEASE_S
        while time.monotonic() < end:
            assert not claims.take(0)
            time.sleep(0.1)
        assert other.ask("go on") == "not alone"


@pytest.mark.slow
def test_a_process_that_is_stopped_while_it_chooses_stops_no_other(leases: Place) -> None:
    with opened(leases) as claims, leases.holder() as other:
        assert other.ask("alone") == "alone"
        other.freeze()
        began = time.monotonic()
        with claims.alone():
            assert time.monotonic() - began < 3 * LEASE_S
            other.wake()
            time.sleep(1.5 * LEASE_S)
            assert other.ask("go on") == "not alone"  # frees nothing of others
            with leases.holder() as third:
                third.tell("alone")
                time.sleep(0.3)
                before = time.monotonic()
        assert time.monotonic() - before < LEASE_S


def test_a_turn_that_was_lost_begins_again(leases: Place) -> None:
    with opened(leases) as claims, opened(leases) as other:
        turns = []

        def work() -> str:
            turns.append(1)
            if len(turns) == 1:
                raise LeaseLost(None)
            return "done"

        assert claims.in_turn(work) == "done"
        assert len(turns) == 2
        with pytest.raises(LeaseLost, match="trial 3"):
            claims.in_turn(lambda: (_ for _ in ()).throw(LeaseLost(3)))
        with other.alone():
            pass


def test_studies_share_a_database(leases: Place) -> None:
    for name in ("one", "two"):
        (leases.folder / name).mkdir()
    first, second = (Place(leases.folder / name, leases.url) for name in ("one", "two"))
    with opened(first) as one, opened(second) as two:
        with one.alone(), two.alone():
            assert one.take(0)
            assert two.take(0)
        assert one.living([0]) == {0}


def test_processes_that_name_one_folder_may_have_two(leases: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two machines may have a folder of one name each; a process that has this disk left its mark there."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / leases.folder.name
    elsewhere.mkdir()
    with opened(leases) as claims, opened(leases) as beside, opened(Place(elsewhere, leases.url)) as away:
        beside.enter(1)
        away.enter(2)
        assert claims.shares_folder(1)
        assert not claims.shares_folder(2)
        assert not claims.shares_folder(3)


def test_the_time_is_the_databases(leases: Place) -> None:
    with opened(leases) as claims, opened(leases) as other:
        assert abs(claims.time_s() - time.time()) < 1.0  # one machine here
        assert abs(claims.time_s() - other.time_s()) < 0.5
