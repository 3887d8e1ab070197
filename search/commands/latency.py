"""`automl latency`: exported files, measured on a device or looked up; or the device itself, described."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from objectives.deploy.device import Device, digest
from objectives.latency.book.asked import digest_of_file, digest_of_images
from objectives.latency.book.book import Book
from objectives.latency.hosts.open import about, check, describe, fingerprint
from objectives.latency.once import latency_once
from objectives.records.bounds.quantities import MB
from objectives.records.records import Latency
from objectives.trial.job import timed_images
from reports.table.console import labelled, open_console
from reports.table.latency_words import batches_words, kept_words, state_words, when_words
from reports.table.words import ABSENT, number, plural
from search.commands.boards.clean import run_clean
from search.settings.dataset import load_data
from search.settings.settings import Settings, load_settings
from spaces.errors import DataError, DeviceError, SettingsError

FIGURE_COLUMNS = ("file", "p50 ms", "p95 ms", "images/s", "memory MB", "file MB", "figure")

Found = list[tuple[str, Latency | DeviceError]]


def run_latency(words: Sequence[str], *, again: bool, as_json: bool, clean: bool = False) -> None:
    """Measure files on a device, or take what the book of latencies holds; without a file, describe the device.

    Args:
        words: of the line: files, and overrides of settings.
        again: measure anew, in place of what the book holds.
        as_json: print JSON (docs/latency.md).
        clean: remove all that is ours from a board instead.

    Raises:
        DeviceError: the device cannot measure, or one of the files could not be measured; the others are shown first.
    """
    overrides = [word for word in words if _is_override(word)]
    artifacts = [word for word in words if not _is_override(word)]
    if clean:
        _check_clean(artifacts, again=again)
        run_clean(overrides)
        return
    if again and not artifacts:
        raise SettingsError("--again: measures files anew; name one: automl latency FILE --again")
    settings = load_settings(overrides)
    if artifacts:
        _measure(artifacts, settings, again=again, as_json=as_json)
    else:
        _describe(settings.device, as_json=as_json)


def _check_clean(artifacts: Sequence[str], *, again: bool) -> None:
    came = [f"'{artifact}'" for artifact in artifacts[:1]] + ["--again"] * again
    if came:
        raise SettingsError(
            f"--clean: cleans a board and measures nothing, got {' and '.join(came)} beside it; "
            "measure with a line of its own"
        )


def _is_override(word: str) -> bool:
    return word.startswith("~") or ("=" in word and not Path(word).exists())


def _measure(artifacts: Sequence[str], settings: Settings, *, again: bool, as_json: bool) -> None:
    """Measure each file in processes of its own: its memory is known then, and a line of another file is no other."""
    for artifact in artifacts:
        if not Path(artifact).exists():
            raise DataError(f"artifact: '{artifact}' is not a file; name an ONNX file that this project exported")
    check(settings.device)
    images = timed_images(load_data(settings.data).splits[settings.data.split])
    error = open_console(stderr=True, highlight=False, soft_wrap=True)
    found: Found = []
    for artifact in dict.fromkeys(artifacts):
        found.append((artifact, _latency(artifact, settings, images, error, again=again)))
    found.sort(key=lambda one: one[1].p50_ms if isinstance(one[1], Latency) else float("inf"))
    if as_json:
        _print_json(_as_json(found, settings, images))
    else:
        _print_text(found, settings, images)
    for _, one in found:
        if isinstance(one, DeviceError):
            raise one


def _latency(
    artifact: str, settings: Settings, images: Sequence[Path], error: Console, *, again: bool
) -> Latency | DeviceError:
    def warn(text: str) -> None:
        error.print(f"warning: {text}")

    try:
        return latency_once(Path(artifact), settings.device, images, settings.latency, warn=warn, again=again)
    except DeviceError as failed:
        return failed


def _print_text(found: Found, settings: Settings, images: Sequence[Path]) -> None:
    console = open_console(highlight=False, soft_wrap=True)
    if len(found) > 1:
        open_console(highlight=False).print(_table(found))
    elif isinstance(found[0][1], Latency):
        console.print(_line(found[0][1]))
    data, device = settings.data, settings.device
    timed = f"letterbox, network and NMS at batch 1 on {len(images)} images of {data.split} of {data.root}"
    console.print(labelled("timed", timed))
    console.print(labelled("device", f"{device.name}, {fingerprint(device)}"))
    if any(isinstance(one, Latency) and one.kept for _, one in found):
        console.print(labelled("kept", "in the book of latencies; --again measures anew"))


def _line(one: Latency) -> str:
    figures = (
        f"p50 {one.p50_ms:.3f} ms ({one.p50_low_ms:.3f} to {one.p50_high_ms:.3f})",
        f"p95 {one.p95_ms:.3f} ms",
        f"network alone {one.network_ms:.3f} ms",
        batches_words(one),
        f"memory {number(one.peak_bytes / MB)} MB",
        f"file {number(one.file_bytes / MB)} MB",
        f"{one.samples} images",
        state_words(one),
        kept_words(one) or "measured now",
    )
    return ", ".join(part for part in figures if part)


def _table(found: Found) -> Table:
    """Return a row a file; interval, network and images timed are in the JSON, and in the line of a single file."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in FIGURE_COLUMNS:
        is_text = column in ("file", "figure")
        table.add_column(column, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for artifact, one in found:
        table.add_row(*map(Text, _cells(artifact, one)))
    return table


def _cells(artifact: str, one: Latency | DeviceError) -> list[str]:
    if isinstance(one, DeviceError):
        return [artifact, *[ABSENT] * (len(FIGURE_COLUMNS) - 2), "failed"]
    said = (state_words(one), kept_words(one) or "measured now", one.batch_note)
    return [
        artifact,
        number(one.p50_ms),
        number(one.p95_ms),
        ABSENT if one.images_per_s is None else f"{number(one.images_per_s)} at {one.best_batch}",
        number(one.peak_bytes / MB or None),
        number(one.file_bytes / MB or None),
        ", ".join(part for part in said if part),
    ]


def _as_json(found: Found, settings: Settings, images: Sequence[Path]) -> dict[str, Any]:
    return {
        "device": _card(settings.device),
        "timed": {
            "root": settings.data.root,
            "split": settings.data.split,
            "images": len(images),
            "digest": digest_of_images(images),
        },
        "latencies": [
            {"file": artifact, "sha256": digest_of_file(Path(artifact))}
            | ({"error": str(one)} if isinstance(one, DeviceError) else one.to_json())
            for artifact, one in found
        ],
    }


def _describe(device: Device, *, as_json: bool) -> None:
    """Show what a device is, what its runtime offers, what is missing, and what the book holds of it.

    Raises:
        DeviceError: something is missing; where the runtime or the board is, there is nothing to show.
    """
    fault = _fault(device)
    if fault is not None and (device.host is not None or not device.is_installed()):
        raise fault
    error = open_console(stderr=True, highlight=False, soft_wrap=True)
    book = Book(lambda text: error.print(f"warning: {text}"))
    card, said = _card(device), about(device)
    held, missing = book.held(card["fingerprint"]), [str(fault)] if fault else []
    if as_json:
        of_book = {"path": str(book.path), **asdict(held)}
        _print_json({"device": card, **asdict(said), "missing": missing, "book": of_book})
    else:
        span = f", measured {when_words(held.first)} to {when_words(held.last)}" if held.figures else ""
        kept = f"{plural(held.figures, 'figure')} of {plural(held.files, 'file')}{span} ({book.path})"
        console = open_console(highlight=False, soft_wrap=True)
        beside = {"offers": ", ".join(said.offers), "health": said.health, "advice": "; ".join(said.advice)}
        for name, value in {**card, **{k: v for k, v in beside.items() if v}, "kept": kept}.items():
            console.print(labelled(name, str(value), width=16))
    if fault:
        raise fault


def _card(device: Device) -> dict[str, Any]:
    described = describe(device)
    return {**described, "fingerprint": digest(described)}


def _fault(device: Device) -> DeviceError | None:
    """Return what keeps the device from measuring."""
    try:
        check(device)
    except DeviceError as error:
        return error
    return None


def _print_json(content: dict[str, Any]) -> None:
    open_console(highlight=False, soft_wrap=True).print(json.dumps(content, indent=2, ensure_ascii=False))
