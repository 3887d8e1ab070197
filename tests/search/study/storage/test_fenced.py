"""The fenced storage: what a process writes that lost its lease is refused; a cut loses nothing and doubles nothing."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest
from cut_line import cut_line
from optuna.trial import FrozenTrial, TrialState
from postgres_server import PostgresServer, postgres_server
from quick_search import wait_until

from objectives.machine.interrupts import interruptible
from objectives.records import attributes as keys
from objectives.records.records import Decision
from search.study.claims.contract import LeaseLost
from search.study.claims.leases import LeaseClaims
from search.study.claims.open import open_claims
from search.study.storage.fenced import FencedStorage
from search.study.storage.search_storage import SearchStorage
from search.study.store import open_storage
from search.study.stored_trial import StoredTrial
from spaces.errors import StoreError

LEASE_S = 1.0
NAME = "study"
WRITER = f"""
import sys
from contextlib import ExitStack
from pathlib import Path
import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial
from objectives.records import attributes as keys
from search.study.claims.contract import LeaseLost
from search.study.claims.open import open_claims
from search.study.store import open_storage
child = create_trial(values=[1.0, 1.0], user_attrs={{keys.PARENT: 0}})
claims = open_claims(Path(sys.argv[1]), sys.argv[2], lease_s={LEASE_S})
storage = open_storage(sys.argv[2], claims=claims)
study = optuna.load_study(study_name="{NAME}", storage=storage)
def within(_):
    print("within", flush=True)
    sys.stdin.readline()
    RDBStorage.set_trial_user_attr(storage._backend, 1, "who", "late")
print("ready", flush=True)
turn = ExitStack()
for line in sys.stdin:
    word, *rest = line.split()
    try:
        match word:
            case "take": answer = claims.take(int(rest[0]))
            case "attr": answer = study._storage.set_trial_user_attr(1, "who", rest[0])
            case "end": answer = study.tell(0, [1.0, 1.0])
            case "alone": answer = turn.enter_context(claims.alone())
            case "leave": answer = turn.close()
            case "new": answer = study.ask().number
            case "child": answer = study.add_trial(child)
            case "looks": answer = study.set_user_attr(f"{{keys.LOOKS}}0.0", [])
            case "note": answer = study.set_user_attr("note", rest[0])
            case "within": answer = storage._backend._standing(0, within)
    except LeaseLost as lost:
        answer = f"lost {{lost.number}}"
    print(answer, flush=True)
"""


class Writer:
    """Another process that writes to a study."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert self.answer() == "ready"

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
    def frozen(self) -> Iterator[None]:
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def writer(folder: Path, url: str) -> Iterator[Writer]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Writer(process)
        finally:
            process.kill()


class Here:
    """This process, with claims on a study and its storage."""

    def __init__(self, folder: Path, url: str, wait_s: float = 60.0) -> None:
        self.claims = open_claims(folder, url, what="the store", lease_s=LEASE_S, wait_s=wait_s)
        assert isinstance(self.claims, LeaseClaims)
        self.said: list[str] = []
        self.claims.say = self.said.append
        storage = open_storage(url, claims=self.claims)
        assert isinstance(storage, SearchStorage)
        assert isinstance(storage._backend, FencedStorage)
        self.storage = storage._backend
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with self.claims.alone():
            self.study = optuna.create_study(
                study_name=NAME, storage=storage, directions=["maximize", "minimize"], load_if_exists=True
            )

    def ask(self) -> int:
        with self.claims.alone():
            number = self.study.ask().number
            self.claims.hold(number)
        return number

    def trials(self) -> list[FrozenTrial]:
        """Return what the database holds, past all caches."""
        return self.storage.get_all_trials(self.study._study_id)


@contextmanager
def here(folder: Path, url: str, wait_s: float = 60.0) -> Iterator[Here]:
    found = Here(folder, url, wait_s)
    try:
        yield found
    finally:
        found.claims.close()


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.url(postgres.new_database())


@pytest.fixture
def own(tmp_path: Path, url: str) -> Iterator[Here]:
    with here(tmp_path, url) as found:
        yield found


