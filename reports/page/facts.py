"""Key numbers and provenance of a study, as lines of text for the page."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from objectives.records.records import Outcome
from reports.analysis.doubts import MARK, hypervolume_doubt
from reports.analysis.history import WorkClock, current_hypervolume
from reports.page.payload import OUTCOME_KEYS
from reports.table.kin.family_words import source_words
from reports.table.row import Origin
from reports.table.table import StudyTable
from reports.table.words import ABSENT, duration, number, plural, share


@dataclass(frozen=True)
class Fact:
    """A label, its value, and a smaller line below it (may be empty)."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class OutcomeShare:
    """One part of all trials: key of its colour, name, count, and share in [0, 1]."""

    key: str
    name: str
    count: int
    share: float


def outcome_shares(table: StudyTable) -> tuple[OutcomeShare, ...]:
    """Return the search's trials by outcome as parts of the whole; children, which were not trained, are one of them.

    Trainings of a proof are none of the search's.
    """
    searched = [row for row in table.rows if not row.is_proof]
    total = len(searched)
    children = sum(row.is_child for row in searched)
    standings = Counter(row.standing for row in searched)
    parts = []
    for name, count in ((name, standings[name]) for name in table.counts):
        if name != Outcome.FINISHED.value or not children:
            parts.append((OUTCOME_KEYS[name], name, count))
        else:
            parts += [(OUTCOME_KEYS[name], "trained", count - children), ("child", "children", children)]
    return tuple(OutcomeShare(key, name, count, count / total) for key, name, count in parts if count)


def key_numbers(table: StudyTable) -> tuple[Fact, ...]:
    """Return what a reader wants to know first."""
    return (
        _scored(table),
        Fact("on the front", f"{len(table.front):,}", _members(table)),
        Fact("mAP 0.5:0.95", _span([row.map for row in table.front], share), "along the front"),
        Fact("p50 latency", _span([row.p50_ms for row in table.front], number, " ms"), "along the front"),
        Fact("hypervolume", *_hypervolume(table)),
        Fact(
            "device",
            _device_name(table),
            _runtime(table),
        ),
    )


def provenance(table: StudyTable) -> tuple[Fact, ...]:
    """Return where the figures come from: data, device, seed, versions, command."""
    known = table.provenance
    versions = known.get("versions")
    budget = table.settings.get("budget")
    facts = [
        Fact("command", str(known.get("command") or "")),
        Fact("data", str(table.data.get("name") or ""), str(table.data.get("root") or "")),
        *(Fact(f"split {name}", _flat(split)) for name, split in _items(table.data.get("splits"))),
        Fact("classes", ", ".join(str(name) for name in _list(table.data.get("classes")))),
        *(Fact(f"device {name.replace('_', ' ')}", str(value)) for name, value in table.device.items()),
        *(Fact(f"fingerprint of {name}", str(value)) for name, value in table.fingerprints.items()),
        *(Fact("machine", words) for words in _machines(table)),
        Fact("seed", str(known.get("seed", ""))),
        Fact("budget", _flat(budget) if isinstance(budget, Mapping) else str(budget or "")),
        Fact("forked from", str(table.forked.get("from") or ""), _copied(table)),
        Fact("created", str(known.get("created") or "")),
        Fact("commit", str(known.get("commit") or "")),
        Fact("versions", _flat(versions) if isinstance(versions, Mapping) else ""),
    ]
    return tuple(fact for fact in facts if fact.value not in ("", "{}"))


def _scored(table: StudyTable) -> Fact:
    """Return how many trials there are, or with families, how many detectors came from how many trainings."""
    if not table.families:
        proofs = sum(row.is_proof for row in table.rows)
        of_proof = f"{proofs:,} more in the proof; " if proofs else ""
        return Fact("trials", f"{len(table.rows) - proofs:,}", f"{of_proof}{_work(table)}")
    note = "; ".join(part for part in (source_words(table), _work(table)) if part)
    return Fact("detectors scored", f"{len(table.finished):,}", note)


def _hypervolume(table: StudyTable) -> tuple[str, str]:
    """Return the hypervolume and what it is, marked where few trials make it rough."""
    doubt = hypervolume_doubt(table)
    value = share(current_hypervolume(table))
    what = "mean mAP within reach, over log latency"
    return (f"{value} {MARK}", f"{what}; {doubt}") if doubt else (value, what)


def _members(table: StudyTable) -> str:
    """Return what the front is a front of, and of what kind its members are."""
    kinds = Origin.CHILD, Origin.POLISHED, Origin.CARRIED
    children, polished, carried = (sum(row.origin is kind for row in table.front) for kind in kinds)
    named = [f"{children:,} of them children"] if children else []
    named += [f"{polished:,} polished"] if polished else []
    named += [f"{carried:,} carried"] if carried else []
    return ", ".join([f"of {len(table.finished):,} finished", *named])


def _work(table: StudyTable) -> str:
    """Return how long the study was worked on."""
    ended = [row for row in table.rows if row.finished_at]
    last = max((row.finished_at for row in ended if row.finished_at), default=None)
    return f"{duration(WorkClock(ended).seconds_until(last))} of work" if last else ""


def _machines(table: StudyTable) -> list[str]:
    """Return the machines that searched the study, each once, in the order in which they came."""
    cards = [session.machine for _, session in sorted(table.record.sessions.items())]
    return list(dict.fromkeys(card.words for card in cards if card))


def _copied(table: StudyTable) -> str:
    """Return how many trials the study was given by the study that it was forked from, and why others were left out."""
    copied = sum(row.forked_from is not None for row in table.rows)
    left_out = "; ".join(f"{count} left out: {reason}" for reason, count in _items(table.forked.get("left_out")))
    return "; ".join(part for part in (f"{plural(copied, 'trial')} copied" if copied else "", left_out) if part)


def _span(values: list[float | None], form: Any, unit: str = "") -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ABSENT
    low, high = form(min(known)), form(max(known))
    return f"{low}{unit}" if low == high else f"{low}–{high}{unit}"


def _device_name(table: StudyTable) -> str:
    """Return the device's name, and of a board how ssh knew it and what it is."""
    name = str(table.device.get("name") or table.device.get("processor") or ABSENT)
    kept = table.settings.get("device")
    host = kept.get("host") if isinstance(kept, Mapping) else None
    return f"{name} ({', '.join(filter(None, (str(host), table.device.get('model'))))})" if host else name


def _runtime(table: StudyTable) -> str:
    """Return '`onnxruntime 1.20, 1 thread, fp32`' as far as it is known."""
    device = table.device
    threads = device.get("threads")
    parts = [
        " ".join(str(device[key]) for key in ("runtime", "runtime_version") if device.get(key)),
        f"{threads} thread{'' if threads == 1 else 's'}" if threads else "",
        str(device.get("precision") or ""),
    ]
    return ", ".join(part for part in parts if part)


def _flat(values: Any) -> str:
    return ", ".join(f"{key} {_flat(value) or value}" for key, value in _items(values) if value is not None)


def _items(values: Any) -> list[tuple[str, Any]]:
    return [(str(key), value) for key, value in values.items()] if isinstance(values, Mapping) else []


def _list(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else []
