"""`automl show STUDY`: the front drawn, the winner beside the baseline, what is done just now, what to type next."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import RenderableType

from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import TrialRecord, trial_records
from reports.glance.glance import glance
from reports.table.console import labelled, open_console
from reports.table.table import StudyTable, read_study
from reports.table.verdict import judge
from reports.table.words import plural
from search.commands.shown.next_lines import next_lines
from search.study.claims.open import open_claims
from search.study.sessions import SessionSeen, seen_of
from search.study.store import load_study, store_errors
from search.view.moment.progress import progress_of
from search.view.words import work_text

if TYPE_CHECKING:
    import optuna

LABELS = 12  # columns of what a line is for
PROCESSES_MOST = 4  # lines of searching processes
ROWS_OF_FILE = 40  # of a file or a pipe, which has no height
PLOT_ROWS_LEAST, PLOT_ROWS_MOST = 9, 22  # of the drawing
DRAWN_OF_ROOM = 0.7  # of the rows that drawing and list have
MEMBERS_MOST = 8  # members of the front with all their figures; `automl report` lists more
REST = 13  # rows of all the rest, and of the prompt


def run_show_study(name: str, folder: str, store: str | None) -> None:
    """Show a whole study."""
    studies = Path(folder).expanduser().absolute()
    study = load_study(studies, name, store)
    records = trial_records(study)
    table = read_study(study, records)
    record, console = StudyRecord.of(study), open_console(highlight=False)
    verdict = judge(table)
    room = (console.size.height if console.is_terminal else ROWS_OF_FILE) - REST
    height = max(PLOT_ROWS_LEAST, min(PLOT_ROWS_MOST, round(DRAWN_OF_ROOM * room)))
    console.print(glance(table, verdict, height, min(MEMBERS_MOST, max(3, room - height))))
    for line in _just_now(studies / name, name, store, study, records, table):
        console.print(line)
    for what, line in next_lines(table, verdict, folder, store, record.gate):
        console.print(labelled(what, line, LABELS), soft_wrap=True)


def _just_now(
    folder: Path, name: str, store: str | None, study: "optuna.Study", records: Sequence[TrialRecord], table: StudyTable
) -> list[RenderableType]:
    """Return what of the budget is used, who has paused the search, what its processes do, how long they will go on."""
    alive = _alive(folder, name, store, study) if table.is_running or table.paused else []
    found = progress_of(table, records, sum(max(1, len(seen.trials)) for seen in alive))
    if found is None:
        return []
    head: list[RenderableType] = [labelled("just now", found.paused, LABELS)] if found.paused else []
    if not alive:
        return [labelled("used", found.used, LABELS), *head, *([] if head else _cut_words(table))]
    lines: list[RenderableType] = [labelled("used", f"{found.used}; {found.left}", LABELS), *head]
    for seen in alive[:PROCESSES_MOST]:
        doing = ", ".join(map(work_text, seen.work)) or "nothing just now"
        lines.append(labelled("working", f"process {seen.pid} on {seen.host}: {doing}", LABELS))
    more = len(alive) - PROCESSES_MOST
    return [*lines, *([labelled("", f"and {plural(more, 'process', 'processes')} more", LABELS)] if more > 0 else [])]


def _cut_words(table: StudyTable) -> list[RenderableType]:
    """Return that trials were cut, where some run in the store and nobody works on them."""
    cut = sum(row.standing == "running" for row in table.rows)
    if not cut:
        return []
    says = f"nobody searches it; {plural(cut, 'trial was', 'trials were')} cut: the study's own line goes on with them"
    return [labelled("just now", says, LABELS)]


def _alive(folder: Path, name: str, store: str | None, study: "optuna.Study") -> list[SessionSeen]:
    """Return the processes that search the study now."""
    with store_errors(name), closing(open_claims(folder, store)) as claims:
        found = seen_of(StudyRecord.of(study).sessions, claims, claims.time_s())
    return [seen for seen in found if seen.alive]
