"""The head of a frame: how long the search will go on, what it has found, what of the budget is used."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from objectives.records.gate import Gate
from objectives.records.records import Outcome
from reports.glance.cut_text import Words
from reports.glance.headline import fitting
from reports.table.kin.family_words import scored_words
from reports.table.row import PAUSED
from reports.table.words import duration
from search.view.moment.time_left import time_left_of
from search.view.rows import Section, cut
from search.view.state import RUNNING, FrameState
from search.view.words import one_line

LOW = 16  # a terminal of fewer rows has the budget in one line, and no counts
NARROW, WIDE = 72, 110  # one of fewer columns shows less of a row; one of so many has the headline in one line
SHORT = {Outcome.STOPPED.value: "stopped", Outcome.OVER_BOUND.value: "over bound"}


def head(state: FrameState, width: int, height: int) -> Section:
    """Return name and time left, the headline, the budget, trials by standing; and what goes on outside trials."""
    lines: list[RenderableType] = [_title(state, width), *_headline(state, width)]
    if height < LOW:
        lines.append(cut(Text(fitting(_used_words(state), width), style="dim")))
    else:
        lines += _bars(state, width)
        lines += [cut(Text(scored_words(state.table), style="dim"))] if state.table.families else []
        if standings := _standings(state):
            lines.append(cut(Text(fitting(standings, width), style="dim")))
    if state.waits:
        lines.append(cut(Text(one_line(f"waiting: {state.waits}"), style="bold yellow")))
    elif state.meanwhile or not state.running:
        lines.append(cut(Text(one_line(state.meanwhile) or "choosing a candidate", style="dim")))
    drawn = Group(*lines)
    return Section(len(lines), len(lines), lambda _: drawn)


def _title(state: FrameState, width: int) -> Table:
    """Return the row of the study's name, with its gate where there is room, and how long it will go on."""
    running_s = [state.now_s - trial.since_s for trial in state.training]
    left = time_left_of(state.used, state.settings.budget, state.settings.workers, running_s)
    words = fitting(left.wordings, width if width < NARROW else width // 2)
    gate = "" if state.settings.gate == Gate() or width < NARROW else f"  {state.settings.gate}"
    title = Table.grid(expand=True, padding=(0, 1, 0, 0))
    title.add_column(no_wrap=True, ratio=1)
    title.add_column(no_wrap=True)
    title.add_row(Words(Text.assemble((state.settings.name, "bold"), (gate, "dim"))), Text(words, style="bold"))
    return title


def _headline(state: FrameState, width: int) -> list[RenderableType]:
    """Return the best trial, and beside it or below it how the stock detector does."""
    said = state.found.headline
    best = Text(fitting(said.best, width), style=said.style)
    if not said.beside:
        return [cut(best)]
    if width >= WIDE:
        for words in said.best[1:]:
            if room := max(0, width - len(words) - 3):
                beside = fitting(said.beside, room)
                if len(beside) <= room:
                    return [cut(Text.assemble((words, said.style), ("   ", ""), beside))]
    return [cut(best), cut(Text(f"  {fitting(said.beside, width - 2)}"))]


def _used_words(state: FrameState) -> tuple[str, ...]:
    """Return what is used of the budget in one line, the longest wording first."""
    used, most, hours = state.used, state.used.most(state.settings.budget), state.settings.budget.hours
    running = state.standings[RUNNING]
    trials = f"{'proof ' if used.proof else ''}{used.trials:,} of {most:,}"
    of_hours = f" of {duration(3600 * hours)}" if hours is not None else ""
    time = f"{duration(used.seconds)}{of_hours}"
    return f"{trials} trials · {running} running · {time}", f"{trials} trials · {time}", f"{trials} trials"


def _bars(state: FrameState, width: int) -> list[RenderableType]:
    budget, used = state.settings.budget, state.used
    running, most = state.standings[RUNNING], used.most(budget)
    left = max(0, most - used.trials - running)
    counted = f"{used.trials:,} of {most:,}"
    trials = f"{counted} · {running} running · {left:,} left", f"{counted} · {left:,} left", counted
    drawn = [_bar("proof" if used.proof else "trials", most, used.trials, trials, width)]
    if budget.hours is None:
        return [*drawn, _bar("time", None, 0.0, (f"{duration(used.seconds)} used",), width)]
    whole_s = 3600 * budget.hours
    spent = f"{duration(used.seconds)} of {duration(whole_s)}"
    hours = f"{spent} · {duration(max(0.0, whole_s - used.seconds))} left", spent
    return [*drawn, _bar("hours", whole_s, used.seconds, hours, width)]


def _bar(name: str, total: float | None, done: float, wordings: tuple[str, ...], width: int) -> Table:
    """Return a row of a name, a bar and words beside it; a time without an end has no bar."""
    bar = max(8, min(40, width - 46))
    drawn = Table.grid(padding=(0, 1, 0, 0))
    drawn.add_column(width=6)
    drawn.add_column(width=bar)
    drawn.add_column(no_wrap=True)
    words = Words(Text(fitting(wordings, width - 6 - bar - 3)))
    drawn.add_row(name, "" if total is None else ProgressBar(total=total, completed=done, width=bar), words)
    return drawn


def _standings(state: FrameState) -> tuple[str, ...]:
    """Return the trials by standing, and where there is room which of them came to the front last."""
    counts: Mapping[str, int] = state.standings
    order = (*(outcome.value for outcome in Outcome), PAUSED, "waiting")
    found = " · ".join(f"{counts[name]:,} {SHORT.get(name, name)}" for name in order if counts[name])
    if not found:
        return ()  # the headline says it
    newest = state.found.newest
    return (found,) if newest is None else (f"{found} · trial {newest} came to the front last", found)
