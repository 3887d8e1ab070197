"""A search as JSON, one object a line, for other programs; docs/events.md lists the events and their fields."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeAlias

from rich.console import Console

from objectives.records.children import ChildrenReport
from objectives.records.records import Ending, Latency, Rung
from objectives.records.study_parts.requests import RequestRecord
from reports.table.families import FamilyRow
from reports.table.on_device import tables_of
from reports.table.proof.contestants import read_proof
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import judge
from reports.table.words import architecture
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.sessions import SessionSeen
from search.view.base import View
from search.view.words import remaining_s, write_line
from spaces.candidate import Candidate
from spaces.network.family import Family

Json: TypeAlias = "str | int | float | Sequence[Json] | Mapping[str, Json] | None"


class JsonView(View):
    """Every event as one line of JSON; nothing else may be written to the same stream."""

    progress_every_s = 10.0  # of one trial
    budget_every_s = 60.0

    def __init__(self, console: Console, settings: Settings) -> None:
        """Prepare to write a search's events to a console's file."""
        self.console, self.settings = console, settings
        self._waits = ""
        self._emitted_s: dict[int, float] = {}  # trial to when its progress was last emitted
        self._budget_emitted_s = -math.inf
        self._sessions_emitted: Json = None

    def begin(self, table: StudyTable, used: BudgetUsed) -> None:
        """Emit what was there already."""
        budget = self.settings.budget
        self._event(
            "search_started",
            trials_max=budget.trials,
            hours_max=budget.hours,
            workers=self.settings.workers,
            **self._used(used),
            **_standings(table),
        )

    def trial_started(
        self, number: int, candidate: Candidate, epochs: int, rungs: Sequence[Rung] | None = None
    ) -> None:
        """Emit the choices of the trial."""
        self._event(
            "trial_started",
            trial=number,
            detector=architecture(candidate),
            candidate=candidate.to_json(),
            epochs=epochs,
            goes_on=rungs is not None,
            epochs_done=rungs[-1].epoch if rungs else 0,
        )

    def stage(self, number: int, name: str) -> None:
        """Emit the stage."""
        self._event("stage", trial=number, stage=name)

    def progress(self, number: int, epoch: int, share: float) -> None:
        """Emit the epoch, now and then."""
        if time.monotonic() - self._emitted_s.get(number, -math.inf) >= self.progress_every_s:
            self._emitted_s[number] = time.monotonic()
            self._event("progress", trial=number, epoch=epoch, share=share)

    def latency(self, number: int, latency: Latency, *, trained: bool) -> None:
        """Emit the whole measurement."""
        named = {"device_name": self.settings.device.name} if self.settings.devices else {}
        self._event("latency", trial=number, trained=trained, **named, **latency.to_json())

    def latency_on(self, number: int, device: str, latency: Latency, *, trained: bool) -> None:
        """Emit the whole measurement on a further device."""
        self._event("latency", trial=number, trained=trained, device_name=device, **latency.to_json())

    def rung(self, number: int, rung: Rung) -> None:
        """Emit what was seen at the rung."""
        self._event("rung", trial=number, **rung.to_json())

    def decision(self, number: int, decision: str, why: str) -> None:
        """Emit the decision and why."""
        self._event("decision", trial=number, decision=str(decision), why=why)

    def attempt(self, number: int, end: Ending) -> None:
        """Emit what the trial died of, and what was there then."""
        death = {} if end.death is None else asdict(end.death)
        names = ("seconds", "peak_bytes", "processes", "memory_free_bytes", "disk_free_bytes")
        self._event(
            "attempt",
            trial=number,
            error_class=str(end.error_class),
            reason=end.reason,
            **{name: death.get(name) for name in names},
        )

    def trial_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """Emit how the trial stands, and what is used and found by now."""
        self._emitted_s.pop(number, None)
        row = table.row(number)
        places = _on_devices(table, (number,)).get(number, {})
        self._event("trial_ended", trial=number, **_row(row), **places, **self._used(used), **_standings(table))

    def children_started(self, number: int, candidate: Candidate, family: Family) -> None:
        """Emit whose children are scored, and what differs between them."""
        detector = architecture(candidate)
        axes = family.to_json()
        self._event("children_started", trial=number, detector=detector, family_size=family.size, family=axes)

    def children_stage(self, number: int, name: str) -> None:
        """Emit the scorer's stage."""
        self._event("children_stage", trial=number, stage=name)

    def children_scored(self, number: int, report: ChildrenReport, table: StudyTable, used: BudgetUsed) -> None:
        """Emit what was looked at and could not be made, and each child that became a trial."""
        looks: Json = [{"choices": look.choices, "map": look.map, "seconds": look.seconds} for look in report.looks]
        failed: Json = [{"choices": child.choices, "reason": child.reason} for child in report.failed]
        newest = _newest(table, number, report)
        places = _on_devices(table, [row.number for row in newest])
        scored = [{"trial": row.number, **_row(row), **places.get(row.number, {})} for row in newest]
        self._event(
            "children_scored",
            trial=number,
            looks=looks,
            failed=failed,
            scored=scored,
            **_family(table, number),
            **self._used(used),
            **_standings(table),
        )

    def children_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """Emit how many children there are by now."""
        family, spent, standings = _family(table, number), self._used(used), _standings(table)
        self._event("children_ended", trial=number, **family, **spent, **standings)

    def asked(self, request: RequestRecord) -> None:
        """Emit who asks what; the reason of `stop` and the text of a note are `text`."""
        at = datetime.fromtimestamp(request.at_s, UTC).isoformat(timespec="milliseconds")
        choices: Json = dict(request.choices)
        said = {"action": request.action, "who": request.who, "asked_at": at, "text": request.text}
        self._event("asked", **said, trial=request.trial, like=request.like, choices=choices)

    def left(self, number: int) -> None:
        """Emit which trial was left."""
        self._emitted_s.pop(number, None)
        self._event("trial_left", trial=number)

    def note(self, text: str) -> None:
        """Emit a note."""
        self._event("note", text=text)

    def warn(self, text: str) -> None:
        """Emit a warning, as a note."""
        self.note(text)

    def waiting(self, text: str) -> None:
        """Emit that the search pauses or goes on."""
        if text != self._waits:
            self._waits = text
            self._event("waiting", waits=bool(text), why=text)

    def sessions(self, sessions: Sequence[SessionSeen]) -> None:
        """Emit who searches, when that has changed."""
        seen_now: Json = [{name: value for name, value in asdict(s).items() if name != "silent_s"} for s in sessions]
        if seen_now != self._sessions_emitted:
            self._sessions_emitted = seen_now
            self._event("sessions", sessions=[asdict(seen) for seen in sessions])

    def budget(self, used: BudgetUsed) -> None:
        """Emit what is used, now and then."""
        if time.monotonic() - self._budget_emitted_s >= self.budget_every_s:
            self._budget_emitted_s = time.monotonic()
            self._event("budget", **self._used(used))

    @contextmanager
    def meanwhile(self, name: str) -> Iterator[None]:
        """Emit when a stage that is no trial's own begins and ends."""
        began_s = time.monotonic()
        self._event("meanwhile_started", stage=name)
        try:
            yield
        finally:
            self._event("meanwhile_ended", stage=name, seconds=round(time.monotonic() - began_s, 3))

    def ended(self, table: StudyTable, used: BudgetUsed, why: str) -> None:
        """Emit why the search ends, and what it has found."""
        places = _on_devices(table, [row.number for row in table.front])
        front = [{"trial": row.number, **_row(row), **places.get(row.number, {})} for row in table.front]
        proof = read_proof(table)
        self._event(
            "search_ended",
            why=why,
            **self._used(used),
            **_standings(table),
            front=front,
            **_fronts(table),
            proof=proof.to_json() if proof else None,
        )

    def _used(self, used: BudgetUsed) -> dict[str, Json]:
        return {
            "trials_used": used.trials,
            "seconds_used": used.seconds,
            "seconds_left": remaining_s(used, self.settings),
        }

    def _event(self, event: str, **fields: Json) -> None:
        time_utc = datetime.now(UTC).isoformat(timespec="milliseconds")
        record = {"time": time_utc, "event": event, "study": self.settings.name, **fields}
        write_line(self.console, json.dumps(_finite(record), allow_nan=False))