def test_a_write_stands_on_the_lease_of_its_trial(own: Here) -> None:
    number = own.ask()
    storage, trial = own.study._storage, own.trials()[0]._trial_id
    storage.set_trial_user_attr(trial, "who", "here")
    storage.set_trial_system_attr(trial, "who", "here")
    own.claims.free(number)
    writes: tuple[Callable[[], object], ...] = (
        lambda: storage.set_trial_user_attr(trial, "who", "late"),
        lambda: storage.set_trial_system_attr(trial, "who", "late"),
        lambda: storage.set_trial_state_values(trial, TrialState.FAIL),
        lambda: storage.set_trial_param(trial, "x", 0.5, optuna.distributions.FloatDistribution(0, 1)),
        lambda: storage.set_trial_intermediate_value(trial, 1, 0.5),
    )
    for write in writes:
        with pytest.raises(LeaseLost, match="trial 0 was taken over"):
            write()
    (found,) = own.trials()
    assert (found.state, found.params, found.intermediate_values) == (TrialState.RUNNING, {}, {})
    assert found.user_attrs["who"] == found.system_attrs["who"] == "here"
    with own.claims.alone():  # who chooses may end what nobody works on
        storage.set_trial_state_values(trial, TrialState.FAIL)
    assert own.trials()[0].state is TrialState.FAIL


@pytest.mark.seconds
def test_what_a_process_writes_that_was_frozen_beyond_its_lease_is_refused(own: Here, tmp_path: Path, url: str) -> None:
    own.claims.free(own.ask())
    with writer(tmp_path, url) as other:
        assert other.ask("take 0") == "True"
        assert other.ask("attr other") == "None"
        with other.frozen():
            wait_until(lambda: own.claims.take(0), 20)
            own.study._storage.set_trial_user_attr(1, "who", "here")
        assert other.ask("attr late") == "lost 0"
        assert other.ask("end") == "lost 0"
        assert other.ask("alone") == "None"
        assert other.ask("attr late") == "lost 0"  # not as one that chooses, either
        assert other.ask("child") == "lost 0"  # what its scorer has found
        assert other.ask("looks") == "lost 0"
        assert own.study.user_attrs == {}
        (trial,) = own.trials()
        assert (trial.user_attrs["who"], trial.state) == ("here", TrialState.RUNNING)


@pytest.mark.slow
def test_a_process_that_is_frozen_within_a_write_keeps_nothing(own: Here, tmp_path: Path, url: str) -> None:
    """The server ends its transaction: else nobody could take the lease that the write stands on."""
    own.claims.free(own.ask())
    with writer(tmp_path, url) as other:
        assert other.ask("take 0") == "True"
        assert other.ask("within") == "within"
        with other.frozen():
            wait_until(lambda: own.claims.take(0), 20)
            own.study._storage.set_trial_user_attr(1, "who", "here")
        other.tell("go on")
        assert other.answer() == "lost 0"
        assert own.trials()[0].user_attrs["who"] == "here"


@pytest.mark.slow
def test_who_lost_the_choice_stores_nothing_more_of_it(own: Here, tmp_path: Path, url: str) -> None:
    with writer(tmp_path, url) as other:
        assert other.ask("alone") == "None"
        assert other.ask("new") == "0"
        with other.frozen(), own.claims.alone():
            assert own.study.ask().number == 1
        assert other.ask("new") == "lost None"
        assert other.ask("note late") == "lost None"
        assert other.ask("leave") == "None"
        assert other.ask("alone") == "None"
        assert other.ask("new") == "2"
        assert other.ask("note here") == "None"
    assert len(own.trials()) == 3
    assert own.study.user_attrs == {"note": "here"}


@contextmanager
def answers_lost(storage: FencedStorage, count: int = 1) -> Iterator[list[object]]:
    """Lose the line behind so many commits, before their answers come."""
    dialect: Any = storage.engine.dialect
    real, lost = dialect.do_commit, list[object]()

    def commit(connection: Any) -> None:
        real(connection)
        if len(lost) < count:
            lost.append(connection)
            connection.dbapi_connection.close()
            raise psycopg.OperationalError("the connection is lost")

    dialect.do_commit = commit
    try:
        yield lost
    finally:
        dialect.do_commit = real


