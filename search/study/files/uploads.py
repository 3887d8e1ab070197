"""A thread that uploads what trials leave, so that the search does not wait for it."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from search.study.files.contract import Say
from search.study.files.place import ArtifactsAway
from spaces.errors import StoreError

CHECKPOINT_LOOK_S = 1.0  # between two looks at a trial in training, of whose checkpoints only the last one is kept;
REST_SHARE = 4.0  # at least so many times what the last upload of it took: uploads take the trainings' processor
AGAIN_S, AGAIN_MOST_S = 0.5, 30.0  # until the next attempt, twice as long each time, while the place is away
HEARD_S = 0.2  # between two signs of life of who waits
CLEAN = -1  # in place of a trial's number


class Work(Protocol):
    """What the thread does; all of it may be done again after it has raised ArtifactsAway."""

    def upload(self, number: int, *, at_rest: bool) -> None:
        """Upload what a trial has left since the last time."""

    def clean(self) -> None:
        """Remove objects that nobody needs, as far as there are any."""


class Uploads:
    """One upload at a time: trials that somebody waits for first, then the others in turn."""

    def __init__(self, work: Work, wait_s: float) -> None:
        """Set up; the thread begins with the first work.

        Args:
            work: what is done.
            wait_s: seconds that `flush` waits at most.
        """
        self._work, self._wait_s = work, wait_s
        self._news = threading.Condition()
        self._in_training: dict[int, float] = {}  # number of a trial -> when to look at it, by the monotonic clock
        self._look_at: dict[int, float] = {}  # number of a trial -> when to look at it next, if it is in training
        self._began_at = 0.0  # what is at work
        self._at_rest: dict[int, None] = {}  # numbers that somebody waits for, in order
        self._at_work: tuple[int, bool] | None = None  # a trial's number, CLEAN for cleaning up; whether it is at rest
        self._is_dirty = False
        self._ended = False
        self._again_at, self._pause_s = 0.0, AGAIN_S
        self.trouble = ""  # while the place is away
        self._said = ""
        self._broken: BaseException | None = None
        self._thread: threading.Thread | None = None

    def changed(self, number: int, say: Say) -> None:
        """Look at a trial in training soon; `say` is given a line when the place goes away or comes back."""
        with self._news:
            self._check()
            if number not in self._in_training:
                self._in_training[number] = self._look_at.get(number, 0.0)
                self._begin()
        self._show(say)

    def clean(self) -> None:
        """Remove objects that nobody needs, when there is nothing to upload."""
        with self._news:
            self._is_dirty = True
            self._begin()

    def flush(self, number: int, say: Say, alive: Callable[[], None], seconds: float | None = None) -> None:
        """Wait until all that a trial has left is uploaded.

        Args:
            number: the trial's.
            say: as of `changed`.
            alive: called every HEARD_S.
            seconds: as of `StudyFiles.flush`.

        Raises:
            StoreError: the place is away for too long.
        """
        until = time.monotonic() + (self._wait_s if seconds is None else seconds)
        with self._news:
            self._in_training.pop(number, None)
            self._at_rest[number] = None
            self._again_at = 0.0  # whoever waits wants to know now
            self._begin()
        while True:
            with self._news:
                self._news.wait_for(lambda: number not in self._at_rest or self._broken, HEARD_S)
                self._check()
                if number not in self._at_rest:
                    break
                if time.monotonic() > until:
                    del self._at_rest[number]
                    self._give_up(seconds)
                    return
            self._show(say)
            alive()
        self._show(say)

    def drop(self, number: int) -> None:
        """Upload no more of a trial; wait for an upload of it that is under way to be noticed as lost."""
        with self._news:
            self._in_training.pop(number, None)
            self._look_at.pop(number, None)
            self._at_rest.pop(number, None)

    def close(self, seconds: float) -> None:
        """Do what is left to clean up, for so many seconds at most, and end."""
        until = time.monotonic() + seconds
        with self._news:
            self._in_training.clear()
            if self._thread is not None and not self.trouble and self._broken is None:
                self._news.wait_for(lambda: self._is_idle() or self.trouble or self._broken, until - time.monotonic())
            self._ended = True
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join(max(0.0, until - time.monotonic()))

    def _give_up(self, seconds: float | None) -> None:
        if seconds is None:
            why = self.trouble or "files: an upload did not end"
            raise StoreError(
                f"{why}, for {self._wait_s:.0f} s (store.wait_s); what is not uploaded lies in the study's folder, "
                "and the same line goes on"
            )

    def _check(self) -> None:
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken

    def _show(self, say: Say) -> None:
        if bool(self.trouble) != bool(self._said):
            self._said = self.trouble
            say(f"{self.trouble}; trials go on, uploads wait" if self.trouble else "files: uploads go on")

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
            self._thread.start()
        self._news.notify_all()

    def _is_idle(self) -> bool:
        return self._at_work is None and not self._at_rest and not self._is_dirty

    def _run(self) -> None:
        while True:
            with self._news:
                while (turn := self._next()) is None and not self._ended:
                    self._news.wait(self._pause())
                if self._ended:
                    return
                assert turn is not None
                self._at_work = number, at_rest = turn
                self._began_at = time.monotonic()
            try:
                if number == CLEAN:
                    self._work.clean()
                else:
                    self._work.upload(number, at_rest=at_rest)
            except ArtifactsAway as away:
                self._went_wrong(str(away))
            except BaseException as error:  # whoever uses this thread is given it
                self._ended_well(broken=error)
            else:
                self._ended_well()

    def _next(self) -> tuple[int, bool] | None:
        """Return what to do now, as of `_at_work`."""
        now = time.monotonic()
        if now < self._again_at:
            return None
        if self._at_rest:
            return next(iter(self._at_rest)), True
        due = [number for number, at in self._in_training.items() if at <= now]
        if due:
            self._in_training.pop(due[0])
            return due[0], False
        return (CLEAN, False) if self._is_dirty else None

    def _pause(self) -> float | None:
        """Return the seconds until there may be something to do; None for until somebody says so."""
        now = time.monotonic()
        times = [*self._in_training.values(), *([now] if self._at_rest or self._is_dirty else [])]
        return max(0.0, min(times) - now, self._again_at - now) if times else None

    def _went_wrong(self, why: str) -> None:
        with self._news:
            self.trouble = why
            self._again_at = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, AGAIN_MOST_S)
            self._at_work = None
            self._news.notify_all()

    def _ended_well(self, broken: BaseException | None = None) -> None:
        with self._news:
            done, self._at_work = self._at_work, None
            assert done is not None
            number, at_rest = done
            if number == CLEAN:
                self._is_dirty = False
            elif at_rest:
                self._at_rest.pop(number, None)
                self._look_at.pop(number, None)
            else:
                took_s = time.monotonic() - self._began_at
                self._look_at[number] = time.monotonic() + max(CHECKPOINT_LOOK_S, REST_SHARE * took_s)
            self._broken = broken
            if broken is None:
                self.trouble, self._pause_s = "", AGAIN_S
            self._news.notify_all()