def _row(row: TrialRow) -> dict[str, Json]:
    """Return where a trial stands."""
    return {
        "standing": row.standing,
        "child_of": row.parent,
        "polishes": row.polishes,
        "baseline": row.baseline,
        "carried": row.carried.source if row.carried else None,
        "proves": row.proves,
        "seed": row.seed,
        "detector": architecture(row.candidate),
        "epochs_done": row.rungs[-1].epoch if row.rungs else 0,
        "map": row.map if row.map is not None or not row.rungs else row.rungs[-1].map,
        "map50": row.map50 if row.map50 is not None or not row.rungs else row.rungs[-1].map50,
        "p50_ms": row.p50_ms,
        "p95_ms": row.p95_ms,
        "latency_stable": row.stable,
        "on_front": row.on_front,
        "passes_gate": row.passes_gate,
        "error_class": row.ending.error_class if row.ending else "",
        "reason": row.ending.reason if row.ending else "",
    }


def _on_devices(table: StudyTable, numbers: Sequence[int]) -> dict[int, dict[str, Json]]:
    """Return where trials stand on each device of their study; nothing for a study of one device."""
    tables = tables_of(table)
    if len(tables) < 2:
        return {}
    return {number: {"devices": {one.device_name: _place(one.row(number)) for one in tables}} for number in numbers}


def _place(row: TrialRow) -> dict[str, Json]:
    names = ("p50_ms", "p95_ms", "on_front", "passes_gate")
    return {**{name: getattr(row, name) for name in names}, "latency_stable": row.stable}


def _fronts(table: StudyTable) -> dict[str, Json]:
    """Return the trials on each device's front and the one that its gate picks; nothing for a study of one device."""
    tables = tables_of(table)
    if len(tables) < 2:
        return {}
    fronts: Json = {one.device_name: [row.number for row in one.front] for one in tables}
    verdicts = {one.device_name: judge(one) for one in tables}
    picks: Json = {
        name: verdict.row.number if verdict.row and verdict.kind != "misses" else None
        for name, verdict in verdicts.items()
    }
    return {"fronts": fronts, "picks": picks}


def _newest(table: StudyTable, number: int, report: ChildrenReport) -> tuple[TrialRow, ...]:
    """Return the rows of the children that a report made trials."""
    family = table.family(number)
    scored = [child.choices.items() for child in report.scored]
    rows = family.children if family else ()
    return tuple(row for row in rows if any(choices <= row.candidate.items() for choices in scored))


def _family(table: StudyTable, number: int) -> dict[str, Json]:
    """Return how many children of a parent were looked at and scored by now, and how many stand on the front."""
    family = table.family(number) or FamilyRow(number, None)
    scored, members = len(family.children), len(family.on_front)
    return {"children_looked_at": family.looked_at, "children_scored": scored, "children_on_front": members}


def _standings(table: StudyTable) -> dict[str, Json]:
    return {"standings": dict(table.counts), "front_size": len(table.front)}


def _finite(value: Json) -> Json:
    """Return a value without NaN and infinities: JSON has no such numbers, so each becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value
