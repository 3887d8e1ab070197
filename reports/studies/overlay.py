"""Studies over one another, as plain data: whether they can be compared, and what each found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from objectives.records.front import Reference, hypervolume_over_trials, reference_for
from objectives.records.reading import mapping
from reports.analysis.history import WorkClock
from reports.table.on_device import DEVICE_PART, on_device
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from spaces.errors import AutomlError

MOST = 8  # marks and colours that can be told from one another
KEY_SHOWN = 16  # characters of a fingerprint
SCORED_ON = "scored on "  # in the contract's part "training", before what accuracies are of
MAY_DIFFER = {  # parts of the contract that may differ: each is said
    "training": "length or seed of training",
    "trainer": "versions of the trainer",
    "weights": "weights that trainings start from",
    "gate": "gate: each pick is by the study's own",
    "space": "search space",
}


@dataclass(frozen=True)
class VolumeStep:
    """The hypervolume of a study after so many seconds of work."""

    seconds: float
    hypervolume: float


@dataclass(frozen=True)
class Overlay:
    """Studies that can be compared, each as the one device has it.

    Attributes:
        tables: the studies, in the order asked for.
        device: name of the device.
        devices: names of all devices that the studies share.
        reference: the box in which the hypervolumes of all are counted.
        volumes: of each study, how its hypervolume grew.
        notes: what differs between the studies beside what must not.
    """

    tables: tuple[StudyTable, ...]
    device: str
    devices: tuple[str, ...]
    reference: Reference | None
    volumes: tuple[tuple[VolumeStep, ...], ...]
    notes: tuple[str, ...]


def lay_over(tables: Sequence[StudyTable], device: str = "") -> Overlay:
    """Return the studies over one another.

    Args:
        tables: two to MOST studies.
        device: name of one that all have; empty for the first such.

    Raises:
        AutomlError: they cannot be compared; the line says what differs.
    """
    if hindrance := hindrance_of(tables):
        raise AutomlError(hindrance)
    shared = shared_devices(tables)
    if device and device not in shared:
        raise AutomlError(f"over: no device '{device}' that all of these studies have; they share {', '.join(shared)}")
    chosen = device or next(iter(shared))
    on_it = tuple(on_device(table, name) for table, name in zip(tables, shared[chosen], strict=True))
    latencies = [row.p50_ms for table in on_it for row in table.finished if row.p50_ms is not None]
    reference = reference_for(latencies)
    return Overlay(
        tables=on_it,
        device=chosen,
        devices=tuple(shared),
        reference=reference,
        volumes=tuple(volume_steps(table, reference) for table in on_it),
        notes=tuple(differing_words(tables)),
    )


def hindrance_of(tables: Sequence[StudyTable]) -> str:
    """Return in one line why studies cannot be laid over one another; empty where they can."""
    names = [table.name for table in tables]
    if len(set(names)) < 2:
        return f"over: two studies or more are laid over one another, got {', '.join(dict.fromkeys(names)) or 'none'}"
    if len(names) > MOST or len(set(names)) < len(names):
        return f"over: at most {MOST} studies, each once, got {len(names)}"
    if lacking := [table.name for table in tables if not table.fingerprints.get("data")]:
        return f"over: '{lacking[0]}' keeps no fingerprint of its data: what its accuracies are of is not known"
    if lacking := [table.name for table in tables if not table.fingerprints.get("device")]:
        return f"over: '{lacking[0]}' keeps no fingerprint of its device: what its latencies are of is not known"
    first = tables[0]
    for other in tables[1:]:
        pair = f"'{first.name}' and '{other.name}'"
        if first.fingerprints["data"] != other.fingerprints["data"]:
            return f"over: {pair} have other data: {_data_words(first, other)}"
        if (scored := _scored(first)) != _scored(other):
            return f"over: {pair} are scored otherwise: {scored or 'unknown'}, and {_scored(other) or 'unknown'}"
    if shared_devices(tables):
        return ""
    other = next(other for other in tables[1:] if not shared_devices((first, other)) or other is tables[-1])
    return f"over: '{first.name}' and '{other.name}' have other devices: {_device_words(first, other)}"


def shared_devices(tables: Sequence[StudyTable]) -> Mapping[str, tuple[str, ...]]:
    """Return each device that all studies have: its name in the first study, to its name in each of them."""
    named = [{key: name for name, key in _devices(table)} for table in tables]
    keys = [key for key in named[0] if all(key in names for names in named)]
    return {named[0][key]: tuple(names[key] for names in named) for key in keys}


def best_within(front: Sequence[TrialRow], latency_ms: float) -> TrialRow | None:
    """Return the most accurate detector that takes no longer; None where there is none.

    Args:
        front: members, the fastest first.
        latency_ms: the median latency.
    """
    within = [row for row in front if row.p50_ms is not None and row.p50_ms <= latency_ms]
    return within[-1] if within else None


def volume_steps(table: StudyTable, reference: Reference | None) -> tuple[VolumeStep, ...]:
    """Return how a study's hypervolume grew over the time that was worked: each step up, and the last trial's end."""
    ended = [row for row in table.rows if row.finished_at and not row.is_proof]
    ended.sort(key=lambda row: (row.finished_at, row.number))
    if reference is None or not ended:
        return ()
    counts, unknown = {row.number for row in table.finished}, float("nan")
    values = hypervolume_over_trials(
        [row.map if row.map is not None and row.number in counts else unknown for row in ended],
        [row.p50_ms if row.p50_ms is not None and row.number in counts else unknown for row in ended],
        reference,
    )
    clock, steps = WorkClock(ended), [VolumeStep(0.0, 0.0)]
    for row, value in zip(ended, values, strict=True):
        if row.finished_at and (value > steps[-1].hypervolume or row is ended[-1]):
            steps.append(VolumeStep(clock.seconds_until(row.finished_at), value))
    return tuple(steps)


def volume_at(steps: Sequence[VolumeStep], seconds: float) -> float:
    """Return the hypervolume after so many seconds of work."""
    return max((step.hypervolume for step in steps if step.seconds <= seconds), default=0.0)


def differing_words(tables: Sequence[StudyTable]) -> Iterator[str]:
    """Yield what differs between studies that can be compared, and must be known to judge them."""
    for part, words in MAY_DIFFER.items():
        kept = [str(table.fingerprints.get(part) or "") for table in tables]
        if len(set(kept)) < 2:
            continue
        each = "; ".join(f"{table.name}: {text or 'not kept'}" for table, text in zip(tables, kept, strict=True))
        yield f"They differ in the {words}{f' ({each})' if part == 'training' else ''}."


def _devices(table: StudyTable) -> Iterator[tuple[str, str]]:
    """Yield name and fingerprint of each device of a study, the first before the others."""
    yield table.device_name, str(table.fingerprints.get("device") or "")
    for name in table.record.devices:
        if key := str(table.fingerprints.get(f"{DEVICE_PART}{name}") or ""):
            yield name, key


def _scored(table: StudyTable) -> str:
    """Return '`scored on val, 300 detections an image`' of the contract; empty for an older study."""
    _, found, rest = str(table.fingerprints.get("training") or "").partition(SCORED_ON)
    return f"{found}{rest}"


def _data_words(one: StudyTable, other: StudyTable) -> str:
    """Return the two data sets, and what of their cards differs."""
    keys = [str(table.fingerprints["data"]).removeprefix("contents-")[:KEY_SHOWN] for table in (one, other)]
    names = [str(table.data.get("name") or "unnamed") for table in (one, other)]
    found = [*_card_words(one.data, other.data, ("classes",)), *_split_words(one.data, other.data)]
    what = "; ".join(found) or "their images or labels differ"
    return f"{names[0]} ({keys[0]}) and {names[1]} ({keys[1]}): {what}"


def _split_words(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Yield '`train: 96 and 120 images`'."""
    splits = [mapping(card.get("splits")) for card in (one, other)]
    for name in dict.fromkeys([*splits[0], *splits[1]]):
        sides = [mapping(split.get(name)) for split in splits]
        for what in ("images", "boxes"):
            counts = [side.get(what) for side in sides]
            if counts[0] != counts[1]:
                yield f"{name}: {_text(counts[0])} and {_text(counts[1])} {what}"


def _device_words(one: StudyTable, other: StudyTable) -> str:
    """Return the two devices, and what of their descriptions differs."""
    fields = [name for name in dict.fromkeys([*one.device, *other.device]) if name != "name"]
    found = "; ".join(_card_words(one.device, other.device, fields)) or "their fingerprints differ"
    return f"{one.device_name or 'unnamed'} and {other.device_name or 'unnamed'}: {found}"


def _card_words(one: Mapping[str, Any], other: Mapping[str, Any], fields: Sequence[str]) -> Iterator[str]:
    """Yield '`threads 1 and 2`' for each field of two cards that differs."""
    for field in fields:
        values = [card.get(field) for card in (one, other)]
        if values[0] == values[1]:
            continue
        if all(isinstance(value, list | tuple) for value in values):
            yield f"{len(values[0] or ())} and {len(values[1] or ())} {field}, not the same"
        else:
            yield f"{field.replace('_', ' ')} {_text(values[0])} and {_text(values[1])}"


def _text(value: Any) -> str:
    return "unknown" if value is None or value == "" else str(value)
