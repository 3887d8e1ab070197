"""Sessions: the hours of a search are those in which somebody searched, counted once."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from postgres_server import PostgresServer

from objectives.machine.card import MachineCard
from objectives.records import attributes as keys
from objectives.records.paths import StudyPaths
from objectives.records.study_parts.parts import WorkRecord
from objectives.records.study_parts.requests import GO_ON, PAUSE, RequestRecord
from objectives.records.study_record import StudyRecord, StudyWriter
from search.study.claims.kernel_locks import KernelClaims
from search.study.claims.leases import LeaseClaims
from search.study.claims.open import open_claims
from search.study.sessions import (
    ASKED_EVERY_S,
    BEAT_EVERY_S,
    CODE,
    FORGOTTEN_S,
    GAP_S,
    LATELY_S,
    LAUNCH,
    WORK_EVERY_S,
    AskedToEnd,
    AskedToPause,
    Session,
    covered_s,
)
from spaces.errors import StoreError

BEGAN_S = 1e9


class Clock:
    """A clock that tests set; seconds since BEGAN_S."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return BEGAN_S + self.now_s

    def go_on(self, session: Session, seconds: float, beat_s: float = 5.0) -> None:
        """Let time pass for a process that beats."""
        end = self.now_s + seconds
        while self.now_s < end:
            self.now_s = min(end, self.now_s + beat_s)
            session.beat()


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.sqlite3'}", directions=["maximize", "minimize"])


@pytest.fixture
def enter(study: optuna.Study, tmp_path: Path) -> Iterator[Callable[[Clock], Session]]:
    """Maker of a session, as of a process of its own."""
    opened: list[KernelClaims] = []

    def make(clock: Clock) -> Session:
        opened.append(KernelClaims(tmp_path))
        return Session(study, opened[-1], clock)

    yield make
    for claims in opened:
        claims.close()


Enter = Callable[[Clock], Session]


def searched_s(study: optuna.Study) -> float:
    return covered_s(span for session in StudyRecord.of(study).sessions.values() for span in session.spans)


def test_a_session_covers_its_time(enter: Enter) -> None:
    clock = Clock()
    session = enter(clock)
    assert session.searched_s() == 0
    clock.go_on(session, 100)
    assert session.searched_s() == 100
    clock.now_s += 7  # no beat yet
    assert session.searched_s() == 107


def test_a_suspended_machine_does_not_search(enter: Enter) -> None:
    clock = Clock()
    session = enter(clock)
    clock.go_on(session, 100)
    clock.now_s += 8 * 3600
    session.beat()
    clock.go_on(session, 50)
    assert session.searched_s() == 150
    clock.now_s += GAP_S  # so much may pass between two looks
    assert session.searched_s() == 150 + GAP_S


def test_a_rest_is_not_counted(enter: Enter) -> None:
    """A full disk: the process looks for room every other second, and is no search then."""
    clock = Clock()
    session = enter(clock)
    clock.go_on(session, 100)
    session.sleep()
    clock.now_s += 30  # shorter than a gap
    assert session.searched_s() == 100
    session.beat()
    clock.go_on(session, 10)
    assert session.searched_s() == 110


def test_a_clock_that_is_set_back_takes_nothing_away(enter: Enter, study: optuna.Study) -> None:
    clock = Clock()
    session = enter(clock)
    clock.go_on(session, 1000)
    clock.now_s -= 3600
    session.beat()
    clock.go_on(session, 50)
    assert session.searched_s() == 1050
    assert 1050 - BEAT_EVERY_S <= searched_s(study) <= 1050


def told_elsewhere(study: optuna.Study, **told: object) -> None:
    """Have the first process be another machine's, as it has told of itself."""
    key = f"{keys.SESSION}0"
    study.set_user_attr(key, {**study.user_attrs[key], **told})


