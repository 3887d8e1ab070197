"""`automl compare`: champion and challenger on one frozen set and this machine; the exit code says the verdict."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from objectives.compare.comparison import PairedComparison
from objectives.compare.frozen import FrozenSet, freeze
from objectives.compare.run import compare
from objectives.compare.verdict import Ruling
from objectives.latency.hosts.open import check
from reports.compare.text import compare_lines
from reports.table.console import open_console
from search.compare.named import Named, find
from search.compare.options import CompareOptions, read_options
from search.settings.compose import default_values
from search.settings.dataset import load_data
from search.settings.settings import DataSettings, Settings, load_settings
from search.study.shipped import remember_look
from spaces.errors import DataError

EXIT_CODES = {Ruling.PROMOTE: 0, Ruling.KEEP: 1, Ruling.CANNOT_TELL: 3}  # 2 is bad input, as everywhere


def run_compare(champion: str, challenger: str, arguments: list[str], folder: str, store: str | None, how: str) -> None:
    """Compare two detectors, put the comparison out, and exit with the verdict's code."""
    options, overrides = read_options(arguments)
    both = [find(name, folder, store, how) for name in (champion, challenger)]
    settings = load_settings(overrides)
    check(settings.device)
    data = _data(both, settings, overrides)
    frozen = freeze(load_data(data), options.split or data.split, options.frozen)
    with _progress() as progress:
        found = compare(
            both[0].contestant,
            both[1].contestant,
            frozen,
            settings.device,
            settings.latency,
            options.resampling,
            options.rules,
            progress,
            options.critical,
            settings.gate if options.gate else None,
        )
    _remember(both, frozen, settings)
    found = replace(found, notes=tuple(_notes(found, both, settings, frozen)))
    _put_out(found, options)
    sys.exit(EXIT_CODES[found.judgement.ruling])


def _data(both: Sequence[Named], settings: Settings, overrides: Sequence[str]) -> DataSettings:
    """Return the data set that the line names, or else the one that a detector was made for, the champion's first.

    Raises:
        DataError: nothing names one.
    """
    if any(argument.lstrip("+").startswith(("data.", "data=", "conf=")) for argument in overrides):
        return settings.data
    for named in both:
        if named.data is not None:
            return DataSettings(**{**default_values("data"), **named.data})
    raise DataError("data.root: neither file says which data set it is for; give data.root=...")


def _notes(found: PairedComparison, both: Sequence[Named], settings: Settings, frozen: FrozenSet) -> Iterator[str]:
    """Yield what else must be known to read the figures."""
    yield from found.notes
    for named in both:
        if named.note:
            yield named.note
        if named.device and named.device != settings.device.name:
            yield (
                f"{named.contestant.name} was made for device={named.device}; both ran on device={settings.device.name}"
            )
        data = named.data or {}
        if named.study and data.get("split") == frozen.split and _is_same(str(data.get("root")), frozen, settings):
            yield (
                f"{named.contestant.name} was chosen among the trials of study '{named.study}' by its figures on this "
                "very split, where it is better than elsewhere; split=test has no such favourite"
            )
    for role, side in (("champion", found.champion), ("challenger", found.challenger)):
        if not side.latency.stable:
            yield f"the latency of the {role} is unstable: {side.latency.note}"


def _remember(both: Sequence[Named], frozen: FrozenSet, settings: Settings) -> None:
    """Let the studies of trials that were looked at on their test split remember that."""
    for named in both:
        if named.folder is not None and _is_same(str((named.data or {}).get("root")), frozen, settings):
            remember_look(named.folder, named.store, "compare", frozen.split, len(frozen.images), named.trial)


def _is_same(root: str, frozen: FrozenSet, settings: Settings) -> bool:
    return root == settings.data.root or Path(root).expanduser().absolute() == Path(frozen.root).absolute()


def _put_out(found: PairedComparison, options: CompareOptions) -> None:
    console = open_console(highlight=False, soft_wrap=True)
    if options.page is not None:
        from reports.compare.page import write_compare_page

        write_compare_page(found, options.page)
    if options.format == "json":
        console.print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
        return
    for line in compare_lines(found):
        console.print(line)
    if options.page is not None:
        console.print(f"page: {options.page}")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show what is done on standard error: a bar in a terminal, else a line for each stage."""
    console = open_console(stderr=True, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        yield _Stages(console)
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total or None)


class _Stages:
    """Prints each stage once."""

    def __init__(self, console: Console) -> None:
        self._console, self._last = console, ""

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._last:
            self._last = what
            self._console.print(what, style="dim")
