"""A stream of figures for the tests of drift: stores that differ, days that are alike, weeks with planograms."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from objectives.drift.sample import DriftImage, DriftSample

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


@dataclass(frozen=True)
class Quiet:
    """How a stream moves without drift; standard deviations are shares of a store's mean."""

    stores: int = 8
    images: int = 4  # of a store and day
    store_sd: float = 0.2
    week_sd: float = 0.0
    day_sd: float = 0.05
    image_sd: float = 0.1
    correlation: float = 0.5  # of a day with the next
    away: float = 0.0  # share of store-days that send nothing


def stream(
    quiet: Quiet, days: int, rng: np.random.Generator, change: Callable[[float], float] = lambda day: 1.0
) -> tuple[DriftImage, ...]:
    """Return images of so many days, in time; `change` is a factor on brightness by day."""
    images = []
    for store in range(quiet.stores):
        mean, of_day = 0.5 * (1 + rng.normal(0, quiet.store_sd)), rng.normal(0, quiet.day_sd)
        weeks = rng.normal(0, quiet.week_sd, days // 7 + 1)
        for day in range(days):
            fresh = rng.normal(0, quiet.day_sd)
            of_day = quiet.correlation * of_day + np.sqrt(1 - quiet.correlation**2) * fresh
            if rng.random() < quiet.away:
                continue
            for _ in range(quiet.images):
                value = mean * change(day) * (1 + weeks[day // 7] + of_day + rng.normal(0, quiet.image_sd))
                at = START + timedelta(days=day + rng.random())
                images.append(DriftImage(at, f"store-{store}", {"brightness": value}))
    return tuple(sorted(images, key=lambda image: image.at))


def span(images: tuple[DriftImage, ...], first_day: float, end_day: float) -> DriftSample:
    """Return the images of a span of days."""
    edges = [START + timedelta(days=day) for day in (first_day, end_day)]
    return DriftSample.of(image for image in images if edges[0] <= image.at < edges[1])