def test_a_commit_whose_answer_was_lost_is_done_once(own: Here) -> None:
    storage = own.study._storage
    with own.claims.alone():
        with answers_lost(own.storage) as lost:
            number = own.study.ask().number
            assert lost
        template = optuna.trial.create_trial(state=TrialState.WAITING, user_attrs={"queued": True})
        with answers_lost(own.storage) as lost:
            own.study.add_trial(template)
            assert lost
        own.claims.hold(number)
    trials = own.trials()
    assert [(trial.number, trial.state) for trial in trials] == [(0, TrialState.RUNNING), (1, TrialState.WAITING)]
    assert trials[1].user_attrs == {"queued": True}
    for write in (
        lambda: storage.set_trial_user_attr(trials[0]._trial_id, "who", "here"),
        lambda: storage.set_trial_param(trials[0]._trial_id, "x", 0.5, optuna.distributions.FloatDistribution(0, 1)),
        lambda: own.study.set_user_attr("note", 1),
        lambda: own.study.tell(number, [0.5, 2.0]),
    ):
        with answers_lost(own.storage) as lost:
            write()
            assert lost
    with own.claims.alone(), answers_lost(own.storage) as lost:
        assert own.study.ask().number == 1  # the one that waited
        assert lost
    ended, asked = own.trials()
    assert (ended.values, ended.params, ended.user_attrs) == ([0.5, 2.0], {"x": 0.5}, {"who": "here"})
    assert asked.state is TrialState.RUNNING
    assert own.study.user_attrs == {"note": 1}
    assert own.said == []  # nobody was kept waiting


def test_what_is_gathered_stands_on_the_lease_and_is_written_once(own: Here) -> None:
    number = own.ask()
    storage, (trial,) = own.study._storage, own.trials()
    assert isinstance(storage, SearchStorage)
    with answers_lost(own.storage) as lost, storage.gathering(trial._trial_id):
        storage.set_trial_param(trial._trial_id, "x", 0.5, optuna.distributions.FloatDistribution(0, 1))
        storage.set_trial_user_attr(trial._trial_id, "who", ["here"])
    assert lost
    with answers_lost(own.storage) as lost, storage.gathering(trial._trial_id):
        storage.set_trial_user_attr(trial._trial_id, "more", 1)
        own.study.tell(number, [0.5, 2.0])
    assert lost
    (trial,) = own.trials()
    assert (trial.values, trial.params, trial.user_attrs) == ([0.5, 2.0], {"x": 0.5}, {"who": ["here"], "more": 1})
    own.claims.free(own.ask())
    with pytest.raises(LeaseLost, match="trial 1 was taken over"), storage.gathering(trial._trial_id + 1):
        storage.set_trial_user_attr(trial._trial_id + 1, "who", "late")
    assert own.trials()[1].user_attrs == {}


def test_what_was_refused_is_written_once_later(own: Here) -> None:
    number = own.ask()
    trial = StoredTrial(own.study, number)
    own.claims.free(number)
    with pytest.raises(LeaseLost):
        trial.record_decision(Decision(1, "go on", "refused"))
    assert own.claims.take(number)
    trial.record_decision(Decision(1, "go on", "stored"))
    assert [decision.why for decision in StoredTrial(own.study, number).record.decisions] == ["stored"]


def test_a_process_without_a_turn_writes_for_itself_alone(own: Here) -> None:
    own.claims.enter(0)
    own.study.set_user_attr("note", 1)
    with pytest.raises(LeaseLost, match="trial 5"):
        own.study.set_user_attr(f"{keys.LOOKS}5.0", [])
    assert own.study.user_attrs == {"note": 1}


def test_a_state_that_another_has_set_is_an_error_still(own: Here) -> None:
    number = own.ask()
    own.study.tell(number, [0.5, 2.0])
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        own.study._storage.set_trial_state_values(own.trials()[0]._trial_id, TrialState.COMPLETE, [0.5, 2.0])


