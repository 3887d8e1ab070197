"""Learning curves: what the rungs of the trials saw, as data to draw."""

from dataclasses import dataclass

from objectives.records.even_sample import evenly
from objectives.records.records import Outcome
from reports.table.row import PAUSED, TrialRow
from reports.table.table import StudyTable

CURVES_MAX = 150


@dataclass(frozen=True)
class Curve:
    """One trial's validator mAP by epoch.

    Attributes:
        kind: "front", "finished", "stopped", "paused" or "other" (running, failed).
        epochs: shape (n,), rising.
        maps: shape (n,), mAP 0.5:0.95 of the validator.
        decides: shape (n,), whether the pruner was asked there.
    """

    number: int
    kind: str
    epochs: tuple[int, ...]
    maps: tuple[float, ...]
    decides: tuple[bool, ...]


@dataclass(frozen=True)
class Curves:
    """The curves worth drawing, and how many there are in all."""

    shown: tuple[Curve, ...]
    total: int
    deciding_epochs: tuple[int, ...]


def learning_curves(table: StudyTable) -> Curves:
    """Return the front's curves first, then the most accurate, then an even sample of the others.

    Those of polishes, which begin in the middle, and of a proof, which may be longer, are left out.
    """
    rows = [row for row in table.rows if row.rungs and not (row.is_polish or row.is_proof)]
    ranked = sorted(rows, key=lambda row: (not row.on_front, row.map is None, -(row.map or 0.0), row.number))
    half = CURVES_MAX // 2
    chosen = ranked if len(ranked) <= CURVES_MAX else [*ranked[:half], *evenly(ranked[half:], CURVES_MAX - half)]
    return Curves(
        shown=tuple(_curve(row) for row in chosen),
        total=len(rows),
        deciding_epochs=tuple(sorted({rung.epoch for row in rows for rung in row.rungs if rung.decides})),
    )


def _curve(row: TrialRow) -> Curve:
    kinds: dict[str, str] = {Outcome.FINISHED: "finished", Outcome.STOPPED: "stopped", PAUSED: "paused"}
    return Curve(
        number=row.number,
        kind="front" if row.on_front else kinds.get(row.standing, "other"),
        epochs=tuple(rung.epoch for rung in row.rungs),
        maps=tuple(rung.map for rung in row.rungs),
        decides=tuple(rung.decides for rung in row.rungs),
    )
