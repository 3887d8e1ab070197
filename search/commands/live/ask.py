"""`automl pause`, `continue`, `stop`, `try`, `note`: what people ask of a search that goes on."""

from collections.abc import Sequence

from spaces.errors import AutomlError


def run_pause(name: str, folder: str, store: str | None) -> None:
    """Pause a search."""
    raise AutomlError("pause: is not there yet")


def run_continue(name: str, folder: str, store: str | None) -> None:
    """Let a search go on."""
    raise AutomlError("continue: is not there yet")


def run_stop(name: str, number: int, why: str, folder: str, store: str | None) -> None:
    """Stop a trial."""
    raise AutomlError("stop: is not there yet")


def run_try(name: str, choices: Sequence[str], like: int | None, folder: str, store: str | None) -> None:
    """Ask for a candidate."""
    raise AutomlError("try: is not there yet")


def run_note(name: str, number: int, text: str, folder: str, store: str | None) -> None:
    """Note something on a trial."""
    raise AutomlError("note: is not there yet")
