"""How every command behaves: mistakes in one line, the nearest name for a typo, options that several have."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

from spaces.errors import AutomlError

CONTEXT = {"help_option_names": ["-h", "--help"], "ignore_unknown_options": False}
RUNS = click.option("--folder", default="runs", show_default=True, help="Where studies live (store.folder).")
STORE = click.option("--store", default=None, help="Optuna storage URL, if not SQLite in the study's folder.")


def measuring(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what `automl latency` takes: files and overrides, to measure anew, and how figures are printed."""
    words = click.argument("words", nargs=-1, metavar="[FILES]... [OVERRIDES]...")
    again = click.option("--again", is_flag=True, help="Measure anew, in place of the figures that are kept.")
    form = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
    clean = click.option("--clean", is_flag=True, help="Remove all that automl has put on a board: device=ssh ...")
    return words(again(form(clean(command))))


def exporting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what `automl export` takes: which detector of a study, where to, and in which formats."""
    for option in (
        click.option("--format", "formats", default=None, help="Also these, with figures: openvino,...; or available."),
        click.option("--to", "target", required=True, help="The folder to write; must not exist or be empty."),
        click.option("--device", default=None, help="Of several: whose latencies, front and gate; the first's."),
        click.option("--pick", default="gate", show_default=True, help="gate, knee, fastest, best, or a number."),
        click.argument("name"),
    ):
        command = option(command)
    return command


class Group(click.Group):
    """Commands, with the nearest name for a typo and one line for a user's mistake."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or say which one is near."""
        found = super().get_command(ctx, cmd_name)
        if found is None:
            from spaces.errors import nearest

            known = self.list_commands(ctx)
            hint = nearest(cmd_name, known) or f"; known: {', '.join(known)}"
            fail(f"unknown command '{cmd_name}'{hint}")
        return found


class DataGroup(Group):
    """`automl data check ...` and `errors ...`, and `automl data ...`, the card, for a line that names no command."""

    CARD = "card"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the card's name before a line of overrides alone."""
        is_line = not args or "=" in args[0] or args[0].startswith(("+", "~"))
        return super().parse_args(ctx, [self.CARD, *args] if is_line else args)


def fail(message: str) -> None:
    """Say a user's mistake on standard error and leave with 2."""
    click.echo(f"automl: {message}", err=True)
    sys.exit(2)


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Show a user's mistake in one line, exit code 2; the traceback with --debug only."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except AutomlError as error:
            if click.get_current_context().find_root().params.get("debug"):
                raise
            fail(str(error))
        except OSError as error:
            if click.get_current_context().find_root().params.get("debug"):
                raise
            fail(f"{error.strerror or error}: '{error.filename}'" if error.filename else str(error))

    return run


@contextmanager
def interrupted_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process while libraries are imported: extension modules make other errors of it."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
