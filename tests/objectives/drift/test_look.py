"""A look at a stream: what is found, what is said of it, and what is left unsaid."""

import json
from datetime import timedelta

import numpy as np
import pytest
from drifting_stream import START, Quiet, span, stream

from objectives.drift.look import look
from objectives.drift.sample import DriftImage, DriftSample
from spaces.errors import SettingsError

ALPHA = 0.5 * 7 / 365.25
CLASSES = ("bottle", "can", "jar")


def mixed(shares: tuple[float, ...], days: range, rng: np.random.Generator, shift: float = 0.0) -> DriftSample:
    """Return images of three stores with ten objects each of these shares, and an embedding of 64 numbers."""
    images = []
    for day in days:
        for store in range(3):
            lamp = rng.normal(0, 0.05, 64)
            for _ in range(3):
                found = dict(zip(CLASSES, rng.multinomial(10, shares).tolist(), strict=True))
                embedding = tuple((rng.normal(0, 1, 64) + lamp + shift).tolist())
                at = START + timedelta(days=day + rng.random())
                images.append(DriftImage(at, f"store-{store}", {"count": 10.0}, found, embedding))
    return DriftSample.of(images, "backbone")


def test_a_darker_week_is_found_and_said() -> None:
    images = stream(Quiet(), 35, np.random.default_rng(0), lambda day: 1.0 if day < 28 else 0.6)
    (found,) = look(span(images, 0, 28), span(images, 28, 35), ["brightness"], {"brightness": 0.15}, ALPHA)
    assert found.drifted
    assert found.change == pytest.approx(-0.4, abs=0.05)
    assert found.now == pytest.approx(found.baseline * 0.6, rel=0.1)
    assert (found.images, found.groups, found.groups_baseline) == (8 * 7 * 4, 8, 8)
    assert set(found.by_group) == {f"store-{i}" for i in range(8)}
    assert max(found.by_group.values()) < -0.2
    assert (sum(found.counts), sum(found.counts_baseline)) == (8 * 7 * 4, 8 * 28 * 4)
    assert len(found.edges) == len(found.counts) + 1
    assert json.loads(json.dumps(found.to_json()))["name"] == "brightness"


def test_a_change_within_its_margin_means_nothing() -> None:
    images = stream(Quiet(day_sd=0.01, image_sd=0.02), 35, np.random.default_rng(0), lambda day: 1 - 0.1 * (day >= 28))
    reference, window = span(images, 0, 28), span(images, 28, 35)
    (found,) = look(reference, window, ["brightness"], {"brightness": 0.15}, ALPHA)
    assert not found.drifted
    assert found.p > 0.5
    (strict,) = look(reference, window, ["brightness"], {"brightness": 0.02}, ALPHA)
    assert strict.drifted


@pytest.mark.parametrize(("shares", "drifted"), [((0.5, 0.3, 0.2), False), ((0.1, 0.3, 0.6), True)])
def test_class_mix_by_total_variation(shares: tuple[float, ...], drifted: bool) -> None:
    rng = np.random.default_rng(1)
    reference, window = mixed((0.5, 0.3, 0.2), range(28), rng), mixed(shares, range(28, 35), rng)
    (found,) = look(reference, window, ["class_mix"], {"class_mix": 0.15}, ALPHA)
    assert found.drifted == drifted
    assert found.change == pytest.approx(0.4 if drifted else 0, abs=0.05)
    assert found.labels == CLASSES
    assert sum(found.counts) == 10 * found.images


@pytest.mark.parametrize(("shift", "drifted"), [(0.0, False), (0.6, True)])
def test_embeddings_by_how_far_their_centre_has_moved(shift: float, drifted: bool) -> None:
    rng = np.random.default_rng(2)
    even = (0.4, 0.3, 0.3)
    reference, window = mixed(even, range(28), rng), mixed(even, range(28, 35), rng, shift)
    (found,) = look(reference, window, ["embedding"], {"embedding": 0.25}, ALPHA)
    assert found.drifted == drifted
    assert found.change == pytest.approx(shift, abs=0.15)
    other = DriftSample(window.images, "another backbone")
    (refused,) = look(reference, other, ["embedding"], {"embedding": 0.25}, ALPHA)
    assert (refused.drifted, refused.change) == (False, None)
    assert "another file's backbone" in refused.note


def test_a_look_shares_its_alpha_over_its_figures() -> None:
    """A p that one figure alone would be drifted by is not enough among three of which nothing is to be seen."""
    rng = np.random.default_rng(3)
    images = []
    for image in stream(Quiet(), 35, rng, lambda day: 1 - 0.08 * (day >= 28)):
        quiet = {name: 0.5 + rng.normal(0, 0.05) for name in ("contrast", "sharpness")}
        images.append(DriftImage(image.at, image.group, {**image.figures, **quiet}))
    reference, window = span(tuple(images), 0, 28), span(tuple(images), 28, 35)
    margins = {"brightness": 0.0, "contrast": 0.0, "sharpness": 0.0}
    (alone,) = look(reference, window, ["brightness"], margins, 0.5)
    level = alone.p * 2
    assert look(reference, window, ["brightness"], margins, level)[0].drifted
    three = look(reference, window, list(margins), margins, level)
    assert three[0].alpha == pytest.approx(level / 3)
    assert not three[0].drifted


def test_few_images_say_nothing_and_new_groups_are_left_out_aloud() -> None:
    images = stream(Quiet(4), 35, np.random.default_rng(4))
    new = tuple(DriftImage(i.at, "store-new", {"brightness": 0.01}) for i in span(images, 28, 35).images[::8])
    reference, window = span(images, 0, 28), DriftSample((*span(images, 28, 35).images, *new))
    (found,) = look(reference, window, ["brightness"], {"brightness": 0.15}, ALPHA)
    assert not found.drifted
    assert found.note == f"{len(new)} images of groups that the baseline lacks were left out"
    (few,) = look(reference, DriftSample(window.images[:9]), ["brightness"], {"brightness": 0.15}, ALPHA)
    assert (few.p, few.blocks) == (1.0, "")
    assert few.note == "the window has 9 of the 30 images that are needed"


def test_names_that_are_not_known_or_lack_a_margin() -> None:
    empty = DriftSample(())
    with pytest.raises(SettingsError, match=r"'brightnes' is no figure; nearest: brightness"):
        look(empty, empty, ["brightnes"], {}, 0.01)
    with pytest.raises(SettingsError, match="has no margin"):
        look(empty, empty, ["count"], {}, 0.01)
    (nothing,) = look(empty, empty, ["count"], {"count": 0.1}, 0.01)
    assert "has 0 of the" in nothing.note


def test_a_sample_is_kept_as_json() -> None:
    sample = mixed((0.4, 0.3, 0.3), range(1), np.random.default_rng(5))
    kept = DriftSample.from_json(json.loads(json.dumps(sample.to_json())))
    assert DriftSample.from_json(kept.to_json()) == kept
    assert kept.embedder == "backbone"
    assert [(i.at, i.group, i.classes) for i in kept.images] == [(i.at, i.group, i.classes) for i in sample.images]
    assert kept.images[0].embedding == pytest.approx(sample.images[0].embedding, rel=1e-3)
