"""What a static page shows of its winner's validation images: a few of them, in few bytes, or why none."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
from pictured_study import PicturedStudy, give_detections, made_detections, pictured_study

from objectives.data.dataset import Dataset, make_image
from objectives.deploy.kept_detections import keep_detections, read_kept
from objectives.records import attributes
from objectives.records.paths import TrialPaths
from reports.detections.counts import counts_of_images, worst_first
from reports.detections.matched import MatchedSplit, match_split
from reports.detections.payload import BEST, WORST, detections_payload, few_images, few_payload
from reports.page.page import render_page
from reports.page.payload import script_json
from reports.table.table import read_study
from reports.table.verdict import judge
from search.study.files.validation import winner_detections


@pytest.fixture
def made(report_study: Callable[..., optuna.Study], tmp_path: Path) -> PicturedStudy:
    """A study whose winner has detections, too."""
    own = pictured_study(report_study(24), tmp_path, images=9)
    winner = judge(read_study(own.study)).row
    assert winner is not None
    give_detections(TrialPaths(own.folder / str(winner.folder)), own.dataset, seed=3)
    return own


def test_a_static_page_has_the_worst_images_and_the_best_and_counts_of_all(made: PicturedStudy) -> None:
    table = read_study(made.study)
    ((number, found),) = winner_detections(table, made.folder).items()
    winner = judge(table).row
    assert winner is not None
    assert number == winner.number == found["number"]
    assert (len(found["images"]), found["total"], found["whole"]) == (WORST + BEST, 9, False)
    for image in found["images"]:
        assert b64decode(image[-1].removeprefix("data:image/jpeg;base64,")).startswith(b"\xff\xd8\xff")
    everything = detections_payload(_split(made, winner.folder), number)
    assert found["curves"]["all"] == everything["curves"]["all"]
    assert len(found["curves"]["classes"]) == len(made.dataset.classes)
    by_key = {image[0]: image for image in everything["images"]}
    assert all(image[:-1] == by_key[image[0]] for image in found["images"])
    counts = counts_of_images(_split(made, winner.folder), found["confidence"])
    assert [image[0] for image in found["images"][:WORST]] == [one.key for one in worst_first(counts)[:WORST]]
    page = render_page(table, made.folder, detections={number: found})
    assert f'"detections":{{"{number}":{{"number":{number},' in page


def _split(made: PicturedStudy, folder: str | None) -> MatchedSplit:
    kept = read_kept(TrialPaths(made.folder / str(folder)).found)
    return match_split(kept, made.images, made.dataset.classes)


def test_why_there_are_no_images(made: PicturedStudy, report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(made.study)
    winner = judge(table).row
    assert winner is not None
    made.images[0].path.parent.parent.rename(made.folder / "moved")
    (found,) = winner_detections(table, made.folder).values()
    assert found["why"].startswith("The data set of this study cannot be read now")
    paths = TrialPaths(made.folder / str(winner.folder))
    paths.found.write_bytes(b"damaged")
    (made.folder / "moved").rename(made.folder / "data")
    (found,) = winner_detections(table, made.folder).values()
    assert found["why"].endswith("is damaged; score the trial again to have its detections.")
    paths.found.unlink()
    (found,) = winner_detections(table, made.folder).values()
    why = "on the validation images were not kept: an older automl scored it."
    assert found == {"why": f"The detections of trial {winner.number} {why}"}
    assert winner_detections(read_study(report_study(0)), made.folder) == {}


def test_pictures_of_a_static_page_are_few_bytes(tmp_path: Path) -> None:
    """Even of images of noise, which no JPEG makes small; and with boxes in the hundreds."""
    import cv2

    rng = np.random.default_rng(0)
    images = []
    for i in range(6):
        path = tmp_path / f"{i}.jpg"
        path.write_bytes(cv2.imencode(".jpg", rng.integers(0, 255, (480, 640, 3), dtype=np.uint8))[1].tobytes())
        boxes = np.hstack([rng.uniform(0, 500, (40, 2)), rng.uniform(10, 100, (40, 2))])
        images.append(make_image(path, (640, 480), boxes.tolist(), rng.integers(0, 5, 40).tolist())[0])
    data = Dataset("noise", tmp_path, tuple("abcde"), {"val": tuple(images)})
    found = [made_detections(image, 5, rng) for image in images]
    split = match_split(keep_detections(found, images, "val", 0.25), images, data.classes)
    values = few_payload(split, 0)
    assert 0 < len(values["images"]) < 6  # those beyond the budget are left out
    assert len(script_json({0: values})) < 280_000
    images[few_images(split)[0].key].path.unlink()
    assert len(few_payload(split, 0)["images"]) >= len(values["images"]) - 1  # one that is gone costs itself alone


def test_a_study_that_does_not_say_where_its_data_is(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    own = pictured_study(report_study(12), tmp_path, images=1)
    winner = judge(read_study(own.study)).row
    assert winner is not None
    give_detections(TrialPaths(own.folder / str(winner.folder)), own.dataset, seed=3)
    own.study.set_user_attr(attributes.SETTINGS, {})
    (found,) = winner_detections(read_study(own.study), own.folder).values()
    assert found == {"why": "The study does not say where its data set is."}
    assert json.loads(script_json(found)) == found
