"""What both commands of a pipeline open: its settings and its journal, and how they say what they do."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from search.operate.context import OperateContext
from search.operate.journal.open import open_journal, paths_of
from search.operate.lines import run_line
from spaces.errors import SettingsError

if TYPE_CHECKING:
    from search.operate.journal.facts import Fact
    from search.settings.pipeline.pipeline_settings import PipelineSettings

A_MINUTE = timedelta(minutes=1)


class LineClock:
    """The clock of a line: this machine's, which never goes back, or the moment of `--now`, which stands still."""

    def __init__(self, given: datetime | None) -> None:
        self.given, self._last = given, given or datetime.now(UTC)

    def __call__(self) -> datetime:
        """Return the moment, in UTC."""
        if self.given is None:
            self._last = max(self._last, datetime.now(UTC))
        return self._last

    def hold(self, moment: datetime) -> timedelta:
        """Let it say nothing earlier than a moment, at which it stands until then; return how far that lies ahead."""
        ahead = moment - self()
        self._last = max(self._last, moment)
        return ahead


class Said:
    """Prints lines for people, or one JSON object a line; a fact's words go with it there."""

    def __init__(self, form: str, clock: LineClock) -> None:
        self._is_json, self._clock = form == "json", clock

    def __call__(self, line: str, fact: "Fact | None" = None) -> None:
        """Print a line at once."""
        click.echo(self._event(line, fact) if self._is_json else _printable(line))

    def _event(self, line: str, fact: "Fact | None") -> str:
        at = fact.at if fact is not None else self._clock()
        values: dict[str, object] = {"at": at.isoformat(), "line": line}
        if fact is not None:
            values |= {"fact": fact.kind.value, "round": fact.round, "words": dict(fact.words)}
        return json.dumps(values)


def _printable(line: str) -> str:
    """Return a line without control characters: names of files and classes, and what hooks print, are others'."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


def clock_of_line(now: str | None) -> LineClock:
    """Return the clock of a line.

    Raises:
        SettingsError: the text is no moment.
    """
    if now is None:
        return LineClock(None)
    try:
        moment = datetime.fromisoformat(now)
    except ValueError:
        raise SettingsError(f"--now: must be a moment as 2026-03-02T06:00, in UTC, got '{now}'") from None
    return LineClock(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))


def open_context(
    settings: "PipelineSettings", clock: LineClock, said: Said, line: Sequence[str] = (), *, to_read: bool = False
) -> OperateContext:
    """Open a pipeline, as a line names it; its journal is to be closed.

    A machine's clock that was put back ends nothing, least of all a rollback: time stands still until it comes there.

    Raises:
        StoreError: the journal cannot be used.
        SettingsError: the moment of `--now` lies before what was done already.
    """
    journal = open_journal(settings, to_read=to_read)
    last = max((fact.at for fact in journal.facts()), default=clock())
    if clock.given is not None and clock.given < last:
        journal.close()
        raise SettingsError(
            f"--now: {clock.given:%Y-%m-%d %H:%M} lies before what pipeline '{settings.name}' has done already, "
            f"{last:%Y-%m-%d %H:%M} UTC; give a later moment"
        )
    if (ahead := clock.hold(last)) > A_MINUTE:
        said(
            f"this machine's clock was put back: the last fact is of {last:%Y-%m-%d %H:%M} UTC, {ahead.days} days and "
            f"{ahead.seconds // 60} minutes ahead; the pipeline's time stands still until then; set the clock right"
        )
    return OperateContext(settings, paths_of(settings), journal, clock(), run_line, said, tuple(line))