@pytest.mark.slow
def test_cuts_at_any_moment_lose_nothing_and_double_nothing(tmp_path: Path, postgres: PostgresServer) -> None:
    chance, ended = random.Random(7), threading.Event()
    with cut_line(postgres.port) as line, here(tmp_path, postgres.url(postgres.new_database(), line.port)) as own:

        def cuts() -> None:
            while not ended.wait(chance.uniform(0.0, 0.2)):
                line.cut()
                ended.wait(chance.choice((0.0, 0.02)))
                line.mend()

        thread = threading.Thread(target=cuts)
        thread.start()
        try:
            for count in range(15):
                number = own.ask()
                assert number == count
                trial = own.study._storage.get_trial_id_from_study_id_trial_number(own.study._study_id, number)
                for key in ("one", "two"):
                    own.study._storage.set_trial_user_attr(trial, key, number)
                own.study.tell(number, [float(number), 1.0])
                own.claims.free(number)
        finally:
            ended.set()
            thread.join()
        line.mend()
        trials = own.trials()
        assert [trial.number for trial in trials] == list(range(15))
        for trial in trials:
            assert trial.user_attrs == {"one": trial.number, "two": trial.number}
            assert (trial.values, trial.state) == ([float(trial.number), 1.0], TrialState.COMPLETE)


# A server that is away


@pytest.fixture(scope="module")
def breakable() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@contextmanager
def away(server: PostgresServer, seconds: float) -> Iterator[threading.Thread]:
    """Kill a server, and start it again after so many seconds, meanwhile."""
    server.stop(signal.SIGQUIT)

    def start() -> None:
        time.sleep(seconds)
        server.start()

    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


@pytest.mark.slow
@pytest.mark.seconds
def test_a_server_that_is_away_is_waited_for_and_costs_nothing(tmp_path: Path, breakable: PostgresServer) -> None:
    url = breakable.url(breakable.new_database())
    with here(tmp_path, url) as own, here(tmp_path, url) as other:
        number = own.ask()
        with away(breakable, 2.5 * LEASE_S):
            own.study._storage.set_trial_user_attr(own.study.trials[0]._trial_id, "who", "here")
            assert not other.claims.take(number)  # its lease ran out, while nobody could renew it
        end = time.monotonic() + 1.5 * LEASE_S
        while time.monotonic() < end:
            assert not other.claims.take(number)
            time.sleep(0.05)
        assert own.claims.lost() == set()
        assert own.trials()[0].user_attrs == {"who": "here"}
        gone, back = own.said
        assert gone.startswith("store: 'the store' is away (")
        assert gone.endswith("); trials go on, and the search waits")
        assert back.startswith("store: 'the store' is back after ")


@pytest.mark.slow
def test_what_is_given_back_meanwhile_is_not_waited_for(tmp_path: Path, breakable: PostgresServer) -> None:
    with here(tmp_path, breakable.url(breakable.new_database())) as own:
        number = own.ask()
        with away(breakable, 1.0):
            began = time.monotonic()
            own.claims.free(number)
            assert time.monotonic() - began < 0.5
        wait_until(lambda: own.claims.take(number), 10)


@pytest.mark.slow
def test_waiting_has_an_end(tmp_path: Path, breakable: PostgresServer) -> None:
    line = r"^store: 'the store' has been away for 0.5 s \(.*refused.*the same line"
    url = breakable.url(breakable.new_database())
    with here(tmp_path, url, wait_s=0.5) as own, away(breakable, 1.5), pytest.raises(StoreError, match=line):
        own.trials()


@pytest.mark.slow
def test_who_is_interrupted_waits_no_more(tmp_path: Path, breakable: PostgresServer) -> None:
    with here(tmp_path, breakable.url(breakable.new_database())) as own, away(breakable, 2.0):

        def interrupt() -> None:
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with interruptible(), pytest.raises(KeyboardInterrupt):  # in the background, too
            own.trials()
        thread.join()
        began = time.monotonic()
        with pytest.raises(StoreError, match="has been away"):
            own.trials()
        assert time.monotonic() - began < 1.0


@pytest.mark.slow
def test_who_was_interrupted_elsewhere_waits_no_more(tmp_path: Path, breakable: PostgresServer) -> None:
    """The Ctrl-C comes between two operations, and the database is away when the process tidies up."""
    with here(tmp_path, breakable.url(breakable.new_database())) as own:
        own.ask()
        trial = own.trials()[0]._trial_id
        with away(breakable, 3.0):
            with pytest.raises(KeyboardInterrupt), own.claims.hurrying():
                raise KeyboardInterrupt
            began = time.monotonic()
            with pytest.raises(StoreError, match="has been away"):
                own.study._storage.set_trial_user_attr(trial, "who", "here")
            assert time.monotonic() - began < 2.0