@pytest.mark.parametrize("told", [{"host": "elsewhere"}, {"folder": "/elsewhere"}])
def test_a_process_out_of_reach_is_not_joined_while_it_may_live(
    study: optuna.Study, tmp_path: Path, told: dict[str, object]
) -> None:
    """A disk of the same name on another machine: its locks tell nothing."""
    clock = Clock()
    first = KernelClaims(tmp_path)
    Session(study, first, clock)
    first.close()
    told_elsewhere(study, **told)
    clock.now_s += LATELY_S - 1
    other = KernelClaims(tmp_path)
    with pytest.raises(StoreError, match=r"is being searched in .* or was a minute ago"):
        Session(study, other, clock)
    clock.now_s += 2
    assert Session(study, other, clock).key == 1
    other.close()


def test_a_process_of_another_machine_is_joined_where_its_locks_are_seen_or_it_has_ended(
    enter: Enter, study: optuna.Study, tmp_path: Path
) -> None:
    code = "import sys; from pathlib import Path; from search.study.claims.kernel_locks import KernelClaims\n"
    code += "claims = KernelClaims(Path(sys.argv[1])); claims.enter(0); print('entered', flush=True); sys.stdin.read()"
    clock = Clock()
    gone = KernelClaims(tmp_path)
    session = Session(study, gone, clock)
    gone.close()
    told_elsewhere(study, host="elsewhere")
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "entered\n"
        assert enter(clock).key == 1
        other.kill()
    session.end()
    told_elsewhere(study, host="elsewhere")
    assert enter(clock).key == 2


def test_two_processes_use_the_hours_once(enter: Enter, study: optuna.Study) -> None:
    clock = Clock()
    one = enter(clock)
    clock.go_on(one, 60)
    two = enter(clock)
    for _ in range(20):  # both
        clock.now_s += 5
        one.beat()
        two.beat()
    clock.go_on(two, 40)  # one has died
    two.beat(now=True)
    assert two.searched_s() == 200
    assert searched_s(study) == 200
    assert (one.key, two.key) == (0, 1)


def test_the_night_between_two_runs_is_not_counted(enter: Enter, study: optuna.Study) -> None:
    clock = Clock()
    first = enter(clock)
    clock.go_on(first, 100)
    first.beat(now=True)
    clock.now_s += 30  # shorter than a gap, but nobody searched
    second = enter(clock)
    clock.go_on(second, 100)
    assert second.searched_s() == 200


def test_a_kill_loses_a_beat_at_most(enter: Enter, study: optuna.Study) -> None:
    clock = Clock()
    session = enter(clock)
    clock.go_on(session, 100, beat_s=1.0)
    assert 100 - BEAT_EVERY_S <= searched_s(study) <= 100


def test_beats_are_written_seldom(enter: Enter, study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    session = enter(clock)
    written = []
    write = study.set_user_attr
    monkeypatch.setattr(study, "set_user_attr", lambda key, value: (written.append(key), write(key, value)))
    clock.go_on(session, 300, beat_s=0.5)
    assert len(written) == 300 / BEAT_EVERY_S
    assert set(written) == {f"{keys.SESSION}0"}


@pytest.mark.seconds
def test_a_process_sees_the_others_and_whether_they_live(enter: Enter, study: optuna.Study, tmp_path: Path) -> None:
    code = (
        "import sys, optuna; from pathlib import Path; from search.study.claims.kernel_locks import KernelClaims; "
        "from search.study.sessions import Session\n"
        "study = optuna.load_study(study_name=sys.argv[1], storage=sys.argv[2])\n"
        f"session = Session(study, KernelClaims(Path(sys.argv[3])), lambda: {BEGAN_S})\n"
        "print('entered', flush=True); sys.stdin.read()"
    )
    url = f"sqlite:///{tmp_path / 'study.sqlite3'}"
    command = [sys.executable, "-c", code, study.study_name, url, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "entered\n"
        clock = Clock()
        own = enter(clock)
        clock.go_on(own, 30)
        told = own.seen((4, 5))
        assert [(s.pid, s.alive, s.own, s.trials) for s in told] == [
            (other.pid, True, False, ()),
            (os.getpid(), True, True, (4, 5)),
        ]
        assert told[0].silent_s == 30
        other.kill()
    assert [s.alive for s in own.seen(())] == [False, True]
    clock.go_on(own, FORGOTTEN_S)
    assert [s.own for s in own.seen(())] == [True]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), max_size=12))
