"""A study's own attributes: the one place that reads and writes attributes by their keys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from objectives.machine.card import MachineCard
from objectives.records import attributes as keys
from objectives.records.children import ChildrenReport
from objectives.records.gate import Gate
from objectives.records.proof import ProofRecord, SplitLook
from objectives.records.reading import mapping, named_records, record, records
from objectives.records.records import Latency, Record
from objectives.records.stored.rows import attributes_under
from objectives.records.study_parts.parts import ExperienceRecord, MeasuredRecord, WorkRecord
from objectives.records.study_parts.requests import RequestRecord, Requests

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class SessionRecord(Record):
    """A searching process.

    Attributes:
        host: of the machine.
        pid: of the process.
        folder: of the study, as that process sees it.
        spans: begin and end of each span of time in which it searched, in seconds since 1970.
        ended: whether it has left the study.
        proves: whether it is `automl prove`, whose time is none of the budget's.
        machine: what it trains on; None where an older version did not record it.
        work: what it does with its trials, as of some seconds ago.
        launch: names the command that started it as a worker of a cluster; empty for none.
        code: of a worker: version of its automl, and commit where that runs from a checkout.
    """

    host: str
    pid: int
    folder: str
    spans: list[list[float]]
    ended: bool = False
    proves: bool = False
    machine: MachineCard | None = None
    work: list[WorkRecord] = field(default_factory=list)
    launch: str = ""
    code: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a mapping of JSON values; one that does nothing just now says nothing of it."""
        return {name: value for name, value in super().to_json().items() if name != "work" or value}


