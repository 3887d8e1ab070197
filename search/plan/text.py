"""A plan in the terminal: what will be searched, what it costs, what the budget buys."""

from collections.abc import Iterator

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from objectives.data.dataset import Dataset
from reports.table.words import architecture, duration, percent, plural, size
from search.plan.first_candidates import first_candidates
from search.plan.forecast import Forecast
from search.plan.model import SearchPlan
from search.plan.space_text import space_rows, space_size
from search.settings.settings import Settings
from search.workers.jobs import Jobs

NAMES = {1: ("all",), 2: ("small", "large"), 3: ("small", "middle", "large")}


def print_plan(console: Console, plan: SearchPlan, settings: Settings, dataset: Dataset, *, whole: bool = True) -> None:
    """Print a plan; it fits 80 columns, and without colours nothing is lost.

    Args:
        console: to print on.
        plan: of `search.plan.make.make_plan`.
        settings: of the search.
        dataset: of the search.
        whole: also what will be searched, dimension by dimension, and the first candidates.
    """
    if whole:
        _rows(console, [("space", space_size(settings.space)), *space_rows(settings.space)])
        firsts = first_candidates(settings, Jobs(settings, dataset).ladder)
        shown = [f"{architecture(first.candidate)} ({'start' if first.asked_for else 'sampled'})" for first in firsts]
        _rows(console, [("" if i else "first", text) for i, text in enumerate(shown)])
    _print_costs(console, plan, settings.trial.epochs_for(len(dataset.splits["train"])))
    if plan.timed:
        forecast = Forecast.of(plan, settings, dataset)
        _rows(console, list(forecast_rows(forecast, settings)))
        for warning in forecast.warnings(settings.store.size_mb_max):
            console.print(Text(f"warning: {warning}", style="yellow"))
    for note in plan.notes:
        console.print(Text(f"warning: {note}", style="yellow"))


def forecast_rows(forecast: Forecast, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what the budget buys and what it needs: label and text."""
    stops = forecast.first_rung < forecast.epochs
    least_s, most_s = forecast.counted_s
    if forecast.carried:
        each = f"{duration(forecast.carried_s)} each, what a trial takes beside its epochs"
        yield "carried", f"{plural(forecast.carried, 'detector')} of other studies first, {each}"
    if forecast.baseline_s:
        of = f", {percent(forecast.baseline_s / (3600 * forecast.hours))} of the hours" if forecast.hours else ""
        yield "baseline", f"{settings.baseline.to_json()} comes first, and takes {duration(forecast.baseline_s)}{of}"
    early = f", {duration(least_s)} if all stop at epoch {forecast.first_rung} of {forecast.epochs}" if stops else ""
    if forecast.families:
        each = f"a training takes {duration(forecast.trial_s)}, and brings children of seconds each"
        yield "trials", f"{plural(forecast.trials, 'trial')} at most: {each}"
    else:
        yield "trials", f"{plural(forecast.trials, 'trial')} take {duration(most_s)} trained to their end{early}"
    if forecast.bought is not None:
        whole, most = forecast.bought
        early = f", {most:,} if all stop at epoch {forecast.first_rung} of {forecast.epochs}" if stops else ""
        bought_words = plural(whole, "training") if forecast.families else f"{plural(whole, 'trial')} trained"
        yield "hours", f"{forecast.hours:g} h buy {bought_words} to the end{early}"
    yield "ends", _ends(forecast)
    at_once = f", {size(forecast.workers * forecast.memory_bytes)} for {forecast.workers} at once"
    yield (
        "memory",
        f"{size(forecast.memory_bytes)} for a large candidate{at_once if forecast.workers > 1 else ''}; "
        f"the machine has {size(forecast.machine_bytes)}",
    )
    cap = settings.store.size_mb_max
    kept = f", kept under {size(1e6 * cap)} (store.size_mb_max)" if cap and 1e6 * cap < forecast.disk_bytes else ""
    waiting = f" and {size(forecast.waiting_bytes)} while it waits" if forecast.waiting_bytes else ""
    yield (
        "disk",
        f"up to {size(forecast.disk_bytes)}: {size(forecast.trial_bytes)} a trial{waiting}{kept}; "
        f"{size(forecast.free_bytes)} are free",
    )


def _ends(forecast: Forecast) -> str:
    match forecast.binding:
        case "trials":
            return "the search ends by its count of trials" + (", before its hours" if forecast.hours else "")
        case "hours":
            return "the search ends by its hours, before its count of trials"
    why = "as children turn out" if forecast.families else "as early stopping has it"
    return f"the search ends by its hours or its count of trials, {why}"


def _print_costs(console: Console, plan: SearchPlan, epochs: int) -> None:
    """Print what the small, the middle and the large candidate cost."""
    if plan.timed:
        rehearsed = f"{plural(len(plan.timed), 'candidate')} in a few steps each, in {duration(plan.seconds)}"
        _rows(console, [("timed", f"{len(plan.timed)} trials of this study" if plan.measured else rehearsed)])
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1))
        table.add_column("", min_width=6, no_wrap=True)
        for name in ("epoch", "trial", "params", "memory"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("detector")
        for name, one in zip(NAMES[len(plan.places)], plan.places, strict=True):
            table.add_row(
                name,
                duration(one.epoch_s),
                duration(one.overhead_s + epochs * one.epoch_s),
                f"{one.parameters / 1e6:.1f} M",
                size(one.peak_bytes),
                Text(architecture(one.candidate)),
            )
        console.print(table)
    for line in plan.refused:
        console.print(Text(f"warning: could not be timed: {line}", style="yellow"))


def _rows(console: Console, rows: list[tuple[str, str]]) -> None:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", style="dim", min_width=8, no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        cells: list[RenderableType] = [Text(label), Text(text)]
        grid.add_row(*cells)
    console.print(grid)
