"""The paired bootstrap: nothing between a detector and itself, intervals that hold the truth as often as they say."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.compare.bootstrap import PairedDifference, Resampling, difference, draw
from objectives.compare.precision import average_precisions
from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.deploy.matches import match
from spaces.errors import SettingsError


def of_means(a: np.ndarray, b: np.ndarray, resampling: Resampling) -> PairedDifference:
    """Return the difference of two means over images: a figure whose truth is known."""
    weights = draw(len(a), resampling)
    return difference(a @ weights / len(a), b @ weights / len(b), len(a), resampling.level)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_a_detector_does_not_differ_from_itself(seed: int, images: int) -> None:
    figures = np.random.default_rng(seed).random(images)
    found = of_means(figures, figures, Resampling(resamples=100))
    assert (found.value, found.low, found.high) == (0, 0, 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_sides_changed_change_the_sign(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random(30), rng.random(30)
    one, other = of_means(a, b, Resampling(resamples=200)), of_means(b, a, Resampling(resamples=200))
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert one.low <= one.value <= one.high


def test_a_seed_gives_the_same_interval_and_another_one_not() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random(40), rng.random(40)
    first = of_means(a, b, Resampling(seed=1))
    assert of_means(a, b, Resampling(seed=1)) == first
    assert of_means(a, b, Resampling(seed=2)).low != first.low


@pytest.mark.parametrize(("level", "images"), [(0.95, 12), (0.95, 60), (0.8, 30)])
def test_intervals_hold_the_true_difference_as_often_as_they_say(level: float, images: int) -> None:
    """Simulated pairs: images differ in difficulty, which both detectors share, and the challenger is .03 better."""
    rng = np.random.default_rng(7)
    trials, held = 600, 0
    for i in range(trials):
        difficulty = rng.beta(2, 2, images)
        a = difficulty + rng.normal(0, 0.1, images)
        b = difficulty + 0.03 + rng.normal(0, 0.1, images)
        found = of_means(a, b, Resampling(level, 400, i))
        held += found.low <= 0.03 <= found.high
    assert held / trials == pytest.approx(level, abs=0.03)


def test_pairing_makes_the_interval_narrow() -> None:
    rng = np.random.default_rng(2)
    difficulty = rng.random(80)
    a, b = difficulty + rng.normal(0, 0.02, 80), difficulty + rng.normal(0, 0.02, 80)
    paired, apart = of_means(a, b, Resampling()), of_means(a, rng.permutation(b), Resampling())
    assert paired.high - paired.low < 0.2 * (apart.high - apart.low)


def scene(rng: np.random.Generator, misses: tuple[float, float]) -> tuple[LabelledImage, list[Detections]]:
    """Return an image of four objects, and what two detectors find that miss each object so often."""
    corner = np.array([[0, 0], [200, 0], [0, 200], [200, 200]], float)
    boxes = np.hstack([corner, np.full((4, 2), 60.0)])
    hard = rng.random(4)
    found = []
    for miss in misses:
        kept = 0.5 * hard + 0.5 * rng.random(4) > miss
        corners = np.hstack([corner, corner + 60])[kept]
        found.append(Detections(corners, rng.uniform(0.3, 1, len(corners)), np.zeros(len(corners), np.int64)))
    return LabelledImage(Path("a.jpg"), 400, 400, boxes, np.zeros(4, np.int64)), found


@pytest.mark.slow
@pytest.mark.seconds
def test_intervals_of_map_hold_the_true_difference() -> None:
    """Whole detections, matched and scored; the truth is the difference on very many images."""
    rng = np.random.default_rng(11)

    def apart(images: int, seed: int) -> PairedDifference:
        scenes = [scene(rng, (0.4, 0.3)) for _ in range(images)]
        truth = [image for image, _ in scenes]
        weights = draw(images, Resampling(0.9, 200, seed))
        both = [match([found[i] for _, found in scenes], truth, ("can",))["can", "all"] for i in (0, 1)]
        a, b = (average_precisions(one, weights).mean(axis=0) for one in both)
        return difference(a, b, images, 0.9)

    truth = apart(3000, 0).value
    found = [apart(40, seed) for seed in range(150)]
    assert truth > 0.05
    assert np.mean([one.low <= truth <= one.high for one in found]) == pytest.approx(0.9, abs=0.06)


def test_one_image_has_no_interval() -> None:
    found = of_means(np.array([0.2]), np.array([0.5]), Resampling(resamples=100))
    assert found.value == pytest.approx(0.3)
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": 1.0}, r"^level: must lie in 0\.5\.\.1"),
        ({"level": 0.1}, r"^level: must lie in"),
        ({"resamples": 99}, r"^resamples: must be 100 or more, got 99"),
        ({"seed": -1}, r"^seed: must be 0 or more, got -1"),
    ],
)
def test_a_resampling_that_makes_no_sense_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Resampling(**change)