@dataclass(frozen=True)
class StudyRecord:
    """What a study says of itself; what another version wrote and this one cannot read is left aside."""

    attributes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, study: "optuna.Study") -> "StudyRecord":
        """Read a study's attributes as the store holds them now."""
        return cls(study._storage.get_study_user_attrs(study._study_id))  # the study's own property copies them

    @classmethod
    def asked_of(cls, study: "optuna.Study") -> "StudyRecord":
        """Read what people ask of a study's processes, and nothing else of it: cheap enough to do it every second."""
        return cls(attributes_under(study, (keys.REQUEST, keys.ASKED_TO_END)))

    @property
    def version(self) -> int | None:
        """The version of the writer; None for a study that is not whole, or not automl's."""
        written: int | None = self.attributes.get(keys.STUDY_VERSION)
        return written

    @property
    def is_untouched(self) -> bool:
        """Whether nothing speaks against a study that automl began to make: no version, no fork, no other program."""
        strange = any(not key.startswith(keys.PREFIX) for key in self.attributes)
        return self.version is None and not self.is_fork and not strange

    @property
    def is_fork(self) -> bool:
        """Whether the study was forked from another one."""
        return keys.FORKED in self.attributes

    @property
    def forked(self) -> Mapping[str, Any]:
        """Of a fork: name of the old study, trials kept and left out."""
        return mapping(self.attributes.get(keys.FORKED))

    @property
    def settings(self) -> Mapping[str, Any]:
        """Resolved settings, nested."""
        return mapping(self.attributes.get(keys.SETTINGS))

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Seed, versions of packages, commits of automl and of the user's code, created (ISO 8601), command."""
        return mapping(self.attributes.get(keys.PROVENANCE))

    @property
    def fingerprints(self) -> Mapping[str, Any]:
        """Part of the contract -> text that names the part."""
        return mapping(self.attributes.get(keys.FINGERPRINTS))

    @property
    def device(self) -> Mapping[str, Any]:
        """Description of the device, flat."""
        return mapping(self.attributes.get(keys.DEVICE))

    @property
    def devices(self) -> Mapping[str, Mapping[str, Any]]:
        """Name of each device but the first -> its description, flat; empty for a study of one device."""
        return {name: mapping(found) for name, found in mapping(self.attributes.get(keys.DEVICES)).items()}

    @property
    def data(self) -> Mapping[str, Any]:
        """Name, root, classes, and per split: images, boxes."""
        return mapping(self.attributes.get(keys.DATA))

    @cached_property
    def gate(self) -> Gate:
        """The gate as far as this version knows its bounds; an older automl let it change on the way."""
        return msgspec.convert(dict(mapping(self.attributes.get(keys.GATE))), Gate)

    @property
    def plan(self) -> Mapping[str, Any]:
        """What was timed before the first trial, as JSON; empty if nothing was."""
        return mapping(self.attributes.get(keys.PLAN))

    @property
    def experience(self) -> ExperienceRecord | None:
        """What the study started from; None for nothing."""
        return record(ExperienceRecord, self.attributes.get(keys.EXPERIENCE))

    @cached_property
    def removed(self) -> Mapping[int, tuple[str, ...]]:
        """Number of a trial -> names of the files that were removed from its folder; the store has names -> numbers."""
        found: dict[int, tuple[str, ...]] = {}
        for names, numbers in mapping(self.attributes.get(keys.REMOVED)).items():
            for number in numbers if isinstance(numbers, list) else ():
                if isinstance(number, int):
                    found[number] = (*found.get(number, ()), *str(names).split())
        return found

    @cached_property
    def sessions(self) -> Mapping[int, SessionRecord]:
        """The searching processes that ever entered, by their keys."""
        entries = ((name, record(SessionRecord, value)) for name, value in self._under(keys.SESSION))
        return {int(name): session for name, session in entries if session and name.isdecimal()}

    @property
    def asked_to_end(self) -> frozenset[str]:
        """Keys of the searching processes, and names of the launches, that were asked to end."""
        return frozenset(name for name, asked in self._under(keys.ASKED_TO_END) if asked is True)

    @cached_property
    def requests(self) -> Requests:
        """What people have asked of the study."""
        return Requests.of(self._under(keys.REQUEST))

    def measured(self, known: Mapping[str, Any] | None = None) -> Iterator[tuple[str, MeasuredRecord]]:
        """Yield architecture's key and what was measured ahead of trials; those under keys of `known` are left out."""
        for name, value in self._under(keys.MEASURED):
            if known is None or name not in known:
                found = record(MeasuredRecord, value)
                if found is not None:
                    yield name, found

    def looks(self, parent: int) -> Iterator[ChildrenReport]:
        """Yield what was seen of the children of an elastic training, beside those that are trials."""
        for _, value in sorted(self._under(f"{keys.LOOKS}{parent}."), key=lambda pair: int(pair[0])):
            if (found := record(ChildrenReport, value)) is not None:
                yield found

    @property
    def looks_count(self) -> int:
        """Number of children that were looked at, over all elastic trainings."""
        found = (record(ChildrenReport, value) for _, value in self._under(keys.LOOKS))
        return sum(len(report.looks) for report in found if report)

    @cached_property
    def measured_fully(self) -> Mapping[int, Latency]:
        """Number of a trial with a quick latency figure -> its figure by the full protocol, where there is one."""
        found = ((int(name), record(Latency, value)) for name, value in self._under(keys.MEASURED_FULLY))
        return {number: latency for number, latency in found if latency}

    @cached_property
    def measured_fully_on(self) -> Mapping[int, Mapping[str, Latency]]:
        """Number of a trial -> further device -> its figure there by the full protocol, where there is one."""
        return {int(name): named_records(Latency, value) for name, value in self._under(keys.MEASURED_FULLY_ON)}

    @cached_property
    def proof(self) -> ProofRecord | None:
        """The proof that was begun last; None if there was none."""
        return record(ProofRecord, self.attributes.get(keys.PROOF))

    @cached_property
    def test_looks(self) -> tuple[SplitLook, ...]:
        """Each time that detectors of the study were scored on the test split, in order."""
        return records(SplitLook, self.attributes.get(keys.TEST_LOOKS))

    def _under(self, prefix: str) -> Iterator[tuple[str, Any]]:
        return ((k.removeprefix(prefix), value) for k, value in self.attributes.items() if k.startswith(prefix))


