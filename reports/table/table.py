"""A study as a table: one row a trial, and the places that trials take among the others."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from optuna import Study
from optuna.trial import FrozenTrial

from objectives.records.front import front_mask
from objectives.records.gate import Gate
from objectives.records.reading import uncollected
from objectives.records.records import Outcome
from objectives.records.stored.packed import changed
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase, TrialRecord, read_trial, trial_records
from reports.table.families import FamilyRow, find_families
from reports.table.row import PAUSED, TrialRow, make_row, without_expected_latency
from spaces.errors import AutomlError

UNKNOWN = "unknown"  # the class of a failure that was not recorded


@dataclass(frozen=True)
class StudyTable:
    """A study at one moment: its rows by number, and what it says of itself.

    Of a study of several devices it is as the first one has it; `reports.table.on_device` has the others.

    Attributes:
        record: all that the study says of itself, for what is read of it only where it is shown.
    """

    name: str
    rows: tuple[TrialRow, ...]
    gate: Gate = field(default_factory=Gate)
    device: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    fingerprints: Mapping[str, Any] = field(default_factory=dict)
    forked: Mapping[str, Any] = field(default_factory=dict)
    record: StudyRecord = field(default_factory=StudyRecord, repr=False, compare=False)

    @property
    def paused(self) -> bool:
        """Whether somebody has paused the search."""
        return self.record.requests.pause is not None

    @property
    def device_name(self) -> str:
        """Name of the device that the latencies are of; of several, the one that is named first."""
        return str(self.device.get("name") or "")

    @cached_property
    def finished(self) -> tuple[TrialRow, ...]:
        """Trials with both objectives, measured on the study's device, by number; trainings of a proof are left out."""
        return tuple(row for row in self.rows if _is_fit(row))

    @cached_property
    def front(self) -> tuple[TrialRow, ...]:
        """Members of the front of the search's objectives, the fastest first."""
        members = [row for row in self.finished if row.on_front]
        return tuple(sorted(members, key=lambda row: (row.p50_ms or 0, row.number)))

    @cached_property
    def trainings(self) -> tuple[TrialRow, ...]:
        """Trials that were trained themselves, at least up to a rung, by number."""
        trained = (row for row in self.rows if not (row.is_child or row.is_proof or row.is_carried))
        return tuple(row for row in trained if row.rungs or row.is_measured)

    @cached_property
    def families(self) -> tuple[FamilyRow, ...]:
        """Elastic trainings of which children are known, by number."""
        return find_families(self.rows, self.record)

    def family(self, number: int | None) -> FamilyRow | None:
        """Return the family of the parent of this number, if children of it are known."""
        return next((family for family in self.families if family.number == number), None)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Standing to number of trials; standings without a trial are left out."""
        order = [*(outcome.value for outcome in Outcome), "running", PAUSED, "waiting"]
        found = [row.standing for row in self.rows]
        return {standing: found.count(standing) for standing in order if standing in found}

    @cached_property
    def failures(self) -> Mapping[str, int]:
        """Class of failure to number of trials that it ended, the most frequent first."""
        failed = (row.ending for row in self.rows if row.outcome is Outcome.FAILED)
        return dict(Counter((end and end.error_class) or UNKNOWN for end in failed).most_common())

    @property
    def is_running(self) -> bool:
        """Whether a trial is being worked on."""
        return any(row.phase is Phase.RUNNING for row in self.rows)

    def row(self, number: int) -> TrialRow:
        """Return the trial of this number.

        Raises:
            AutomlError: the study has no such trial.
        """
        for row in self.rows:
            if row.number == number:
                return row
        span = f"0 to {self.rows[-1].number}" if self.rows else "none yet"
        raise AutomlError(f"trial: study '{self.name}' has no trial {number}; its trials: {span}")


@dataclass(frozen=True, slots=True)
class Made:
    """A row, and all that it was made of; only the row is judged anew."""

    record: TrialRecord
    device: str
    removed: tuple[str, ...]
    row: TrialRow
    note: str = ""


_made: "WeakKeyDictionary[Study, dict[int, Made]]" = WeakKeyDictionary()  # rows of ended trials, which never change


def read_study(study: Study, records: Sequence[TrialRecord] | None = None) -> StudyTable:
    """Return the study as it stands now; other processes may be writing to it.

    A search reads its study after every trial: rows of ended trials are made once.

    Args:
        study: the store.
        records: its trials, if they were read just now.
    """
    with uncollected():
        stored = trial_records(study) if records is None else records
        return _table(study.study_name, stored, StudyRecord.of(study), _made.setdefault(study, {}))


def read_trials(name: str, trials: Iterable[FrozenTrial], attributes: Mapping[str, Any]) -> StudyTable:
    """Return the table of these trials of a study with these attributes."""
    return _table(name, [read_trial(trial) for trial in trials], StudyRecord(attributes), {})


def _table(name: str, records: Iterable[TrialRecord], study: StudyRecord, made: dict[int, Made]) -> StudyTable:
    """Return the table of these trials; `made` keeps rows of ended ones."""
    device = str(study.fingerprints.get("device") or "")
    settled = [_settled(trial, study, made) for trial in records]
    removed, notes = study.removed, study.requests.notes
    rows = [_kept_row(t, device, removed.get(t.number, ()), notes.get(t.number, ""), made) for t in settled]
    if study.settings.get("steer") == "worst":
        rows = [without_expected_latency(row) for row in rows]
    gate = study.gate.of_first
    judged = judged_rows(sorted(rows, key=lambda row: row.number), gate)
    for row in judged:
        if row.number in made and made[row.number].row is not row:
            made[row.number] = dataclasses.replace(made[row.number], row=row)
    return StudyTable(
        name=name,
        rows=tuple(judged),
        gate=gate,
        device=study.device,
        data=study.data,
        settings=study.settings,
        provenance=study.provenance,
        fingerprints=study.fingerprints,
        forked=study.forked,
        record=study,
    )


def _settled(trial: TrialRecord, study: StudyRecord, made: Mapping[int, Made]) -> TrialRecord:
    """Return a trial with its latency by the full protocol, where that was measured after its end."""
    latency = study.measured_fully.get(trial.number)
    if latency is None:
        return trial
    known = made.get(trial.number)
    return known.record if known and known.record.measured_fully else trial.settled(latency)


def _kept_row(trial: TrialRecord, device: str, removed: tuple[str, ...], note: str, made: dict[int, Made]) -> TrialRow:
    """Return the row of one trial, as it was made before if it was made of the same."""
    known = made.get(trial.number)
    if known and known.record is trial and (known.device, known.removed, known.note) == (device, removed, note):
        return known.row
    row = make_row(trial, device, removed, note)
    if trial.phase.has_ended:
        made[trial.number] = Made(trial, device, removed, row, note)
    return row


def judged_rows(rows: Sequence[TrialRow], gate: Gate) -> list[TrialRow]:
    """Return the rows with their places: on the front, past the gate."""
    fit = [row for row in rows if _is_fit(row)]
    mask = front_mask([row.map or 0.0 for row in fit], [row.p50_ms or 0.0 for row in fit])
    members = {row.number for row, member in zip(fit, mask, strict=True) if member}
    bounds = gate.bounds  # once for all rows
    passing = {row.number for row in fit if all(bound.judge(row.figures_judged).is_kept for bound in bounds)}
    return [_placed(row, row.number in members, row.number in passing) for row in rows]


def _is_fit(row: TrialRow) -> bool:
    """Whether a row may stand on a front: a candidate of the search, measured on its device."""
    return row.is_measured and not row.other_device and not row.is_proof


def _placed(row: TrialRow, on_front: bool, passes_gate: bool) -> TrialRow:
    """Return the row with these places; most keep theirs from one reading to the next."""
    if row.on_front == on_front and row.passes_gate == passes_gate:
        return row
    return changed(row, on_front=on_front, passes_gate=passes_gate)
