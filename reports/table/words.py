"""Figures in words: how numbers are written on the page and in the terminal."""

from collections.abc import Mapping
from typing import Any

from spaces.network.family import FP32, PARTS, SLIM_BLOCKS, precision_of, slim_ratios
from spaces.network.own import has_own_neck, head_kind, published_letter

ABSENT = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Return `value` with so many significant digits and no exponent: 1234.5 -> '1,234', 2.3456 -> '2.35'."""
    if value is None:
        return ABSENT
    decimals = digits - len(str(int(abs(value))))
    return f"{value:,.{max(decimals, 0)}f}"


def ms(value: float | None) -> str:
    """Return a latency with its unit: '2.35 ms'."""
    return ABSENT if value is None else f"{number(value)} ms"


def share(value: float | None) -> str:
    """Return an mAP with three decimals: '0.412'."""
    return ABSENT if value is None else f"{value:.3f}"


def percent(part: float | None) -> str:
    """Return a share as percent in two digits: '12 %', '1.3 %', '0.04 %'; smaller ones as a bound."""
    if part is None:
        return ABSENT
    value = 100 * part
    if value == 0 or abs(value) >= 9.95:
        return f"{value:.0f} %"
    if abs(value) >= 0.995:
        return f"{value:.1f} %"
    return f"{value:.2f} %" if abs(value) >= 0.01 else "under 0.01 %"


def plural(count: int, noun: str, many: str = "") -> str:
    """Return '1 trial', '2 trials', '1,200 trials'; `many` is an irregular plural."""
    return f"{count:,} {noun if count == 1 else many or f'{noun}s'}"


def duration(seconds: float | None) -> str:
    """Return a span of time in its two leading units: '3 h 12 min', '48 s'."""
    if seconds is None:
        return ABSENT
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def short_name(name: object) -> str:
    """Return a model's name without its package and pretraining tag: 'timm/resnet18.a1' -> 'resnet18'."""
    return str(name).rsplit("/", maxsplit=1)[-1].split(".", maxsplit=1)[0]


def architecture(candidate: Mapping[str, Any]) -> str:
    """Return the choices that name a detector: 'lcnet_050 · pan 16x1 · nms · 256 px · cut 0.35 · int8'.

    One that is published whole goes by its published name: 'yolo11n · own neck · nms · 320 px'.
    """
    name = str(candidate.get("backbone.name", ""))
    if letter := published_letter(candidate):
        name += letter
    elif "backbone.width" in candidate:
        name += f" w{candidate['backbone.width']:g} d{candidate.get('backbone.depth', 1):g}"
    neck = f"pan {candidate['neck.width']}x{candidate.get('neck.depth', 1)}" if "neck.width" in candidate else ""
    neck = "own neck" if has_own_neck(candidate) else neck
    head = head_kind(candidate) or ""
    size = f"{candidate['size.pixels']} px" if "size.pixels" in candidate else ""
    cut = f"cut {candidate['prune.ratio']:g}" if "prune.ratio" in candidate else ""
    precision = precision_of(candidate)
    other = "" if precision == FP32 else precision
    return " · ".join(part for part in (name, neck, head, size, cut, slim(candidate), other) if part)


def slim(candidate: Mapping[str, Any]) -> str:
    """Return what a child is built without: 'slim 0.3' of all parts, 'slim p4 0.5 head 0.3', 'slim p5 0.3 blocks 1'."""
    ratios = slim_ratios(candidate)
    alike = len(ratios) == len(PARTS) and len(set(ratios.values())) == 1
    texts = [f"{ratios[PARTS[0]]:g}"] if alike else [f"{part} {ratio:g}" for part, ratio in ratios.items()]
    texts += [f"blocks {candidate[SLIM_BLOCKS]}"] if candidate.get(SLIM_BLOCKS) else []
    return " ".join(["slim", *texts]) if texts else ""


def size(count_bytes: float) -> str:
    """Return an amount of memory or disk: '4.2 GB', '310 MB'."""
    return f"{number(count_bytes / 1e9, 2)} GB" if count_bytes >= 1e9 else f"{count_bytes / 1e6:.0f} MB"


def smaller_batch(batch: object, divisor: int) -> str:
    """Return '`batch 4 × 2`' for a batch of 8 that is loaded in two halves; empty for one that is loaded whole."""
    if divisor == 1:
        return ""
    return f"batch {max(1, batch // divisor)} × {divisor}" if isinstance(batch, int) else f"batch ÷ {divisor}"
