"""What earlier rounds leave to a later one: the champion's trial, good candidates, and detectors to begin with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.records.paths import MODEL, WEIGHTS
from objectives.weights.shelf import sha256_of
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState, RoundState
from search.study.read import read_study
from spaces.errors import AutomlError

ROUNDS_MOST = 3  # the latest ones, whose studies say what was good


@dataclass(frozen=True)
class EarlierRounds:
    """What a later round's line is made of.

    Attributes:
        good: candidates of members of the fronts, of winners, and of the trainings that they were cut from.
        champion: candidate of the training that the champion is of; empty where its study is not known.
        carried: detectors to begin with, as `carry` of a search takes them: the champion first.
        hours: that the search took which made the first version; None where it is not known.
    """

    good: tuple[Mapping[str, Any], ...]
    champion: Mapping[str, Any]
    carried: tuple[str, ...]
    hours: float | None


def earlier_rounds(context: OperateContext, state: PipelineState, number: int) -> EarlierRounds:
    """Read the studies of the rounds before `number`; one that cannot be read is said, and left out."""
    searched = [one for one in state.rounds if one.number < number and FactKind.SEARCHED in one.facts]
    champion = champion_round(state)
    wanted = {one.number for one in [*searched[-ROUNDS_MOST:], *([champion] if champion else [])]}
    tables = {one.number: table for one in searched if one.number in wanted if (table := _table(context, one))}
    good = [row for one in searched if one.number in tables for row in _good(tables[one.number], one)]
    best: TrialRow | None = None
    if champion is not None and champion.number in tables:
        best = _winner(tables[champion.number], champion)
    carried = _carried(context, champion, best, tables, searched[-1] if searched else None)
    hours = next((one.words(FactKind.SEARCHED)["hours"] for one in searched if FactKind.PACKED in one.facts), None)
    trained = _trained(tables[champion.number], best) if champion and best and not best.is_baseline else None
    return EarlierRounds(
        tuple(row.candidate for row in good), trained.candidate if trained else {}, tuple(carried), hours
    )


def champion_round(state: PipelineState) -> RoundState | None:
    """Return the round that made the version that serves; None where none serves, or no round made it."""
    if state.champion is None:
        return None
    version = state.champion.version
    packed = [one for one in state.rounds if FactKind.PACKED in one.facts]
    return next((one for one in packed if one.words(FactKind.PACKED)["version"] == version), None)


def _table(context: OperateContext, one: RoundState) -> StudyTable | None:
    name = one.words(FactKind.SEARCHED)["study"]
    try:
        return read_study(name, context.paths.runs)
    except AutomlError as error:
        context.say(f"round {one.number}: its study is left out: {error}")
        return None


def _winner(table: StudyTable, one: RoundState) -> TrialRow | None:
    winner = one.words(FactKind.SEARCHED)["winner"]
    return next((row for row in table.rows if row.number == winner), None)


def _trained(table: StudyTable, row: TrialRow) -> TrialRow:
    """Return the training that a detector is of: what it was polished from, what it was cut from."""
    for origin in (row.proves, row.polishes):
        row = table.row(origin) if origin is not None else row
    return row if row.parent is None else table.row(row.parent)


def _good(table: StudyTable, one: RoundState) -> list[TrialRow]:
    winner = _winner(table, one)
    rows = [*table.front, *([winner] if winner else [])]
    own = [row for row in rows if not row.is_baseline]
    return [*own, *(_trained(table, row) for row in own)]


def _carried(
    context: OperateContext,
    champion: RoundState | None,
    best: TrialRow | None,
    tables: Mapping[int, StudyTable],
    last: RoundState | None,
) -> list[str]:
    """Return the champion, the training that it was cut from, then the last front's trainings, the best first.

    What lacks its files is passed over, and of several with the same file, as a detector that was carried before and
    the one that it was, the first is taken: a search refuses both.
    """
    offered: list[tuple[str, Path]] = []
    if champion is not None and best is not None:
        table = tables[champion.number]
        offered += [_offered(context, table, row) for row in (best, _trained(table, best))]
    elif champion is not None:
        export = context.paths.round(champion.number).export
        offered.append((str(export), export))
    if last is not None and last.number in tables:
        table = tables[last.number]
        front = sorted(table.front, key=lambda row: -(row.map or 0.0))
        offered += [_offered(context, table, _trained(table, row)) for row in front if not row.is_baseline]
    named: dict[str, str] = {}  # by the file's hash
    for name, folder in offered:
        if all((folder / file).is_file() for file in (MODEL, WEIGHTS)):
            named.setdefault(sha256_of(folder / MODEL), name)
    return list(named.values())[: context.settings.search.carry]


def _offered(context: OperateContext, table: StudyTable, row: TrialRow) -> tuple[str, Path]:
    """Return a trial's name, and its folder."""
    return f"{table.name}:{row.number}", context.paths.runs / table.name / (row.folder or "")