def test_the_union_of_spans_is_as_long_as_what_it_covers(spans: list[tuple[int, int]]) -> None:
    as_given = [(begin, begin + length) for begin, length in spans]
    covered = {second for begin, end in as_given for second in range(begin, end)}
    assert covered_s(as_given) == len(covered)
    random.Random(1).shuffle(as_given)
    assert covered_s(as_given) == len(covered)


def test_a_process_that_is_asked_to_end_does_so_soon_and_others_do_not(
    study: optuna.Study, enter: Callable[[Clock], Session]
) -> None:
    clock = Clock()
    first = enter(clock)
    StudyWriter(study).ask_to_end(first.key + 1)
    StudyWriter(study).ask_to_end("another launch")
    clock.go_on(first, 60.0)
    StudyWriter(study).ask_to_end(first.key)
    first.beat()  # looked a moment ago
    with pytest.raises(AskedToEnd, match="asked to end"):
        clock.go_on(first, ASKED_EVERY_S + 1, beat_s=1.0)
    first.end()
    assert StudyRecord.of(study).sessions[first.key].ended


def test_a_launch_is_asked_by_its_name(
    study: optuna.Study, enter: Callable[[Clock], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LAUNCH, "ab12")
    monkeypatch.setenv(CODE, "0.1.0")
    clock = Clock()
    worker = enter(clock)
    record = StudyRecord.of(study).sessions[worker.key]
    assert (record.launch, record.code, record.work) == ("ab12", "0.1.0", [])
    StudyWriter(study).ask_to_end("ab12")
    with pytest.raises(AskedToEnd):
        clock.go_on(worker, 60.0)


def test_others_see_what_a_process_works_on(study: optuna.Study, enter: Callable[[Clock], Session]) -> None:
    clock = Clock()
    session = enter(clock)
    work = [WorkRecord(3, "train", 2)]
    session.beat(work=lambda: work)
    clock.go_on(session, WORK_EVERY_S + 1, beat_s=1.0)
    assert StudyRecord.of(study).sessions[session.key].work == [WorkRecord(3, "train", 2)]
    work[0] = WorkRecord(3, "train", 5)
    clock.go_on(session, WORK_EVERY_S + 1, beat_s=1.0)
    assert StudyRecord.of(study).sessions[session.key].work[0].epoch == 2  # no trial came or went: with the next beat
    clock.go_on(session, BEAT_EVERY_S)
    assert StudyRecord.of(study).sessions[session.key].work[0].epoch == 5
    session.end()
    assert StudyRecord.of(study).sessions[session.key].work == []


def test_a_process_that_waits_is_seen_and_its_time_is_not_searched(
    study: optuna.Study, enter: Callable[[Clock], Session]
) -> None:
    clock = Clock()
    session = enter(clock)
    clock.go_on(session, 30.0)
    for _ in range(1000):
        clock.now_s += 1.0
        session.wait()
    stored = StudyRecord.of(study).sessions[session.key]
    assert stored.spans[0] == [BEGAN_S, BEGAN_S + 30.0]
    assert len(stored.spans) == 2  # however long it waits
    assert clock() - stored.spans[1][1] <= BEAT_EVERY_S
    assert session.searched_s() == 30.0
    clock.go_on(session, 10.0)
    assert session.searched_s() == pytest.approx(40.0, abs=5.0)  # from the first beat on
    session.wait()
    session.end()
    assert not StudyRecord.of(study).sessions[session.key].spans[0][1] > BEGAN_S + 30.0


def test_a_pause_is_heeded_where_a_process_is_ready_for_it(
    study: optuna.Study, enter: Callable[[Clock], Session]
) -> None:
    clock = Clock()
    session = enter(clock)
    StudyWriter(study).request(RequestRecord(PAUSE, "anna@box", 1e9))
    clock.go_on(session, ASKED_EVERY_S + 1, beat_s=1.0)
    assert session.requests.pause is not None
    with session.pausable(), pytest.raises(AskedToPause):
        clock.go_on(session, ASKED_EVERY_S + 1, beat_s=1.0)
    clock.go_on(session, ASKED_EVERY_S + 1, beat_s=1.0)
    StudyWriter(study).request(RequestRecord(GO_ON, "anna@box", 1e9))
    with session.pausable():
        session.look_now()
    StudyWriter(study).ask_to_end(session.key)
    clock.now_s += ASKED_EVERY_S + 1
    with pytest.raises(AskedToEnd):
        session.wait()


def test_a_session_of_an_older_automl_is_read(study: optuna.Study) -> None:
    study.set_user_attr(f"{keys.SESSION}7", {"host": "box", "pid": 4, "folder": "/x", "spans": [[1.0, 2.0]]})
    session = StudyRecord.of(study).sessions[7]
    assert (session.work, session.launch, session.code) == ([], "", "")


def test_a_session_says_what_machine_it_is_and_older_ones_need_not(study: optuna.Study, tmp_path: Path) -> None:
    card = MachineCard("here", 8, 64000, "NVIDIA A100", 40000, "NVIDIA A100")
    claims = KernelClaims(tmp_path)
    session = Session(study, claims, Clock(), machine=card)
    written = StudyRecord.of(study).sessions[session.key]
    assert written.machine == card
    study.set_user_attr(f"{keys.SESSION}7", {key: v for key, v in written.to_json().items() if key != "machine"})
    assert StudyRecord.of(study).sessions[7] == replace(written, machine=None)
    claims.close()


# Processes on a database server


@pytest.fixture
def lease(tmp_path: Path, postgres: PostgresServer) -> Iterator[Callable[[str], LeaseClaims]]:
    """Maker of a process's claims, on a folder of this name."""
    url, opened = postgres.url(postgres.new_database()), list[LeaseClaims]()

    def make(machine: str) -> LeaseClaims:
        folder = tmp_path / machine / "study"
        folder.mkdir(parents=True, exist_ok=True)
        claims = open_claims(folder, url)
        assert isinstance(claims, LeaseClaims)
        opened.append(claims)
        return claims

    yield make
    for claims in opened:
        claims.close()


def test_processes_have_folders_of_their_own_where_files_are_elsewhere(
    study: optuna.Study, lease: Callable[[str], LeaseClaims]
) -> None:
    Session(study, lease("one"), artifacts="s3://bucket")
    with pytest.raises(
        StoreError, match=r"set store.folder=... alike, or store.artifacts=... for folders of their own"
    ):
        Session(study, lease("two"))
    second = Session(study, lease("two"), artifacts="s3://bucket")
    assert second.key == 1
    assert not second.is_alone()
    assert [seen.alive for seen in second.seen(())] == [True, True]


def test_a_shared_folder_is_known_by_what_lies_in_it(study: optuna.Study, lease: Callable[[str], LeaseClaims]) -> None:
    """A process of another machine that names this folder has it on the same disk, or has another one of this name."""
    first = lease("one")
    Session(study, first)
    told_elsewhere(study, host="elsewhere")
    assert Session(study, lease("one")).key == 1
    marks = StudyPaths(first.folder).claims
    marks.write_text("")
    with pytest.raises(StoreError, match=r"is being searched in .* of elsewhere"):
        Session(study, lease("one"))


def test_hours_go_by_the_clock_of_the_server(study: optuna.Study, lease: Callable[[str], LeaseClaims]) -> None:
    claims = lease("one")
    session = Session(study, claims)
    ((begin, _),) = StudyRecord.of(study).sessions[0].spans
    assert abs(begin - claims.time_s()) < 5
    session.beat(now=True)
    assert 0 <= session.searched_s() < 5
