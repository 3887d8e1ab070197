"""`automl operate`: one look at a pipeline, or many."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import NoReturn

import click

from objectives.machine.interrupts import interruptible
from search.commands.operating.opened import LineClock, Said, clock_of_line, open_context
from search.operate.context import OperateContext
from search.operate.journal.alone import OperatedElsewhere
from search.operate.monitoring.metrics import MetricsEndpoint
from search.operate.operator import Operator
from search.operate.places import check_places
from search.settings.pipeline.pipeline_settings import load_pipeline
from spaces.errors import SettingsError

STEP_FAILED, ELSEWHERE, ENDED_BY_HAND = 1, 3, 130  # exit codes; 2 is a mistake in the line
PAUSE_MOST_S = 3600.0  # between two looks that fail


@dataclass(frozen=True)
class ByHand:
    """What a line asks for, and why: that a round begins, that the one under way is given up; None for neither."""

    begin: str | None = None
    give_up: str | None = None


@dataclass(frozen=True)
class LookLine:
    """How a line looks: by which clock, who is shown what, what is asked by hand, and seconds between looks."""

    clock: LineClock
    said: Said
    by_hand: ByHand
    every_s: float | None


def run_operate(
    arguments: list[str], by_hand: ByHand, *, once: bool, every_s: float, dry_run: bool, now: str | None, form: str
) -> None:
    """Operate the pipeline that a line names.

    Raises:
        AutomlError: a mistake in the line or in the settings, or the journal cannot be used.
        SystemExit: a step failed, another process operates the pipeline, or this one was interrupted.
    """
    settings, clock = load_pipeline(arguments), clock_of_line(now)
    if every_s <= 0:
        raise SettingsError(f"--every: must be over 0 seconds, got {every_s:g}")
    if not once and (now is not None or dry_run):
        raise SettingsError("--stay: goes by this machine's clock, and acts; leave --now and --dry-run out")
    if dry_run and by_hand != ByHand():
        raise SettingsError("--dry-run: changes nothing; leave --begin and --give-up out")
    said = Said(form, clock)
    context = open_context(settings, clock, said, arguments, to_read=dry_run)
    with closing(context.journal):
        if not context.journal.facts():
            check_places(settings)
        if dry_run:
            Operator(context, clock, said).dry_run()
            return
        try:
            code = _operated(context, LookLine(clock, said, by_hand, None if once else every_s))
        except OperatedElsewhere as error:
            click.echo(f"automl: {error}", err=True)
            code = ELSEWHERE
    sys.exit(code)


def _operated(context: OperateContext, looks: LookLine) -> int:
    """Look, once or again and again, while no other process does; return the exit code."""
    try:
        with interruptible(), context.journal.alone(), _endpoint(context, looks) as endpoint:
            operator = Operator(context, looks.clock, looks.said, endpoint)
            if looks.by_hand.give_up is not None:
                operator.give_up(looks.by_hand.give_up)
            if looks.by_hand.begin is not None:
                operator.ask(looks.by_hand.begin)
            if looks.every_s is None:
                return 0 if operator.look() else STEP_FAILED
            _stay(operator, looks.every_s)
    except KeyboardInterrupt:
        context.say("interrupted; the same line goes on from here")
    return ENDED_BY_HAND if looks.every_s is None else 0


@contextmanager
def _endpoint(context: OperateContext, looks: LookLine) -> Iterator[MetricsEndpoint | None]:
    """Serve metrics for as long as this process stays."""
    listen = context.settings.monitoring.listen
    if listen is None or looks.every_s is None:
        yield None
        return
    with closing(MetricsEndpoint(listen)) as endpoint:
        yield endpoint


def _stay(operator: Operator, every_s: float) -> NoReturn:
    """Look every so many seconds, for ever; after looks that failed the pause doubles, up to an hour."""
    pause_s = every_s
    while True:
        pause_s = every_s if operator.look() else min(2 * pause_s, max(PAUSE_MOST_S, every_s))
        time.sleep(pause_s)
