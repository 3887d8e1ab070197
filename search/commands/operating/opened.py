"""What both commands of a pipeline open: its settings and its journal, and how they say what they do."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from search.operate.context import OperateContext
from search.operate.journal.open import open_journal, paths_of
from search.operate.lines import run_line
from spaces.errors import SettingsError

if TYPE_CHECKING:
    from search.operate.journal.facts import Fact
    from search.settings.pipeline.pipeline_settings import PipelineSettings

Clock = Callable[[], datetime]


class Said:
    """Prints lines for people, or one JSON object a line; a fact's words go with it there."""

    def __init__(self, form: str, clock: Clock) -> None:
        self._is_json, self._clock = form == "json", clock

    def __call__(self, line: str, fact: "Fact | None" = None) -> None:
        """Print a line at once."""
        click.echo(self._event(line, fact) if self._is_json else line)

    def _event(self, line: str, fact: "Fact | None") -> str:
        at = fact.at if fact is not None else self._clock()
        values: dict[str, object] = {"at": at.isoformat(), "line": line}
        if fact is not None:
            values |= {"fact": fact.kind.value, "round": fact.round, "words": dict(fact.words)}
        return json.dumps(values)


def clock_of_line(now: str | None) -> Clock:
    """Return the clock of a line: this machine's, or the moment of `--now`, which stands still.

    Raises:
        SettingsError: the text is no moment.
    """
    if now is None:
        return lambda: datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(now)
    except ValueError:
        raise SettingsError(f"--now: must be a moment as 2026-03-02T06:00, in UTC, got '{now}'") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return lambda: moment


def open_context(
    settings: "PipelineSettings", clock: Clock, said: Said, line: Sequence[str] = (), *, to_read: bool = False
) -> OperateContext:
    """Open a pipeline, as a line names it; its journal is to be closed.

    Raises:
        StoreError: the journal cannot be used.
        SettingsError: the moment lies before what was done already.
    """
    journal = open_journal(settings, to_read=to_read)
    context = OperateContext(settings, paths_of(settings), journal, clock(), run_line, said, tuple(line))
    last = max((fact.at for fact in journal.facts()), default=context.now)
    if context.now < last:
        journal.close()
        raise SettingsError(
            f"--now: {context.now:%Y-%m-%d %H:%M} lies before what pipeline '{settings.name}' has done already, "
            f"{last:%Y-%m-%d %H:%M} UTC; give a later moment"
        )
    return context
