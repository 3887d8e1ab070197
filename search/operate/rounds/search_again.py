"""A round's search: its line is made once, run until it has ended, a winner exported; called again it goes on."""

from collections.abc import Sequence

from objectives.data.readers import read_dataset
from objectives.records.bounds.quantities import MB
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.operate.context import LineEnd, OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState, RoundState
from search.operate.rounds.challenger import Offered, choose_challenger
from search.operate.rounds.contract import Searched
from search.operate.rounds.earlier import earlier_rounds
from search.operate.rounds.line import SearchLine, first_line, later_line
from search.study.read import read_study
from search.study.sessions import covered_s
from spaces.errors import AutomlError, DataError


def search_again(context: OperateContext, state: PipelineState, number: int) -> Searched:
    """Search for a challenger, and export it; see `choose_challenger`.

    Args:
        context: of the pipeline.
        state: what is known.
        number: of the round.

    Raises:
        AutomlError: the search or the export has failed; the line says how it ended and where its log is.
    """
    paths = context.paths.round(number)
    line = _line(context, state, number)
    context.say(f"round {number}: to follow it: automl show {line.study} --folder {context.paths.runs}")
    check_end(context.run_line(line.words, paths.search_log), line.words, str(paths.search_log))
    table = read_study(line.study, context.paths.runs)
    if not any(row.phase.has_ended for row in table.rows):
        return _searched(line, table, None, _no_trial(line, state), "")
    try:
        winner, offered = choose_challenger(context, state, round_of(state, number), line, table)
    except AutomlError as error:
        return _searched(line, table, None, str(error), "")
    if not paths.export.exists():  # a whole folder or none
        of_study = [line.study, "--folder", str(context.paths.runs)]
        words = ["export", *of_study, "--pick", str(winner.number), "--to", str(paths.export)]
        check_end(context.run_line(words, paths.search_log), words, str(paths.search_log))
    export = paths.export.relative_to(context.paths.folder).as_posix()
    return _searched(line, table, winner, "", export, offered)


def _no_trial(line: SearchLine, state: PipelineState) -> str:
    """Return why a search ended before its first trial did, and what to do."""
    setting = "search.first=[budget.hours=...]" if state.champion is None else "search.hours_share"
    return f"no trial of {line.study} ended in its hours; give it more by {setting}, or shorter trials"


def round_of(state: PipelineState, number: int) -> RoundState:
    """Return a round.

    Raises:
        AutomlError: it has not begun.
    """
    for one in state.rounds:
        if one.number == number:
            return one
    raise AutomlError(f"round {number}: it has not begun; rounds: {', '.join(str(r.number) for r in state.rounds)}")


def check_end(end: LineEnd, words: Sequence[str], log: str, fine: Sequence[int] = (0,)) -> None:
    """Check how a line has ended.

    Raises:
        AutomlError: by another exit code than the fine ones.
    """
    if end.code not in fine:
        said = [line for line in end.output.splitlines() if line.strip()]
        last = f": {said[-1].strip()}" if said else ""
        raise AutomlError(f"automl {words[0]} ended with exit code {end.code}{last}; see '{log}'")


def data_words(context: OperateContext, one: RoundState, part: str = "folder") -> list[str]:
    """Return the words of a round's data set: its version, or before there is one the set that the pipeline names.

    Args:
        context: of the pipeline.
        one: the round.
        part: "folder", whose val is frozen, or "searched", whose val has the recent images, too.
    """
    if FactKind.VERSION_MADE not in one.facts:
        return [f"data.root={context.settings.data.root}", *context.settings.data.overrides]
    return [f"data.root={context.paths.folder / one.words(FactKind.VERSION_MADE)['data'][part]}"]


def _line(context: OperateContext, state: PipelineState, number: int) -> SearchLine:
    """Return the round's line, as it was made when the round came to its search."""
    path = context.paths.round(number).line
    if path.exists():
        return SearchLine.read(path)
    data = data_words(context, round_of(state, number), _searched_part(context))
    _check_version(context, round_of(state, number))
    if state.champion is None:
        line = first_line(context, number, data)
    else:
        line = later_line(context, number, data, earlier_rounds(context, state, number))
    line.write(path)
    return line


def _searched_part(context: OperateContext) -> str:
    """Return what of a version is searched: what the recent set says counts, unless it is to be ignored."""
    return "folder" if context.settings.gates.on_recent == "ignored" else "searched"


def _check_version(context: OperateContext, one: RoundState) -> None:
    """Check that a round's data set is what was made: who edits a file of `data.root` in place edits its links, too.

    Raises:
        DataError: it is not.
    """
    if FactKind.VERSION_MADE not in one.facts:
        return
    made = one.words(FactKind.VERSION_MADE)["data"]
    found = read_dataset(context.paths.folder / made["searched"], "coco").fingerprint
    if found != made["fingerprint"]:
        raise DataError(
            f"data version {made['number']}: '{made['folder']}' is {found} now, and was made as {made['fingerprint']}: "
            "its files, or those that they are links of, were edited in place; restore them, or end the round by "
            "--give-up: the next one makes a version anew"
        )


def _searched(
    line: SearchLine,
    table: StudyTable,
    winner: TrialRow | None,
    why: str,
    export: str,
    offered: Sequence[Offered] = (),
) -> Searched:
    spans = [span for one in table.record.sessions.values() if not one.proves for span in one.spans]
    return Searched(
        study=line.study,
        line=line.words,
        hours=covered_s(spans) / 3600,
        trials=sum(row.phase.has_ended for row in table.rows),
        carried=sum(row.is_carried for row in table.rows),
        winner=winner.number if winner else None,
        why=why,
        export=export,
        figures=_figures(winner) if winner else {},
        offered=tuple(one.to_json() for one in offered),
    )


def _figures(row: TrialRow) -> dict[str, float]:
    judged = row.figures_judged
    known = {
        "map": judged.map,
        "map50": judged.map50,
        "p50_ms": judged.p50_ms,
        "p95_ms": judged.p95_ms,
        "memory_mb": judged.memory_bytes / MB or None,
        "file_mb": judged.file_bytes / MB or None,
        "precision": judged.accuracy.precision if judged.accuracy else None,
        "recall": judged.accuracy.recall if judged.accuracy else None,
        "f1": judged.accuracy.f1 if judged.accuracy else None,
    }
    return {name: float(value) for name, value in known.items() if value is not None}
