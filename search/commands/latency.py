"""`automl latency`: an exported file, measured on a device."""

from pathlib import Path

from objectives.latency.hosts.open import check
from objectives.latency.measure import measure_latency
from objectives.trial.job import timed_images
from reports.table.console import open_console
from search.commands.boards.clean import run_clean
from search.settings.dataset import load_data
from search.settings.settings import load_settings


def run_latency(artifact: str, arguments: list[str], *, clean: bool = False) -> None:
    """Measure a file on a device; or `clean` a board, where the first word is an override, too."""
    if clean:
        run_clean([artifact, *arguments])
        return
    settings = load_settings(arguments)
    check(settings.device)
    paths = timed_images(load_data(settings.data).splits[settings.data.split])
    figure = measure_latency(Path(artifact), settings.device, paths, settings.latency)
    state = "stable" if figure.stable else f"unstable: {figure.note}"
    open_console(highlight=False, soft_wrap=True).print(
        f"p50 {figure.p50_ms:.3f} ms ({figure.p50_low_ms:.3f} to {figure.p50_high_ms:.3f}), "
        f"p95 {figure.p95_ms:.3f} ms, network alone {figure.network_ms:.3f} ms, "
        f"{figure.samples} images, {state}, device {figure.device}"
    )
