"""What a round's search and its judgement come to, as plain records that the journal keeps."""

from dataclasses import asdict, dataclass
from typing import Any

NO_CHAMPION = "nothing"  # what a challenger is held against where no version serves


@dataclass(frozen=True)
class Searched:
    """A search that is done.

    Attributes:
        study: its name, in the pipeline's folder `runs`.
        line: the words of `automl search` that made it.
        hours: it took, all processes of the line together.
        trials: that ended.
        carried: detectors of the round before that were scored on the new data first.
        winner: number of the trial that was exported; None where nothing keeps the gate.
        why: no winner; empty where there is one.
        export: folder of the challenger, relative to the pipeline's; empty where there is none.
        figures: map, map50, p50_ms, p95_ms, ... of the winner as the study has them.
        offered: what it was chosen among, challenger.Offered.to_json of each; empty where the gate alone has picked.
    """

    study: str
    line: tuple[str, ...]
    hours: float
    trials: int
    carried: int
    winner: int | None
    why: str
    export: str
    figures: dict[str, float]
    offered: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class JudgedRound:
    """A challenger, judged.

    Attributes:
        ruling: a word of objectives.compare.verdict.Ruling.
        why: a line a rule; the rules that said no first.
        on_frozen: champion and challenger on the frozen validation set: the comparison's figures in short.
        on_recent: on the recent one, likewise; None where there is none.
        critical: a record for each critical class: class, ruling, why; champion, challenger, low, high, objects of its
            recall on the frozen set, or where that has no object of it on the recent one.
        pages: files of the comparisons, relative to the pipeline's folder.
        against: version that it was held against, NO_CHAMPION for none; empty: not known.
    """

    ruling: str
    why: tuple[str, ...]
    on_frozen: dict[str, Any]
    on_recent: dict[str, Any] | None
    critical: tuple[dict[str, Any], ...]
    pages: tuple[str, ...]
    against: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)