class StudyWriter:
    """Writes a study's own attributes."""

    def __init__(self, study: "optuna.Study") -> None:
        self._study = study

    def whole(
        self,
        *,
        settings: Mapping[str, Any],
        provenance: Mapping[str, Any],
        fingerprints: Mapping[str, str],
        device: Mapping[str, Any],
        data: Mapping[str, Any],
        gate: Gate,
        devices: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Store what a study is a study of; the version last: with it the study is whole.

        An older automl would leave out the figures of `devices`, the descriptions of all but the first: it refuses the
        study for its version.
        """
        self._set(keys.SETTINGS, settings)
        self._set(keys.PROVENANCE, provenance)
        self._set(keys.FINGERPRINTS, fingerprints)
        self._set(keys.DEVICE, device)
        self._set(keys.DATA, data)
        self._set(keys.GATE, gate.to_json())
        if devices:
            self._set(keys.DEVICES, devices)
        self._set(keys.STUDY_VERSION, keys.VERSION if devices else keys.OF_ONE_DEVICE)

    def contract(self, gate: Gate, fingerprints: Mapping[str, str]) -> None:
        """Store parts of the contract that an older automl did not keep."""
        self._set(keys.GATE, gate.to_json())
        self._set(keys.FINGERPRINTS, fingerprints)

    def data(self, card: Mapping[str, Any]) -> None:
        """Store where a data set of equal contents lies now."""
        self._set(keys.DATA, card)

    def plan(self, plan: Record) -> None:
        """Store what was timed before the first trial."""
        self._set(keys.PLAN, plan.to_json())

    def experience(self, experience: ExperienceRecord) -> None:
        """Store what the study starts from."""
        self._set(keys.EXPERIENCE, experience.to_json())

    def forked(self, old: str, kept: int, left_out: Mapping[str, int]) -> None:
        """Store where a fork comes from, how many trials it has kept, and reason -> number of the others."""
        self._set(keys.FORKED, {"from": old, "kept": kept, "left_out": dict(left_out)})

    def session(self, key: int, session: SessionRecord) -> None:
        """Store when a searching process was at work."""
        self._set(f"{keys.SESSION}{key}", session.to_json())

    def ask_to_end(self, key: int | str) -> None:
        """Ask a searching process by its key, or all of a launch by its name, to end; no process writes this key."""
        self._set(f"{keys.ASKED_TO_END}{key}", True)

    def request(self, asked: RequestRecord) -> None:
        """Store what somebody asks; under a key of its own, so that two who ask at once do not lose a word."""
        number = StudyRecord.asked_of(self._study).requests.next_number
        self._set(f"{keys.REQUEST}{number:06d}-{uuid4().hex[:8]}", asked.to_json())

    def measured(self, key: str, measured: MeasuredRecord) -> None:
        """Store what was measured of an architecture, by its key."""
        self._set(f"{keys.MEASURED}{key}", measured.to_json())

    def looks(self, parent: int, report: ChildrenReport) -> None:
        """Store what was seen of a parent's children; the number of reports before names the attribute."""
        count = sum(1 for _ in StudyRecord.of(self._study).looks(parent))
        self._set(f"{keys.LOOKS}{parent}.{count}", replace(report, scored=()).to_json())

    def measured_fully(self, number: int, latency: Latency) -> None:
        """Store a trial's latency by the full protocol; in the study, since ended trials cannot be written."""
        self._set(f"{keys.MEASURED_FULLY}{number}", latency.to_json())

    def measured_fully_on(self, number: int, device: str, latency: Latency) -> None:
        """Store a trial's latency on a further device by the full protocol."""
        known = StudyRecord.of(self._study).measured_fully_on.get(number, {})
        figures = {name: found.to_json() for name, found in {**known, device: latency}.items()}
        self._set(f"{keys.MEASURED_FULLY_ON}{number}", figures)

    def removed(self, files: Mapping[int, tuple[str, ...]]) -> None:
        """Add files that were removed from trials' folders; in the study, since ended trials cannot be written."""
        kept = mapping(StudyRecord.of(self._study).attributes.get(keys.REMOVED))
        stored = {names: list(numbers) for names, numbers in kept.items()}
        for number, names in files.items():
            key = " ".join(names)
            stored[key] = sorted({*stored.get(key, []), number})
        if files:
            self._set(keys.REMOVED, stored)

    def proof(self, proof: ProofRecord) -> None:
        """Store what a proof that begins is made of; trainings of an earlier one stay trials."""
        self._set(keys.PROOF, proof.to_json())

    def test_look(self, look: SplitLook) -> None:
        """Store that the test split was looked at."""
        self._set(keys.TEST_LOOKS, [*(before.to_json() for before in self._test_looks()), look.to_json()])

    def _test_looks(self) -> tuple[SplitLook, ...]:
        return StudyRecord.of(self._study).test_looks

    def _set(self, key: str, value: Any) -> None:
        self._study.set_user_attr(key, dict(value) if isinstance(value, Mapping) else value)
