"""Validation images over HTTP: a trial's detections, thumbnails, and every request for what is not there."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree

import numpy as np
import optuna
import pytest
from pictured_study import PicturedStudy, give_detections, pictured_study
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from stored_study import StoredStudy

from objectives.deploy.kept_detections import read_kept
from objectives.records import attributes
from objectives.records.paths import FOUND, TrialPaths
from objectives.records.study_record import StudyWriter
from reports.detections.matched import match_split
from reports.detections.payload import detections_payload
from search.browse.app import make_app
from search.browse.pictures_routes import picture_routes
from search.browse.security import Tokens
from search.browse.shelf import StudyShelf
from search.browse.study_pictures import RecentlyUsed, StudyPictures, pictures_by_name
from spaces.errors import StoreError


@pytest.fixture(scope="module")
def made(report_study: Callable[..., optuna.Study], tmp_path_factory: pytest.TempPathFactory) -> PicturedStudy:
    """A study whose trials 0 and up have detections; it is only read."""
    return pictured_study(report_study(24, deaths=True), tmp_path_factory.mktemp("study"), names="what?-{}%2F.jpg")


@pytest.fixture(scope="module")
def client(made: PicturedStudy) -> Iterator[TestClient]:
    with client_of(made) as found:
        yield found


def client_of(made: PicturedStudy) -> TestClient:
    pictures = StudyPictures(made.study, made.folder)

    def of(name: str) -> StudyPictures:
        if name != "a study?":
            raise StoreError(f"study: there is no '{name}'")
        return pictures

    return TestClient(Starlette(routes=picture_routes(of)))


def test_detections_of_a_trial_are_those_that_were_kept(made: PicturedStudy, client: TestClient) -> None:
    number = made.numbers[1]
    answer = client.get(f"/studies/a%20study%3F/trials/{number}/detections")
    assert answer.status_code == 200
    paths = TrialPaths(made.folder / made.study.trials[number].user_attrs[attributes.FOLDER])
    split = match_split(read_kept(paths.found), made.images, made.dataset.classes)
    assert answer.json() == json.loads(json.dumps(detections_payload(split, number)))
    values = answer.json()
    assert (values["whole"], values["total"], values["lost"]) == (True, len(made.images), 0)
    assert [image[1] for image in values["images"]] == [image.path.name for image in made.images]
    assert answer.headers["cache-control"] == "no-store"


def test_detections_are_read_anew_when_their_file_has_changed(
    report_study: Callable[..., optuna.Study], tmp_path: Path
) -> None:
    own = pictured_study(report_study(12), tmp_path, images=2)
    address = f"/studies/a%20study%3F/trials/{own.numbers[0]}/detections"
    with client_of(own) as client:
        first = client.get(address).json()
        paths = TrialPaths(own.folder / own.study.trials[own.numbers[0]].user_attrs[attributes.FOLDER])
        give_detections(paths, own.dataset, seed=99, confidence=0.4)
        assert client.get(address).json()["confidence"] == 0.4 != first["confidence"]


def test_another_study_of_the_same_name_has_its_own_images(tmp_path: Path) -> None:
    def make(images: int) -> None:
        pictured_study(StoredStudy(tmp_path, 6).study, tmp_path / "retail", images=images)

    make(2)
    app = make_app(StudyShelf(tmp_path, None), Tokens(), lambda *_: "")
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/studies/retail/images/3.jpg").json()["error"] == "the split 'val' has no image 3; it has 2"
        rmtree(tmp_path / "retail")
        assert "there is no 'retail'" in client.get("/studies/retail/images/3.jpg").json()["error"]
        make(5)
        assert client.get("/studies/retail/images/3.jpg").status_code == 200


def test_what_is_kept_in_memory_is_bounded_for_all_studies_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        pictured_study(StoredStudy(tmp_path, 6, name).study, tmp_path / name, images=1)
    monkeypatch.setattr("search.browse.study_pictures.THUMBNAIL_BYTES_MAX", 1)  # room for one, the newest
    opened, read = pictures_by_name(tmp_path, None), []
    monkeypatch.setattr("search.browse.study_pictures.thumbnail_jpeg", lambda path, side: read.append(path) or b"jpeg")
    for name in "abba":
        opened(name, None).thumbnail(0, 160)
    assert [path.parents[2].name for path in read] == ["a", "b", "a"]


@pytest.mark.parametrize(("px", "side"), [("", 320), ("?px=100", 160), ("?px=240", 240), ("?px=99999", 320)])
def test_thumbnails_are_small_jpegs(client: TestClient, px: str, side: int) -> None:
    answer = client.get(f"/studies/a%20study%3F/images/3.jpg{px}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (side, side * 3 // 4)  # never larger than the image itself


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("images/99.jpg", "the split 'val' has no image 99; it has 8"),
        ("images/-1.jpg", "an image goes by its number"),
        ("images/1e0.jpg", "an image goes by its number"),
        ("images/%D9%A1.jpg", "an image goes by its number"),  # a digit of another script
        ("images/1.jpg?px=wide", "an image goes by its number"),
        ("images/99999999999999999999.jpg", "an image goes by its number"),
        ("images/..%5C..%5Cetc.jpg", "an image goes by its number"),
        ("trials/9999/detections", "has no trial 9999"),
        ("trials/x/detections", "a trial goes by its number"),
        ("trials/-1/detections", "a trial goes by its number"),
    ],
)
def test_what_is_not_there_is_404_in_one_line(client: TestClient, address: str, why: str) -> None:
    answer = client.get(f"/studies/a%20study%3F/{address}")
    assert answer.status_code == 404
    assert why in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("key", ["..%2F..%2Fdata%2Fimages%2Fval-0", "%2Fetc%2Fpasswd", "../../study"])
def test_no_part_of_a_request_becomes_a_path(client: TestClient, key: str) -> None:
    assert client.get(f"/studies/a%20study%3F/images/{key}.jpg").status_code == 404
    assert client.post("/studies/a%20study%3F/images/1.jpg").status_code == 405
    assert client.get("/studies/..%2Fother/images/1.jpg").status_code == 404
    assert client.get("/studies/other/images/1.jpg").json() == {"error": "study: there is no 'other'"}


def test_trials_without_detections_say_why(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    own = pictured_study(report_study(30), tmp_path, images=2)
    ended = [trial for trial in own.study.trials if trial.values and trial.number not in own.numbers]
    failed = next(trial for trial in own.study.trials if trial.values is None)
    StudyWriter(own.study).removed({ended[1].number: (FOUND,)})
    with client_of(own) as client:

        def why(number: int) -> str:
            answer = client.get(f"/studies/a%20study%3F/trials/{number}/detections")
            assert answer.status_code == 404
            return str(answer.json()["error"])

        assert "were not kept: an older automl scored it" in why(ended[0].number)
        assert "were removed to keep the study's folder under store.size_mb_max" in why(ended[1].number)
        assert "was not scored: it has no detections" in why(failed.number)


def test_a_data_set_that_has_moved_and_images_that_are_gone(
    report_study: Callable[..., optuna.Study], tmp_path: Path
) -> None:
    own = pictured_study(report_study(12), tmp_path / "study", images=3)
    with client_of(own) as client:
        assert client.get("/studies/a%20study%3F/images/1.jpg").status_code == 200
        own.images[1].path.unlink()
        answer = client.get("/studies/a%20study%3F/images/1.jpg")
        assert (answer.status_code, answer.json()) == (
            404,
            {"error": "image 1 of the split 'val' is gone from the data set"},
        )
        own.images[2].path.write_bytes(b"no picture")
        assert "cannot be decoded" in client.get("/studies/a%20study%3F/images/2.jpg").json()["error"]
    own.dataset.root.rename(tmp_path / "moved")
    with client_of(own) as client:
        for address in (f"trials/{own.numbers[0]}/detections", "images/0.jpg"):
            answer = client.get(f"/studies/a%20study%3F/{address}")
            assert answer.status_code == 404
            assert "the data set of this study cannot be read now" in answer.json()["error"]
            assert "data.root=NEW_PLACE" in answer.json()["error"]


def test_labels_that_have_changed_since_are_said(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    own = pictured_study(report_study(12), tmp_path, images=3)
    card = own.dataset.root / "annotations" / "val.json"
    values = json.loads(card.read_text())
    values["annotations"] = [one for one in values["annotations"] if one["id"] != 1]  # of the first image
    card.write_text(json.dumps(values))
    with client_of(own) as client:
        found = client.get(f"/studies/a%20study%3F/trials/{own.numbers[0]}/detections").json()
        assert (found["total"], found["lost"]) == (2, 1)
        values["annotations"] = [{**one, "bbox": [1, 1, 9, 9]} for one in values["annotations"]]
        card.write_text(json.dumps(values))
    with client_of(own) as client:
        answer = client.get(f"/studies/a%20study%3F/trials/{own.numbers[0]}/detections")
        assert answer.status_code == 404
        assert "their labels have changed" in answer.json()["error"]


def test_pictures_are_turned_as_their_exif_says(report_study: Callable[..., optuna.Study], tmp_path: Path) -> None:
    own = pictured_study(report_study(12), tmp_path, images=2)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :20] = 250
    with client_of(own) as client:
        client.get("/studies/a%20study%3F/images/0.jpg")  # the data set is read
        Image.fromarray(pixels).save(own.images[1].path, exif=exif, quality=95)
        with Image.open(io.BytesIO(client.get("/studies/a%20study%3F/images/1.jpg").content)) as upright:
            assert upright.size == (40, 60)
            assert np.asarray(upright)[5, 20].min() > 200  # what was left is above now
            assert np.asarray(upright)[55, 20].max() < 50
            assert 0x0112 not in upright.getexif()  # or a browser would turn it again


def test_what_was_not_asked_for_longest_goes_first() -> None:
    held, made = RecentlyUsed(10), list[str]()

    def get(key: str, size: int = 4) -> bytes:
        return held.get(key, lambda: made.append(key) or key.encode() * size)  # type: ignore[func-returns-value]  # append gives None

    assert [get(key) for key in "ababcab"] == [key.encode() * 4 for key in "ababcab"]
    assert "".join(made) == "abcab"
    assert get("x", 50) == b"x" * 50  # larger than all: it is held alone
    assert "".join(made[-1:]) == "x"
    get("x", 50)
    assert made.count("x") == 1
