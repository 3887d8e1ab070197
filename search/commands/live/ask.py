"""`automl pause`, `continue`, `stop`, `try`, `note`: what people ask of a search that goes on."""

from collections.abc import Sequence
from typing import Any

import click

from search.study.requests.act import act
from spaces.dimension import Choice, Value, parse_domain
from spaces.errors import SettingsError


def run_pause(name: str, folder: str, store: str | None) -> None:
    """Pause a search."""
    _say(name, folder, store, action="pause")


def run_continue(name: str, folder: str, store: str | None) -> None:
    """Let a search go on."""
    _say(name, folder, store, action="continue")


def run_stop(name: str, number: int, why: str, folder: str, store: str | None) -> None:
    """Stop a trial."""
    _say(name, folder, store, action="stop", trial=number, why=why)


def run_try(name: str, choices: Sequence[str], like: int | None, folder: str, store: str | None) -> None:
    """Ask for a candidate.

    Raises:
        SettingsError: a word is no `DIMENSION=VALUE`.
    """
    _say(name, folder, store, action="try", like=like, choices=dict(_choices(choices)))


def run_note(name: str, number: int, text: str, folder: str, store: str | None) -> None:
    """Note something on a trial."""
    _say(name, folder, store, action="note", trial=number, text=text)


def _say(name: str, folder: str, store: str | None, **request: Any) -> None:
    click.echo(act(name, folder, store, request))


def _choices(words: Sequence[str]) -> list[tuple[str, Value]]:
    """Return pairs of dimension and value, the value read as a line of `automl search` has it.

    Raises:
        SettingsError: a word is no choice, or several.
    """
    found: list[tuple[str, Value]] = []
    for word in words:
        name, equals, text = word.partition("=")
        short = name.removeprefix("space.")
        if not equals or not text or not name:
            raise SettingsError(f"try: a choice is DIMENSION=VALUE, got '{word}'; for one: size.pixels=256")
        domain = parse_domain(short, text)
        if not isinstance(domain, Choice) or len(domain.values) != 1:
            raise SettingsError(f"try: {short} needs one value, got '{text}'; ask once for each")
        if any(short == known for known, _ in found):
            raise SettingsError(f"try: {short} is given twice; give it once")
        found.append((short, domain.values[0]))
    return found
