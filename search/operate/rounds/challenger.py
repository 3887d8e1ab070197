"""Which detector of a round's search is held against the champion: the best on old and recent images, not itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from objectives.data.readers import read_dataset
from objectives.latency.hosts.detections import score_on
from objectives.records.paths import MODEL, TrialPaths
from objectives.weights.shelf import sha256_of
from reports.table.proof.shipped import BY_GATE, picked
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState, RoundState
from search.operate.rounds.line import SearchLine
from search.settings.settings import load_settings
from spaces.errors import AutomlError

OFFERED_MOST = 5  # the best by the search's scores, which are scored on the recent set alone


@dataclass(frozen=True)
class Offered:
    """A detector that may be the challenger.

    Attributes:
        number: of its trial.
        map: as the search has it: on the frozen set and the recent images together.
        map_recent: on the recent set; None where there is none.
    """

    number: int
    map: float
    map_recent: float | None

    @property
    def merit(self) -> float:
        """The mean of both; of one alone that one."""
        return self.map if self.map_recent is None else (self.map + self.map_recent) / 2

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def choose_challenger(
    context: OperateContext, state: PipelineState, one: RoundState, line: SearchLine, table: StudyTable
) -> tuple[TrialRow, tuple[Offered, ...]]:
    """Return the challenger, and what it was chosen among.

    A search scores its trials on the frozen set, which shows the world as it was, and the recent images, which are few:
    by that alone, what has learnt a change may be passed over for the champion, which the search carries along. So the
    champion is no challenger, and of the OFFERED_MOST best that keep the gate the one is taken whose mean of that score
    and of the score on the recent images alone is best.
    Before a version serves, and where the study was proven, it is what `automl export --pick gate` takes.

    Raises:
        AutomlError: nothing keeps the gate, but the champion.
    """
    by_gate = picked(table, BY_GATE)
    if state.champion is None:
        return by_gate, ()
    champion = sha256_of(context.paths.deployment(state.champion.version) / MODEL)
    if by_gate.proves is not None:
        return by_gate, ()
    passing = [row for row in table.finished if row.passes_gate and not _is(row, champion)]
    if not passing:
        raise AutomlError(f"nothing of '{table.name}' keeps the gate ({table.gate}) but the champion itself")
    best = sorted(passing, key=lambda row: (-(row.map or 0.0), row.p50_ms or 0.0, row.number))[:OFFERED_MOST]
    recent = _on_recent(context, one, line, table, best)
    offered = tuple(Offered(row.number, float(row.map or 0.0), recent.get(row.number)) for row in best)
    chosen = max(offered, key=lambda of: of.merit)  # of equals the better one by the search
    return table.row(chosen.number), offered


def _is(row: TrialRow, champion: str) -> bool:
    """Whether a trial is the champion, carried along: by the hash of its file as it came."""
    return row.carried is not None and row.carried.sha256 == champion


def _on_recent(
    context: OperateContext, one: RoundState, line: SearchLine, table: StudyTable, rows: list[TrialRow]
) -> Mapping[int, float]:
    """Return the mAP of trials on the recent set, by number; empty where it decides nothing."""
    made = one.words(FactKind.VERSION_MADE)["data"] if FactKind.VERSION_MADE in one.facts else {}
    if len(rows) < 2 or not made.get("recent") or context.settings.gates.on_recent == "ignored":
        return {}
    dataset = read_dataset(context.paths.folder / made["recent"])
    device = load_settings(list(line.words[1:])).device
    found = {}
    for row in rows:
        model = TrialPaths(context.paths.runs / table.name / (row.folder or "")).model
        if model.is_file():  # else an older one, whose files went for room
            found[row.number] = score_on(model, device, dataset.splits["val"], dataset.classes, "val").map
    return found if len(found) == len(rows) else {}
