"""`automl data errors` of a really trained detector, small: of its study, its export, and a training of that."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from command_line import Done, automl

from objectives.data.dataset import Dataset, LabelledImage
from objectives.data.readers import read_dataset
from objectives.records.paths import ExportPaths, StudyPaths

CLASSES = ("red <b>", "blue, né")
LINE = (
    *("conf=smoke", "budget.trials=1", "trial.epochs=40", "trial.train_device=cpu", "trial.backend=inline"),
    *("space.backbone.name=yolo11", "space.size.pixels=64", "trial.full_epochs=1", "sampler=random", "pruner=none"),
    *("space.train.batch=4", "space.train.lr0=0.01"),
)

pytestmark = pytest.mark.slow  # real trainings and searches; CI runs them


def write_coco(folder: Path, splits: dict[str, list[LabelledImage]]) -> Path:
    """Write images of blocks as COCO JSON, an annotation file a split."""
    (folder / "annotations").mkdir(parents=True)
    for split, images in splits.items():
        (folder / "images" / split).mkdir(parents=True)
        for image in images:
            shutil.copy(image.path, folder / "images" / split)
        content = {
            "images": [
                {"id": i, "file_name": f"{split}/{image.path.name}", "width": image.width_px, "height": image.height_px}
                for i, image in enumerate(images)
            ],
            "annotations": [
                {"id": 100 * i + j, "image_id": i, "category_id": int(label), "bbox": box.tolist(), "iscrowd": 0}
                for i, image in enumerate(images)
                for j, (box, label) in enumerate(zip(image.boxes_xywh, image.classes, strict=True))
            ],
            "categories": [{"id": k, "name": name} for k, name in enumerate(CLASSES)],
        }
        (folder / "annotations" / f"{split}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Path:
    """Folder with a data set `data`, the study `smoke` in `runs`, and the export `out` of its trial."""
    place = tmp_path_factory.mktemp("errors")
    write_coco(place / "data", {split: list(images) for split, images in blocks.splits.items()})
    done = automl("search", *LINE, "data=folder", f"data.root={place / 'data'}", folder=place)
    assert done.returncode == 0, done.stderr
    assert automl("export", "smoke", "--pick", "best", "--to", "out", folder=place).returncode == 0
    return place


@pytest.fixture
def place(tmp_path: Path, searched: Path) -> Path:
    """A copy of the study and the export, to be changed; the data set stays where it is."""
    for name in ("runs", "out"):
        shutil.copytree(searched / name, tmp_path / name)
    return tmp_path


def errors(folder: Path, *words: str, code: int = 0) -> Done:
    done = automl("data", "errors", *words, folder=folder)
    assert done.returncode == code, done.stderr
    return done


def refused(folder: Path, *words: str) -> str:
    """Return the one line with which a line is refused."""
    done = errors(folder, *words, code=2)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def content_of(path: Path) -> Any:
    return json.loads(path.read_text())


def spoilt_copy(searched: Path, folder: Path) -> dict[str, tuple[str, list[float]]]:
    """Write the data set with two labels removed and two of the other class; return those by kind and image."""
    shutil.copytree(searched / "data", folder)
    path = folder / "annotations" / "val.json"
    content = content_of(path)
    wide = [a for a in content["annotations"] if min(a["bbox"][2:]) > 25]
    by_image = {a["image_id"]: a for a in wide}
    removed, swapped = list(by_image.values())[5:7], list(by_image.values())[10:12]
    for annotation in swapped:
        annotation["category_id"] = 1 - annotation["category_id"]
    content["annotations"] = [a for a in content["annotations"] if a not in removed]
    path.write_text(json.dumps(content))
    names = {image["id"]: Path(image["file_name"]).name for image in content["images"]}
    planted = {names[a["image_id"]]: ("missing label", a["bbox"]) for a in removed}
    return planted | {names[a["image_id"]]: ("wrong class", a["bbox"]) for a in swapped}


@pytest.mark.seconds
def test_a_trial_of_a_study(searched: Path, place: Path) -> None:
    done = errors(place, "smoke")
    assert done.stdout.startswith("trial 0 of smoke on val of data\n")
    assert "The detector was not trained on these images." in done.stdout
    out = StudyPaths(place / "runs" / "smoke").folder / "errors" / "00000" / "val"
    assert done.stdout.endswith(f"written to {out}: errors.html, errors.json, suspects.json, predictions.json\n")
    assert {path.name for path in out.iterdir()} == {"errors.html", "errors.json", "suspects.json", "predictions.json"}
    values, lineage = content_of(out / "errors.json"), content_of(ExportPaths(place / "out").lineage)
    assert values["map50"] == pytest.approx(lineage["automl.accuracy"]["map50"], abs=1e-9)  # of the very same file
    assert values["map"] == pytest.approx(lineage["automl.accuracy"]["map"], abs=1e-9)
    assert values["trained_on"] is False
    assert values["confidence"] == 0.25
    labels = content_of(searched / "data" / "annotations" / "val.json")["annotations"]
    assert sum(values["labels"].values()) == len(labels)
    assert values["labels"]["correct"] > 0.7 * len(labels)
    predictions = content_of(out / "predictions.json")
    assert len(predictions["annotations"]) == sum(values["detections"].values())
    assert len(predictions["images"]) == 48
    assert min(a["score"] for a in predictions["annotations"]) > 0.25


@pytest.mark.seconds
def test_predictions_are_a_data_set_that_the_reader_reads(searched: Path, place: Path) -> None:
    errors(place, "out", "--to", "found")
    predictions = content_of(place / "found" / "predictions.json")
    assert predictions["info"]["images"] == str(searched / "data" / "images" / "val")
    (place / "again" / "images").mkdir(parents=True)
    for split in ("train", "val"):
        shutil.copytree(searched / "data" / "images" / "val", place / "again" / split)
        shutil.copy(place / "found" / "predictions.json", place / "again" / split / "_annotations.coco.json")
    read = read_dataset(place / "again", "coco")
    assert set(read.classes) == set(CLASSES)
    assert sum(len(image.classes) for image in read.splits["val"]) == len(predictions["annotations"])


@pytest.mark.seconds
def test_planted_errors_in_labels_are_found(searched: Path, place: Path) -> None:
    planted = spoilt_copy(searched, place / "spoilt")
    done = errors(place, "out", f"data.root={place / 'spoilt'}", "--to", "found")
    assert "is not known: this is not the data set, as it was then, that the detector was trained on" in done.stdout
    suspects = content_of(place / "found" / "suspects.json")
    names = {image["id"]: image["file_name"] for image in suspects["images"]}
    top = {names[a["image_id"]]: a for a in reversed(suspects["annotations"][:8])}  # of 144 labels
    for name, (kind, box) in planted.items():
        annotation = top[name]
        assert annotation["kind"] == kind
        np.testing.assert_allclose(annotation["bbox"], box, atol=12)
        assert annotation["trained_on"] is None
        now = annotation["label"]
        assert (now is None) == (kind == "missing label")
        assert now is None or now["class"] != CLASSES[annotation["category_id"] - 1]
    scores = [a["score"] for a in suspects["annotations"]]
    assert scores == sorted(scores, reverse=True)
    assert set(names) == {a["image_id"] for a in suspects["annotations"]}


@pytest.mark.seconds
def test_the_page_is_one_file_and_escapes_names(searched: Path, place: Path) -> None:
    spoilt_copy(searched, place / "spoilt")
    errors(place, "out", f"data.root={place / 'spoilt'}", "--to", "found")
    page = (place / "found" / "errors.html").read_text()
    assert "red &lt;b&gt;" in page
    assert "red <b>" not in page
    assert "blue, né" in page
    assert page.count("data:image/jpeg;base64,") >= 4
    assert "http" not in page  # nothing is loaded


@pytest.mark.seconds
def test_the_training_split_is_marked_as_seen(place: Path) -> None:
    done = errors(place, "out", "split=train")
    assert "The detector was trained on these images" in done.stdout
    assert content_of(place / "out" / "errors" / "train" / "errors.json")["trained_on"] is True
    assert "trained on these images" in (place / "out" / "errors" / "train" / "errors.html").read_text()


@pytest.mark.seconds
def test_what_was_trained_from_an_export_is_another_detector(place: Path, searched: Path) -> None:
    assert "holds no model.onnx; let automl train" in refused(place, "out/trained")
    trained = ExportPaths(place / "out").trained
    trained.folder.mkdir()
    shutil.copy(place / "out" / "model.onnx", trained.model)
    fingerprint = content_of(ExportPaths(place / "out").lineage)["fingerprints"]["data"]
    trained.identity.write_text(json.dumps({"epochs": 1, "seed": 0, "data": fingerprint}))
    done = errors(place, "out/trained")
    assert done.stdout.startswith("trial 0 of smoke, trained at full length on val of data\n")
    assert "was not trained on these images" in done.stdout
    trained.identity.unlink()
    assert "is not known" in errors(place, "out/trained").stdout
    assert (trained.folder / "errors" / "val" / "errors.html").is_file()


@pytest.mark.seconds
def test_classes_are_known_by_name(searched: Path, place: Path) -> None:
    """Another data set may have the classes in another order, or lack some."""
    shutil.copytree(searched / "data", place / "turned")
    for split in ("train", "val"):
        path = place / "turned" / "annotations" / f"{split}.json"
        content = content_of(path)
        content["categories"] = [{"id": 1, "name": CLASSES[1]}]
        content["annotations"] = [a for a in content["annotations"] if a["category_id"] == 1]
        path.write_text(json.dumps(content))
    errors(place, "out", f"data.root={place / 'turned'}", "--to", "found")
    red, blue = content_of(place / "found" / "errors.json")["classes"]
    assert sum(red["labels"].values()) == 0
    assert red["detections"]["background"] > 30  # the red ones are there, unlabelled
    assert blue["recall"] > 0.7
    suspects = content_of(place / "found" / "suspects.json")["annotations"]
    unlabelled = [a for a in suspects if a["category_id"] == 1]
    kinds = Counter(a["kind"] for a in unlabelled)
    assert kinds["missing label"] > 0.8 * len(unlabelled)  # hardly a red one lies on a label, and then on a blue one's
    assert max(a["score"] for a in unlabelled if a["kind"] == "missing label") < 0.05


@pytest.mark.seconds
def test_images_to_label_next(searched: Path, place: Path) -> None:
    photos = place / "photos"
    shutil.copytree(searched / "data" / "images" / "train", photos / "known")
    for path in sorted((photos / "known").iterdir())[3:]:
        path.unlink()
    rng = np.random.default_rng(2)
    for i in range(4):
        cv2.imwrite(str(photos / f"noise-{i}.png"), rng.integers(0, 255, (120, 160, 3), dtype=np.uint8))
    (photos / "broken.jpg").write_bytes(b"no image")
    (photos / "linked.png").symlink_to(searched / "data" / "images" / "val" / "val-3.png")
    done = errors(place, "out", "--unlabelled", "photos", "--to", "found")
    assert f"7 images of {photos} ranked; 1 left out: in the data set already; 1 left out: they cannot" in done.stdout
    assert done.stdout.endswith("next.json, next.txt\n")
    ranked = content_of(place / "found" / "next.json")
    names = [image["file_name"] for image in ranked["images"]]
    assert ranked["left_out"] == {"labelled_already": 1, "unreadable": ["broken.jpg"]}
    listed = (place / "found" / "next.txt").read_text().splitlines()
    assert listed == [str(photos / name) for name in names]
    assert len(set(names)) == 7
    newest = max(ranked["images"], key=lambda image: float(image["novelty"]))
    assert newest["file_name"].startswith("noise-")  # as nothing that is labelled looks
    assert [image["rank"] for image in ranked["images"]] == list(range(1, 8))
    page = (place / "found" / "errors.html").read_text()
    assert "Images to label next" in page
    assert "noise-0.png" in page
    errors(place, "out", "--to", "found")
    assert not (place / "found" / "next.json").exists()  # two runs are never mixed


@pytest.mark.seconds
def test_confidence_and_device_of_the_line(place: Path) -> None:
    errors(place, "out", "confidence=0.9", "device=cpu", "--to", "found")
    values = content_of(place / "found" / "errors.json")
    assert values["confidence"] == 0.9
    predictions = content_of(place / "found" / "predictions.json")
    assert all(a["score"] > 0.9 for a in predictions["annotations"])


# Refusals

REFUSALS: list[tuple[tuple[str, ...], str]] = [
    (("smok",), "study: there is no 'smok' in"),
    (("./nowhere",), "'./nowhere' holds neither a study nor an export"),
    (("smoke", "3"), "has no trial 3; its trials: 0 to 0"),
    (("smoke", "0", "--pick", "best"), "got trial 0 and --pick best; give one of them"),
    (("smoke", "--pick", "bset"), "pick: must be one of gate, knee, fastest, best"),
    (("out", "0"), "'out' is an export folder and holds one detector; leave out trial and pick"),
    (("out", "best"), "expected one trial's number and settings (split=val), got 'best'"),
    (("out", "splt=val"), "unknown setting 'splt'; nearest: split; known: data.root, data.format, split, device"),
    (("out", "split="), "split needs a value, got 'split='; give split=..."),
    (("out", "split=vla"), "the data set has no 'vla'; it has train, val"),
    (("out", "confidence=2"), "confidence must be a score from 0.001 to under 1, got '2'"),
    (("out", "confidence=high"), "confidence must be a score from 0.001 to under 1, got 'high'"),
    (("out", "device=cup"), "unknown device 'cup'; nearest: cpu, cuda; known: cpu, cpu_all"),
    (("out", "data.root=nowhere"), "nowhere' does not exist"),
    (("out", "--unlabelled", "nowhere"), "nowhere' is no folder; name a folder of images"),
    (("out", "--to", "out/config.yaml"), "exists and is no earlier run's; name another with --to"),
    (("out", "--to", "runs"), "exists and is no earlier run's; name another with --to"),
]


@pytest.mark.seconds
@pytest.mark.parametrize(("words", "why"), REFUSALS, ids=[" ".join(words) for words, _ in REFUSALS])
def test_a_line_that_cannot_be_is_refused(place: Path, words: tuple[str, ...], why: str) -> None:
    assert why in refused(place, *words)


@pytest.mark.seconds
def test_folders_and_data_that_cannot_be_used_are_refused(place: Path, searched: Path, shelves: Path) -> None:
    assert "does not know the classes" in refused(place, "out", f"data.root={shelves}")
    all_known = str(searched / "data" / "images")
    assert "all 96 images of" in refused(place, "out", "--unlabelled", all_known)
    broken = place / "broken"
    broken.mkdir()
    assert "holds no image; looked for .apng, .avif" in refused(place, "out", "--unlabelled", str(broken))
    (broken / "a.png").write_bytes(b"")
    assert "none of the 1 images of" in refused(place, "out", "--unlabelled", str(broken))
    shutil.copytree(place / "out", place / "smoke")
    assert "is an export folder here and a study in" in refused(place, "smoke")
    assert errors(place, "./smoke", "--to", "a").stdout == errors(place, "runs/smoke", "--to", "a").stdout
    (place / "runs" / "smoke" / "trials" / "00000" / "model.onnx").unlink()
    assert "model.onnx of trial 0 of 'smoke' is not in" in refused(place, "runs/smoke")
    (place / "out" / "model.onnx").unlink()
    assert "holds no model.onnx; export again" in refused(place, "out")


@pytest.mark.seconds
@pytest.mark.parametrize("text", [b"", b"- a", b"format: 1\n", b"{", b"\xff\xfe\x00", b"format: 2\nstudy: a\n"])
def test_another_programs_config_is_refused(place: Path, text: bytes) -> None:
    ExportPaths(place / "out").config.write_bytes(text)
    assert "is no config of an export of format 1" in refused(place, "out")


@pytest.mark.seconds
def test_a_lost_lineage_leaves_open_what_was_trained_on(place: Path) -> None:
    for text in ("", "[]", "{}"):
        ExportPaths(place / "out").lineage.write_text(text)
        assert "is not known" in errors(place, "out").stdout


@pytest.mark.seconds
def test_a_device_that_is_not_here_is_refused_with_a_way_out(place: Path) -> None:
    config = yaml.safe_load(ExportPaths(place / "out").config.read_text())
    config["device"] |= {"name": "cuda", "provider": "NoSuchExecutionProvider"}
    ExportPaths(place / "out").config.write_text(yaml.safe_dump(config))
    assert "device=cpu finds the same boxes on the processor" in refused(place, "out")
    errors(place, "out", "device=cpu")


@pytest.mark.seconds
def test_the_card_is_printed_as_before(searched: Path) -> None:
    line = ("data=folder", f"data.root={searched / 'data'}")
    done = automl("data", *line, folder=searched)
    assert done.returncode == 0
    val = yaml.safe_load(done.stdout)["splits"]["val"]
    assert (val["images"], val["boxes"]) == (48, 144)
    assert "unknown command 'erors'; nearest: errors" in automl("data", "erors", folder=searched).stderr
    assert "errors" in automl("data", "--help", folder=searched).stdout
