"""The search against its baseline: what it found beside the stock detector, as plain data."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import judge

RANDOM_WEIGHTS = "random"  # in place of a hash, in the contract's part "weights"


@dataclass(frozen=True)
class Beside:
    """A detector beside the baseline, by the figures of one training each.

    Attributes:
        row: the detector.
        map_gain: its mAP less the baseline's.
        speed: the baseline's median latency over its own: 2 is twice as fast.
    """

    row: TrialRow
    map_gain: float
    speed: float

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"trial": self.row.number, "map_gain": self.map_gain, "speed": self.speed}


@dataclass(frozen=True)
class AgainstBaseline:
    """What a study found, against its baseline.

    Attributes:
        name: of the stock detector, as the line asked for it: "yolo26n".
        row: the baseline's trial.
        from_random: whether it started from random weights, since its published ones were not there.
        pick: the trial that the report puts first; None before both have finished, or where it is the baseline.
        at_latency: the most accurate that is no slower than the baseline; None where there is none.
        at_accuracy: the fastest that is no less accurate; None where there is none.
    """

    name: str
    row: TrialRow
    from_random: bool
    pick: Beside | None = None
    at_latency: Beside | None = None
    at_accuracy: Beside | None = None

    @property
    def is_comparable(self) -> bool:
        """Whether the baseline has both figures, of the study's device."""
        return self.row.is_measured and not self.row.other_device

    @property
    def is_beaten(self) -> bool:
        """Whether a detector is better in one of mAP and latency, and no worse in the other."""
        best = self.at_latency
        return best is not None and (best.map_gain > 0 or (best.map_gain == 0 and best.speed > 1))

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; None for what there is not."""
        picks = {"pick": self.pick, "at_its_latency": self.at_latency, "at_its_map": self.at_accuracy}
        return {
            "name": self.name,
            "trial": self.row.number,
            "standing": self.row.standing,
            "from_random_weights": self.from_random,
            "map": self.row.map,
            "p50_ms": self.row.p50_ms,
            "beaten": self.is_beaten if self.is_comparable else None,
            **{key: beside.to_json() if beside else None for key, beside in picks.items()},
        }


def against_baseline(table: StudyTable, picked: TrialRow | None = None) -> AgainstBaseline | None:
    """Return what a study found against its baseline; None without a baseline.

    Args:
        table: the study.
        picked: what is compared as the pick; None for the trial that the report puts first.
    """
    rows = [row for row in table.rows if row.baseline is not None]  # several where one had failed
    row = next((row for row in rows if row.is_measured), rows[-1] if rows else None)
    if row is None or row.baseline is None:
        return None
    found = AgainstBaseline(row.baseline, row, _from_random(table.fingerprints, row.baseline.partition("@")[0]))
    if not found.is_comparable:
        return found
    first = picked or judge(table).row
    others = [other for other in table.finished if other is not row]
    return AgainstBaseline(
        found.name,
        row,
        found.from_random,
        pick=None if first is None or first.number == row.number else beside(first, row),
        at_latency=_most_accurate(others, row),
        at_accuracy=_fastest(others, row),
    )


def beside(row: TrialRow, baseline: TrialRow) -> Beside | None:
    """Return a trial beside the baseline; None while one of them lacks a figure."""
    if row.map is None or baseline.map is None or not row.p50_ms or not baseline.p50_ms:
        return None
    return Beside(row, row.map - baseline.map, baseline.p50_ms / row.p50_ms)


def _most_accurate(others: Iterable[TrialRow], baseline: TrialRow) -> Beside | None:
    able = [row for row in others if (row.p50_ms or 0.0) <= (baseline.p50_ms or 0.0)]
    best = max(able, key=lambda row: (row.map or 0.0, -(row.p50_ms or 0.0)), default=None)
    return None if best is None else beside(best, baseline)


def _fastest(others: Iterable[TrialRow], baseline: TrialRow) -> Beside | None:
    able = [row for row in others if (row.map or 0.0) >= (baseline.map or 0.0)]
    best = min(able, key=lambda row: (row.p50_ms or 0.0, -(row.map or 0.0)), default=None)
    return None if best is None else beside(best, baseline)


def _from_random(fingerprints: Mapping[str, Any], name: str) -> bool:
    """Whether the contract says that the published weights of a detector were not there."""
    kept: dict[str, str] = json.loads(fingerprints.get("weights") or "{}")
    return kept.get(name, RANDOM_WEIGHTS) == RANDOM_WEIGHTS
