"""Searching processes of a study: when each process was at work, and whether the process still lives."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from objectives.machine.card import MachineCard
from objectives.records.study_parts.parts import WorkRecord
from objectives.records.study_record import SessionRecord, StudyRecord, StudyWriter
from search.study.claims.contract import Claims
from spaces.errors import StoreError

if TYPE_CHECKING:
    import optuna

BEAT_EVERY_S = 15.0
GAP_S = 300.0  # a process that was silent for longer was asleep: a suspended machine, a stopped process
LATELY_S = 60.0  # a process that has beaten lately is at work
ASKED_EVERY_S = 1.0  # between two looks at what people ask: to end, to pause, to stop a trial
WORK_EVERY_S = 3.0  # between two looks whether this process works on other trials than before
FORGOTTEN_S = 3600.0  # dead processes are shown for so long

# Set in the environment of a worker of a cluster: the name of its launch, and the code that it runs.
LAUNCH, CODE = "AUTOML_LAUNCH", "AUTOML_CODE"

Clock = Callable[[], float]  # seconds since 1970
Span = list[float]  # begin and end, by that clock


class AskedToEnd(KeyboardInterrupt):
    """Somebody asks this process to end: it ends as by Ctrl-C, its trials cut at their last checkpoint."""


class AskedToPause(BaseException):
    """Somebody has paused the search: this process leaves its work where it is, as by Ctrl-C, and waits."""


@dataclass(frozen=True)
class SessionSeen:
    """A searching process of the study, as this one sees it.

    Attributes:
        key: names the process in the store.
        host: name of the machine.
        pid: number of the process on that machine.
        alive: False once the process ended or died.
        silent_s: seconds since its last sign of life.
        trials: numbers of the trials that the process works on.
        own: whether this is the asking process itself.
        work: what another process does with its trials, as of its last sign of life.
        kind: what it trains on: the GPU's name, or the processor's with the cores; empty where that is not known.
    """

    key: str
    host: str
    pid: int
    alive: bool
    silent_s: float
    trials: tuple[int, ...]
    own: bool
    work: tuple[WorkRecord, ...] = ()
    kind: str = ""


class Session:
    """This process's entry in the store: the spans of time of its search, kept up to date by beats.

    The budget's hours are the time in which at least one process searched: two processes do not use them twice as
    fast, and a night between a crash and the next run is not used at all.

    Attributes:
        requests: what people have asked of the study, as of the last look.
    """

    def __init__(
        self,
        study: "optuna.Study",
        claims: Claims,
        clock: Clock | None = None,
        *,
        proves: bool = False,
        artifacts: str | None = None,
        machine: MachineCard | None = None,
    ) -> None:
        """Enter the study; to be called while no other process chooses.

        Args:
            study: the study.
            claims: of this process.
            clock: for the spans; None: the one that all processes go by.
            proves: whether this process is `automl prove`, whose time is none of the budget's.
            artifacts: where every machine finds the study's files, whatever its folder; None: in its folder alone.
            machine: what it trains on.

        Raises:
            StoreError: another process searches the study, or did a minute ago, where claims do not reach.
        """
        self._study, self._claims, self._proves, self._machine = study, claims, proves, machine
        self._clock, self._artifacts = clock or claims.time_s, artifacts
        self._sessions = StudyRecord.of(study).sessions
        for key, session in self._sessions.items():
            lately = not session.ended and self._clock() - session.spans[-1][1] < LATELY_S
            if lately and not self._reaches(key, session):
                there = f"'{session.folder}' of {session.host}"
                raise StoreError(
                    f"store: study '{study.study_name}' is being searched in {there}, or was a minute ago; all "
                    f"processes of a study share its folder: set store.folder=... alike, {self._way_out}or wait a "
                    "minute"
                )
        self.key = max(self._sessions, default=-1) + 1
        self._spans: list[Span] = []
        self._asleep = True
        self._beat_at = 0.0
        self._ended = False
        self._work: list[WorkRecord] = []
        self._work_of: Callable[[], Sequence[WorkRecord]] = list
        self._launch, self._code = os.environ.get(LAUNCH, ""), os.environ.get(CODE, "")
        self._asked_at, self._work_at = self._clock() + ASKED_EVERY_S, self._clock() + WORK_EVERY_S
        self.requests, self._heeds_pause = StudyRecord.asked_of(study).requests, False
        self._waits = False  # the last span is of no length, and shows when this process was seen waiting
        claims.enter(self.key)
        self.beat(now=True)

    def beat(self, *, now: bool = False, work: Callable[[], Sequence[WorkRecord]] | None = None) -> None:
        """Record that this process lives and searches; written every BEAT_EVERY_S, or now. Reads the others' beats.

        Args:
            now: whether it is written now.
            work: returns what this process does, from now on; other trials than before are recorded soon.

        Raises:
            AskedToEnd: somebody asks this process to end.
            AskedToPause: somebody has paused the search; inside of `pausable` alone.
        """
        self._work_of = work or self._work_of
        time_s = self._extend()
        if not self._ended:
            if not 0 <= self._work_at - time_s <= WORK_EVERY_S:
                self._work_at = time_s + WORK_EVERY_S
                now |= self._follow_work()
            self._look(time_s)
        if now or time_s >= self._beat_at:
            self._store(time_s)

    def wait(self) -> None:
        """Record that this process lives and waits: that time is not searched. Looks at what people ask, as a beat.

        Raises:
            AskedToEnd: somebody asks this process to end.
            AskedToPause: somebody has paused the search; inside of `pausable` alone.
        """
        time_s, self._asleep = self._clock(), True
        self._look(time_s)
        if not self._waits or not 0 <= self._beat_at - time_s <= BEAT_EVERY_S:
            self._spans[-1 if self._waits else len(self._spans) :] = [[time_s, time_s]]
            self._waits, self._work = True, list(self._work_of())
            self._store(time_s)

    def look_now(self) -> None:
        """Look at what people ask.

        Raises:
            AskedToEnd: somebody asks this process to end.
        """
        self._asked_at = self._clock()
        self._look(self._asked_at)

    @contextmanager
    def pausable(self) -> Iterator[None]:
        """Have beats raise where the search is paused, here inside: whoever enters is ready for it anywhere."""
        self._heeds_pause = True
        try:
            yield
        finally:
            self._heeds_pause = False

    def end(self) -> None:
        """Record that this process searches no more."""
        self._ended, self._work = True, []
        self.beat(now=True)

    def sleep(self) -> None:
        """Note that this process waits until its next beat: that time is not searched."""
        self._asleep = True

    def searched_s(self) -> float:
        """Return the wall-clock seconds in which at least one process searched."""
        if not self._asleep:
            self._extend()
        searches = (session for key, session in self._sessions.items() if key != self.key and not session.proves)
        others = (span for session in searches for span in session.spans)
        return covered_s([*others, *([] if self._proves else self._spans)])

    def is_alone(self) -> bool:
        """Whether no other process that searches the study lives; call it while no other process chooses."""
        others = StudyRecord.of(self._study).sessions.keys() - {self.key}
        return not self._claims.living_sessions(others)

    def seen(self, trials: tuple[int, ...]) -> list[SessionSeen]:
        """Return this process, which works on `trials`, and the others that live or have died lately."""
        return seen_of(self._sessions, self._claims, self._clock(), self.key, trials)

    def _follow_work(self) -> bool:
        """Note what this process does; return whether it works on other trials than before."""
        before, self._work = self._work, list(self._work_of())
        return [of.trial for of in before] != [of.trial for of in self._work]

    def _look(self, time_s: float) -> None:
        """Look at what people ask, where it is time to.

        Raises:
            AskedToEnd: somebody asks this process to end.
            AskedToPause: somebody has paused the search, and it is heeded here.
        """
        if 0 < self._asked_at - time_s <= ASKED_EVERY_S:
            return
        self._asked_at = time_s + ASKED_EVERY_S
        asked = StudyRecord.asked_of(self._study)
        if asked.requests != self.requests:
            self.requests = asked.requests
        if str(self.key) in asked.asked_to_end or (self._launch and self._launch in asked.asked_to_end):
            raise AskedToEnd("asked to end")
        if self._heeds_pause and self.requests.pause is not None:
            raise AskedToPause

    def _store(self, time_s: float) -> None:
        """Store this process's entry, and read the others'."""
        self._beat_at = time_s + BEAT_EVERY_S
        folder = str(self._claims.folder)
        own = SessionRecord(
            socket.gethostname(), os.getpid(), folder, self._spans, self._ended, self._proves, self._machine
        )
        own = replace(own, work=self._work, launch=self._launch, code=self._code)
        StudyWriter(self._study).session(self.key, own)
        self._sessions = StudyRecord.of(self._study).sessions

    @property
    def _way_out(self) -> str:
        return "or store.artifacts=... for folders of their own, " if self._claims.reach_other_machines else ""

    def _reaches(self, key: int, session: SessionRecord) -> bool:
        """Whether another process's claims, and its files, are in this one's reach."""
        if self._claims.reach_other_machines and self._artifacts:
            return True
        if session.folder != str(self._claims.folder):
            return False
        return session.host == socket.gethostname() or self._claims.shares_folder(key)  # else a disk of the same name

    def _extend(self) -> float:
        """Let the last span reach to now; begin another after a sleep, and where the clock was set back."""
        time_s = self._clock()
        if self._asleep or not 0 <= time_s - self._spans[-1][1] <= GAP_S:
            self._spans.append([time_s, time_s])
            self._beat_at = 0.0
        self._spans[-1][1] = time_s
        self._asleep = self._waits = False
        return time_s


def seen_of(
    sessions: Mapping[int, SessionRecord],
    claims: Claims,
    now_s: float,
    own: int | None = None,
    trials: tuple[int, ...] = (),
) -> list[SessionSeen]:
    """Return the searching processes of a study that live or have died lately.

    Args:
        sessions: all that ever entered, by their keys.
        claims: of the asking process.
        now_s: the moment, in seconds since 1970.
        own: key of the asking process, which works on `trials`; None for one that does not search.
        trials: its trials.
    """
    living = claims.living_sessions(sessions)
    return [
        SessionSeen(
            key=str(key),
            host=session.host,
            pid=session.pid,
            alive=alive,
            silent_s=silent_s,
            trials=trials if key == own else tuple(of.trial for of in session.work),
            own=key == own,
            work=tuple(session.work),
            kind=session.machine.kind if session.machine else "",
        )
        for key, session in sorted(sessions.items())
        for alive in [key == own or key in living]
        for silent_s in [max(0.0, now_s - session.spans[-1][1])]
        if alive or silent_s < FORGOTTEN_S
    ]


def covered_s(spans: Iterable[Sequence[float]]) -> float:
    """Return the length of the union of spans of time."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted((span[0], span[1]) for span in spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
