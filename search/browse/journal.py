"""What was published of a study, revision by revision: a reader who has one is sent what came after it."""

import json
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.page.payload import script_json
from search.browse.patch import patch_of
from search.browse.reading import FreshReading, ReaderView

CHANGES_BYTES_MOST = 8_000_000  # of changes that are kept; a reader who has been away for longer is sent everything


@dataclass(frozen=True)
class PublishedStep:
    """One step from one revision to the next: JSON of each device's view."""

    revision: int
    texts: tuple[str, ...]


class Journal:
    """The latest views of a study, and the steps that led there.

    Revisions rise, also from one process to the next on a machine: the first is the time in milliseconds.
    """

    def __init__(self) -> None:
        self._views: Sequence[ReaderView] = ()
        self._changes: deque[PublishedStep] = deque()
        self._lock = threading.Lock()
        self._first = self.revision = 0
        self._state, self._note = "", ""

    @property
    def news(self) -> dict[str, Any]:
        """The revision, how the study stands, and a note on that."""
        return {"revision": self.revision, "state": self._state, "note": self._note}

    @property
    def is_away(self) -> bool:
        """Whether the store could not be read just now."""
        return self._state in ("away", "gone")

    def state(self, state: str, note: str) -> None:
        """Note how the study stands now."""
        with self._lock:
            self._state, self._note = state, note

    def clear(self) -> None:
        """Forget what was published: another study comes, or none."""
        with self._lock:
            self._views = ()

    def holds(self, since: int | None) -> bool:
        """Whether there is something to answer with at all."""
        return bool(self._views) and not self.is_away and (since is None or since <= self.revision)

    def publish(self, found: FreshReading) -> None:
        """Take a study as it was read just now; a new revision if anything differs."""
        with self._lock:
            self._state, self._note = found.state, found.note
            if not self._views or len(self._views) != len(found.views) or _is_shorter(found.views[0], self._views[0]):
                self._begin(found.views)
                return
            steps = [step_of(before, after) for before, after in zip(self._views, found.views, strict=True)]
            self._views = found.views
            if any(steps):
                self.revision += 1
                self._changes.append(PublishedStep(self.revision, tuple(script_json(step) for step in steps)))
            while sum(len(text) for change in self._changes for text in change.texts) > CHANGES_BYTES_MOST:
                self._first = self._changes.popleft().revision

    def _begin(self, views: Sequence[ReaderView]) -> None:
        self._views = views
        self._changes.clear()
        self._first = self.revision = max(self.revision + 1, time.time_ns() // 1_000_000)

    def answer(self, since: int | None, at: int) -> str:
        """Return as JSON what has changed since a revision, or everything where that is not known any more.

        Args:
            since: a revision; None: everything.
            at: of several devices, which one's view.
        """
        with self._lock:
            head = json.dumps(self.news)[1:-1]
            if since is None or not self._first <= since <= self.revision:
                view = self._views[at]
                return f'{{{head},"whole":{script_json({"report": view.payload, "html": view.html})}}}'
            steps = [change.texts[at] for change in self._changes if change.revision > since]
            return f'{{{head},"changes":[{",".join(steps)}]}}'


def step_of(before: ReaderView, after: ReaderView) -> dict[str, Any]:
    """Return what makes one view of another: rows that differ, a patch of all else, the HTML; empty if nothing does."""
    known = {row["n"]: row for row in before.payload["rows"]}
    rows = [row for row in after.payload["rows"] if not _is_known(row, known.get(row["n"]))]
    patch = patch_of(_beside_rows(before.payload), _beside_rows(after.payload))
    step: dict[str, Any] = {"rows": rows} if rows else {}
    if patch is not None:
        step["report"] = patch
    if after.html != before.html:
        step["html"] = after.html
    return step


def _is_shorter(view: ReaderView, before: ReaderView) -> bool:
    return len(view.payload["rows"]) < len(before.payload["rows"])


def _is_known(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    return row is before or row == before


def _beside_rows(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != "rows"}
