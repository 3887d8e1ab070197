"""What people ask of a study that is searched, as its attributes keep it: each request once, in order, for good."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from objectives.records.reading import record
from objectives.records.records import Record

PAUSE, GO_ON, STOP, TRY, NOTE = "pause", "continue", "stop", "try", "note"
STOPPED_BY = "stopped by "  # what the reason of a trial that somebody has stopped begins with; who, and why, follow


@dataclass(frozen=True)
class RequestRecord(Record):
    """One thing that somebody has asked.

    Attributes:
        action: PAUSE, GO_ON, STOP, TRY or NOTE.
        who: asked, as "anna@box": user and machine.
        at_s: when, in seconds since 1970, by the clock of that machine.
        trial: number of the trial that is meant; of a candidate, the number that it got.
        text: why, or the note.
        like: number of the trial whose choices fill a candidate.
        choices: of a candidate, as they were queued: dimension -> value.
    """

    action: str
    who: str
    at_s: float
    trial: int | None = None
    text: str = ""
    like: int | None = None
    choices: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a mapping of JSON values; what this action has none of is left out."""
        return {name: value for name, value in super().to_json().items() if value not in (None, "", {})}


@dataclass(frozen=True)
class Requests:
    """All that was asked of a study.

    Attributes:
        by_key: what the store has them under, in the order in which they were asked.
    """

    by_key: Mapping[str, RequestRecord] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Iterable[tuple[str, Any]]) -> "Requests":
        """Read keys and values in any order; what this version cannot read is left aside."""
        found = ((key, record(RequestRecord, value)) for key, value in sorted(stored))
        return cls({key: one for key, one in found if one is not None})

    @property
    def next_number(self) -> int:
        """The number that the key of the next request begins with: above those of all that whoever asks has seen."""
        numbers = (key.partition("-")[0] for key in self.by_key)
        return 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1)

    @cached_property
    def pause(self) -> RequestRecord | None:
        """The request by which the search is paused; None while it is not."""
        said = [one for one in self.by_key.values() if one.action in (PAUSE, GO_ON)]
        return said[-1] if said and said[-1].action == PAUSE else None

    @cached_property
    def stops(self) -> Mapping[int, RequestRecord]:
        """Number of a trial -> the first request to stop it, whether it has ended by now or not."""
        found: dict[int, RequestRecord] = {}
        for one in self.by_key.values():
            if one.action == STOP and one.trial is not None:
                found.setdefault(one.trial, one)
        return found

    @cached_property
    def notes(self) -> Mapping[int, str]:
        """Number of a trial -> the note on it, the last that was made; one that was taken away is left out."""
        last = {one.trial: one.text for one in self.by_key.values() if one.action == NOTE and one.trial is not None}
        return {number: text for number, text in last.items() if text}
