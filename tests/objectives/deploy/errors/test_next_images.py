"""Images to label next: uncertain ones first, no two alike, and nothing lost."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_errors import detected
from numpy.typing import NDArray

from objectives.deploy.errors.looking import images_to_label
from objectives.deploy.errors.next_images import GREEDY_MOST, Looked, blocks, features, rank, uncertainty
from spaces.errors import DataError

NOTHING = detected([])


def looked(name: str, unsure: float, where: float | NDArray[np.float64]) -> Looked:
    return Looked(Path(name), (9, 9), NOTHING, unsure, np.atleast_1d(np.asarray(where, dtype=np.float64)))


def order(*images: Looked, labelled: list[float] | None = None) -> list[str]:
    known = np.array(labelled or [], dtype=np.float64).reshape(-1, 1)
    return [image.looked.path.name for image in rank(images, known, (1,))]


def of_scores(*scores: float) -> float:
    return uncertainty(np.array(scores), 0.25)


def test_uncertainty_is_nearness_to_the_confidence() -> None:
    assert of_scores() == 0
    assert of_scores(1.0, 0.0) == 0
    assert of_scores(0.25, 0.25, 0.25) == 1
    assert of_scores(0.25) == pytest.approx(1 / 3)
    assert of_scores(0.125) == pytest.approx(0.5 / 3)
    assert of_scores(0.625) == pytest.approx(0.5 / 3)
    assert of_scores(0.3, 0.2, 0.25) == of_scores(0.3, 0.2, 0.25, *[0.99] * 50)  # crowded images gain nothing


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0.001, 0.999))
def test_uncertainty_is_a_share(scores: list[float], confidence: float) -> None:
    assert 0 <= uncertainty(np.array(scores), confidence) <= 1


def test_of_equally_new_images_the_uncertain_comes_first() -> None:
    assert order(looked("sure", 0.2, 1.0), looked("unsure", 0.9, 1.0), labelled=[0.0]) == ["unsure", "sure"]


def test_of_equally_uncertain_images_the_new_comes_first() -> None:
    near, far = looked("near", 0.5, 0.1), looked("far", 0.5, 1.0)
    assert order(near, far, labelled=[0.0]) == ["far", "near"]


def test_a_copy_of_what_was_chosen_comes_last() -> None:
    images = looked("first", 0.9, 1.0), looked("its copy", 0.89, 1.0), looked("other", 0.3, -1.0)
    assert order(*images, labelled=[0.0]) == ["first", "other", "its copy"]
    assert order(*images) == ["first", "other", "its copy"]


def test_an_image_that_the_detector_is_sure_of_is_chosen_for_its_novelty() -> None:
    assert order(looked("sure", 0.0, 50.0), looked("unsure", 0.5, 0.1), labelled=[0.0])[0] == "sure"


def test_without_images_there_is_nothing() -> None:
    assert rank([], np.zeros((0, 1)), (1,)) == []


def test_images_that_do_not_differ_at_all_are_kept() -> None:
    assert order(looked("a", 0.5, 1.0), looked("b", 0.4, 1.0), labelled=[1.0]) == ["a", "b"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-5, 5)), min_size=1, max_size=12), st.lists(st.floats(-5, 5)))
def test_ranking_keeps_every_image_once_and_is_greedy(images: list[tuple[float, float]], known: list[float]) -> None:
    made = [looked(str(i), unsure, where) for i, (unsure, where) in enumerate(images)]
    points = np.array(known).reshape(-1, 1)
    ranked = rank(made, points, (1,))
    assert sorted(image.looked.path.name for image in ranked) == sorted(str(i) for i in range(len(images)))
    worths = [image.worth for image in ranked]
    assert all(first >= second - 1e-9 for first, second in pairwise(worths))  # distances only fall


def test_beyond_the_greedy_ones_all_are_ordered() -> None:
    rng = np.random.default_rng(0)
    made = [looked(str(i), float(rng.random()), float(rng.normal())) for i in range(GREEDY_MOST + 40)]
    ranked = rank(made, np.zeros((0, 1)), (1,))
    assert len({image.looked.path for image in ranked}) == GREEDY_MOST + 40
    rest = [image.worth for image in ranked[GREEDY_MOST:]]
    assert rest == sorted(rest, reverse=True)


def test_blocks_of_features_count_alike_whatever_their_scale() -> None:
    """A block of numbers a thousand times as large does not drown the other."""
    points = {"far in both": (3.0, 3000.0), "far in the small": (3.0, 0.0), "near": (0.1, 0.0)}
    made = [looked(name, 0.5, np.array(point)) for name, point in points.items()]
    ranked = [image.looked.path.name for image in rank(made, np.array([[0.0, 0.0]]), (1, 1))]
    assert ranked.index("far in the small") < ranked.index("near")
    assert ranked[0] == "far in both"


def test_features_tell_classes_colours_and_edges_apart() -> None:
    grey = np.full((50, 70, 3), 128, np.uint8)
    red = grey.copy()
    red[:, :35] = (0, 0, 255)
    stripes = grey.copy()
    stripes[::10] = 0
    cans, jars = detected([(0, 0, 9, 9, 0.9, 0)]), detected([(0, 0, 9, 9, 0.9, 1)])
    classes, colours, edges = np.split(
        np.array(
            [features(image, found, 2) for image, found in ((grey, cans), (grey, jars), (red, cans), (stripes, cans))]
        ),
        np.cumsum(blocks(2))[:-1],
        axis=1,
    )
    assert not np.allclose(classes[0], classes[1])
    assert np.allclose(colours[0], colours[1])
    assert np.abs(colours[0] - colours[2]).max() > 0.1
    assert edges[3].sum() > edges[0].sum() + 0.01
    assert int(edges[3].argmax()) == len(edges[3]) // 2  # stripes lie across: their gradient points down


def test_features_do_not_depend_on_size() -> None:
    small = np.random.default_rng(1).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    large = cv2.resize(small, (512, 512), interpolation=cv2.INTER_NEAREST)
    larger = cv2.resize(small, (1024, 1024), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_allclose(features(large, NOTHING, 1), features(larger, NOTHING, 1), atol=1e-6)


def test_a_missing_file_is_an_error_of_the_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        images_to_label(tmp_path / "none", ())
