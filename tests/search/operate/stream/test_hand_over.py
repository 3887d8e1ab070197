"""Images are handed over in the files of three tools, come back, and are labels of their images ever after."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from small_stream import NOW, Truth, arrive, coco_of, first_data, stream_context
from window_detector import write_windows

from objectives.data.readers import read_raw
from objectives.predictions.record import LoggedBox, PredictionRecord
from objectives.predictions.write import append
from search.operate.context import OperateContext
from search.operate.due import changed_since
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus
from search.operate.journal.kept_labels import read_labels
from search.operate.stream.hand_over import hand_over
from search.operate.stream.labelling.chosen import read_asked
from search.operate.stream.labelling.disagree import disagreement
from search.operate.stream.take_back import take_back
from search.operate.stream.take_in import take_in
from search.operate.stream.versions import make_version
from spaces.errors import DataError

TRUTH: dict[str, Truth] = {}


@pytest.fixture
def champion(tmp_path: Path) -> Path:
    folder = tmp_path / "deployments/p/v0001"
    folder.mkdir(parents=True)
    write_windows(folder / "model.onnx")
    return folder


def with_stream(folder: Path, *more: str, images: int = 8) -> OperateContext:
    """Return a context whose stream has images of two stores, taken in."""
    first_data(folder / "first")
    for i in range(images):
        sha, boxes = arrive(folder / "stream", f"store-{'xy'[i % 2]}/{i}.png", i, NOW - timedelta(days=i))
        TRUTH[sha] = boxes
    context = stream_context(folder, *more)
    take_in(context)
    return context


@pytest.fixture
def context(tmp_path: Path) -> Iterator[OperateContext]:
    made = with_stream(tmp_path, "labelling.images_max=5")
    yield made
    made.journal.close()


def days_asked(context: OperateContext, champion: Path, kinds: list[str]) -> set[int]:
    """Return how old the images are that a round hands over that triggers of some kinds began, in days."""
    context.journal.record(FactKind.ROUND_BEGUN, NOW, {"why": ["so"], "kinds": kinds}, 1)
    hand_over(context, 1, champion, changed_since(context.journal.state().round, context.settings))
    return {(NOW - image.at).days for image in context.journal.images(ImageStatus.ASKED)}


@pytest.mark.parametrize(
    ("kinds", "most", "candidates"),
    [(["drift"], 2, {0, 1, 2}), (["drift"], 5, {0, 1, 2, 3, 4}), (["performance", "time"], 2, {0, 1})],
)
def test_after_a_change_what_came_since_is_handed_over_first(
    kinds: list[str], most: int, candidates: set[int], tmp_path: Path, champion: Path
) -> None:
    windows = ("triggers.drift.window_days=3", "triggers.performance.window_days=2")
    context = with_stream(tmp_path, f"labelling.images_max={most}", *windows, images=16)
    asked = days_asked(context, champion, kinds)
    assert len(asked) == most
    assert asked <= candidates
    context.journal.close()


def test_images_on_which_nothing_can_be_seen_are_not_handed_over(tmp_path: Path, champion: Path) -> None:
    context = with_stream(tmp_path, "labelling.images_max=20")
    cv2.imwrite(str(tmp_path / "stream/store-x/lid.png"), np.zeros((120, 160, 3), np.uint8))
    take_in(replace(context, now=NOW + timedelta(days=3650)))
    assert context.journal.count_images(ImageStatus.NEW) == 9
    assert hand_over(context, 1, champion)["images"] == 8
    context.journal.close()


def kept(context: OperateContext, sha: str) -> list[tuple[Any, ...]]:
    labels = read_labels(context.paths, sha)
    assert labels is not None
    return sorted((box[0], *(round(value) for value in box[1:])) for box in labels.boxes)


def give_back(folder: Path, tool: str, target: Path) -> dict[str, Truth]:
    """Label a hand-over with the truth in the files of its tool, and give it back; one image stays unlabelled."""
    names = sorted(path.name for path in (folder / "images").iterdir())
    labelled = {name: TRUTH[Path(name).stem] for name in names[1:]}
    labelled[names[1]] = []  # nothing is there
    if tool == "coco":
        target.mkdir()
        (target / "anything.json").write_text(json.dumps(coco_of(list(labelled.items()))))
    elif tool == "yolo":
        shutil.copytree(folder, target)
        card = yaml.safe_load((target / "data.yaml").read_text())
        number = {name: i for i, name in card["names"].items()}
        for name in names:
            rows = [
                f"{number[c]} {(x + w / 2) / 160} {(y + h / 2) / 120} {w / 160} {h / 120}\n"
                for c, x, y, w, h in labelled.get(name, [])
            ]
            (target / "labels" / f"{Path(name).stem}.txt").write_text("".join(rows))
        (target / "labels" / f"{Path(names[0]).stem}.txt").unlink()
    else:
        target.mkdir()
        tasks = json.loads((folder / "tasks.json").read_text())
        for i, task in enumerate(tasks):
            task["id"] = i
            name = Path(task["data"]["image"]).name
            truth = labelled.get(name)
            results = [
                {
                    "type": "rectanglelabels",
                    "original_width": 160,
                    "original_height": 120,
                    "value": {
                        "x": x / 1.6,
                        "y": y / 1.2,
                        "width": w / 1.6,
                        "height": h / 1.2,
                        "rotation": 0,
                        "rectanglelabels": [c],
                    },
                }
                for c, x, y, w, h in truth or []
            ]
            task["annotations"] = [] if truth is None else [{"result": results}]
        (target / "export.json").write_text(json.dumps(tasks))
    return {Path(name).stem: boxes for name, boxes in labelled.items()}


@pytest.mark.seconds
@pytest.mark.parametrize("tool", ["coco", "yolo", "label_studio"])
def test_the_round_trip_of_a_tool(tmp_path: Path, champion: Path, tool: str) -> None:
    context = with_stream(tmp_path, "labelling.images_max=5", f"labelling.tool={tool}")
    found = hand_over(context, 2, champion)
    assert (found["hand_over"], found["images"]) == ("to_label/0002", 5)
    folder = context.paths.hand_over(2)
    assert "5 images to label, handed over by round 2 of the pipeline p" in (folder / "README.txt").read_text()
    assert len(context.journal.images(ImageStatus.ASKED)) == 5
    labelled = give_back(folder, tool, tmp_path / "labels" / "back")
    back = take_back(context, 2)
    assert (back.labelled, back.asked, back.back, back.unknown) == (4, 5, 4, 0)
    marked = context.journal.images(ImageStatus.LABELLED)
    assert {image.sha256 for image in marked} == labelled.keys()
    assert {image.round for image in marked} == {2}
    for sha, boxes in labelled.items():
        assert kept(context, sha) == sorted((c, x, y, w, h) for c, x, y, w, h in boxes)
    assert take_back(context, 2).to_json() == {**back.to_json(), "labelled": 0, "problems": ()}
    context.journal.close()


@pytest.mark.seconds
def test_prelabels_are_what_the_champion_finds(context: OperateContext, champion: Path) -> None:
    hand_over(context, 2, champion)
    folder = context.paths.hand_over(2)
    content = json.loads((folder / "annotations.json").read_text())
    assert content["annotations"]
    assert all(0.25 < box["score"] <= 1 for box in content["annotations"])
    asked = read_asked(context.paths.round(2).asked)
    assert asked is not None
    for image in asked.images:
        truth = TRUTH[image.sha256]
        assert {box.label for box in image.boxes} <= {box[0] for box in truth}
    assert sum(len(image.boxes) for image in asked.images) >= 5
    assert {image.path.parent.name for image in read_raw(folder, "coco").images} == {"images"}
    tasks = with_tasks(context)
    assert tasks[0]["data"]["image"].startswith("/data/local-files/?d=to_label/0002/images/")
    value = next(box for task in tasks for box in task["predictions"][0]["result"])["value"]
    assert 0 <= value["x"] <= 100
    assert value["rectanglelabels"][0] in ("red", "blue")


def with_tasks(context: OperateContext) -> list[dict[str, Any]]:
    """Return the hand-over of round 2 as Label Studio's tasks."""
    from search.operate.stream.labelling.tools import write_tool

    asked = read_asked(context.paths.round(2).asked)
    assert asked is not None
    write_tool("label_studio", asked, context.paths.hand_over(2), "to_label/0002")
    tasks: list[dict[str, Any]] = json.loads((context.paths.hand_over(2) / "tasks.json").read_text())
    return tasks


@pytest.mark.seconds
def test_a_hand_over_that_was_cut_goes_on_with_the_images_chosen_first(context: OperateContext, champion: Path) -> None:
    first = hand_over(context, 2, champion)
    names = sorted(path.name for path in (context.paths.hand_over(2) / "images").iterdir())
    asked = [Path(name).stem for name in names]
    context.journal.mark_images(asked[:2], ImageStatus.NEW, 2, {})  # as of a look that was cut before it marked all
    shutil.rmtree(context.paths.hand_over(2))
    (context.paths.hand_over(2).with_name("0002.partial")).mkdir()
    arrive(Path(str(context.settings.stream.images)), "store-x/new.png", 99, NOW)
    take_in(context)
    assert hand_over(context, 2, champion) == first
    assert sorted(path.name for path in (context.paths.hand_over(2) / "images").iterdir()) == names
    assert {image.sha256 for image in context.journal.images(ImageStatus.ASKED)} == set(asked)
    shutil.rmtree(context.paths.hand_over(2))  # taken away by people, after it was handed over
    assert hand_over(context, 2, champion) == first
    assert not context.paths.hand_over(2).exists()


def test_without_a_champion_images_are_chosen_by_how_they_differ(context: OperateContext) -> None:
    found = hand_over(context, 1, None)
    assert (found["images"], found["classes_unsure"]) == (5, {})
    content = json.loads((context.paths.hand_over(1) / "annotations.json").read_text())
    assert content["annotations"] == []


def test_a_share_is_picked_by_chance(tmp_path: Path, champion: Path) -> None:
    context = with_stream(tmp_path, "labelling.images_max=6", "labelling.random_share=0.5")
    hand_over(context, 2, champion)
    asked = read_asked(context.paths.round(2).asked)
    assert asked is not None
    assert [image.random for image in asked.images] == [False] * 3 + [True] * 3
    assert len({image.sha256 for image in asked.images}) == 6
    context.journal.close()


def test_nothing_to_label_is_no_folder(tmp_path: Path, champion: Path) -> None:
    context = with_stream(tmp_path, images=0)
    assert hand_over(context, 2, champion) == {"hand_over": "", "images": 0, "classes_unsure": {}}
    assert not context.paths.hand_over(2).exists()
    context.journal.close()


def test_a_champion_that_is_gone_is_one_line(context: OperateContext, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        hand_over(context, 2, tmp_path / "gone")
    assert "holds no model.onnx; restore the deployment, or roll back" in str(error.value)
    assert read_asked(context.paths.round(2).asked) is None


def logged(image: str, version: str, boxes: list[tuple[str, tuple[float, float, float, float]]]) -> PredictionRecord:
    found = tuple(LoggedBox(label, 0.9, box) for label, box in boxes)
    return PredictionRecord(NOW - timedelta(hours=1), image, version, version == "v2", found, 9.0, 160, 120, "", "")


@pytest.mark.seconds
def test_images_over_which_versions_disagree_come_first(tmp_path: Path, champion: Path) -> None:
    log = tmp_path / "log.jsonl"
    context = with_stream(tmp_path, "labelling.images_max=2", "labelling.random_share=0", f"stream.predictions={log}")
    same = [("red", (10.0, 10.0, 40.0, 40.0))]
    records = []
    for image in context.journal.images():
        records += [logged(image.path, "v1", same), logged(image.sha256, "v2", same)]
    (torn,) = (image for image in context.journal.images() if image.path == "store-x/4.png")
    records.append(logged(torn.path, "v2", [("blue", (10.0, 10.0, 40.0, 40.0))]))
    append(log, records)
    hand_over(context, 2, champion)
    asked = read_asked(context.paths.round(2).asked)
    assert asked is not None
    assert {image.sha256: image.disagreement for image in asked.images}[torn.sha256] == 1.0
    assert {image.disagreement for image in asked.images if image.sha256 != torn.sha256} == {0.0}
    context.journal.close()


def test_disagreement_is_the_share_of_boxes_without_a_partner() -> None:
    one = LoggedBox("red", 0.9, (0, 0, 10, 10))
    moved, other = replace(one, box_xyxy=(1, 0, 11, 10)), replace(one, label="blue")
    assert disagreement((), ()) == 0
    assert disagreement((one,), (moved,)) == 0
    assert disagreement((one,), (other,)) == 1
    assert disagreement((one,), (moved, other)) == pytest.approx(1 / 3)


def test_labels_of_a_plain_name_and_later_ones_replace_earlier_ones(context: OperateContext, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    shas = {image.path: image.sha256 for image in context.journal.images()}
    (labels / "a.json").write_text(json.dumps(coco_of([("3.png", [("red", 10, 10, 20, 30)])])))
    assert take_back(context, None).labelled == 1
    assert kept(context, shas["store-y/3.png"]) == [("red", 10, 10, 20, 30)]
    (labels / "b.json").write_text(json.dumps(coco_of([("3.png", [("blue", 10, 10, 20, 30)])])))
    found = take_back(context, None)
    assert (found.labelled, found.problems) == (0, ())
    assert kept(context, shas["store-y/3.png"]) == [("blue", 10, 10, 20, 30)]


def test_images_that_the_stream_does_not_know_are_taken_in_with_their_labels(
    context: OperateContext, tmp_path: Path
) -> None:
    folder = tmp_path / "labels" / "more"
    sha, boxes = arrive(folder, "images/new.png", 77)
    images = [("new.png", boxes), ("nowhere.png", boxes), ("0.png", [("red", 5, 5, 30, 30)])]
    (folder / "train.json").write_text(json.dumps(coco_of(images)))
    found = take_back(context, None)
    assert (found.labelled, found.unknown) == (2, 1)
    assert any("1 labels are of no image of the stream" in line and "'nowhere.png'" in line for line in found.problems)
    (new,) = (image for image in context.journal.images(ImageStatus.LABELLED) if image.sha256 == sha)
    assert (new.path, new.group) == ("more/images/new.png", "more/images")
    assert (context.paths.folder / new.kept).is_file()


def test_labels_of_two_images_of_one_name_need_the_pictures(context: OperateContext, tmp_path: Path) -> None:
    arrive(tmp_path / "stream", "store-y/0.png", 55)
    take_in(context)
    (tmp_path / "labels" / "a.json").write_text(json.dumps(coco_of([("0.png", [("red", 5, 5, 30, 30)])])))
    found = take_back(context, None)
    assert found.labelled == 0
    assert "a.json: 1 labels have the name of several images of the stream" in found.problems[0]


def test_what_is_no_data_set_is_said_until_it_is_one(context: OperateContext, tmp_path: Path) -> None:
    path = tmp_path / "labels" / "a.json"
    path.write_text('{"images": [')
    for _ in range(2):
        assert take_back(context, None).problems[0].startswith("a.json: stream.labels: ")
    path.write_text(json.dumps(coco_of([("3.png", [("red", 10, 10, 20, 30)])])))
    assert take_back(context, None).labelled == 1


def test_a_look_that_was_cut_between_labels_and_marks_goes_on(context: OperateContext, tmp_path: Path) -> None:
    path = tmp_path / "labels" / "a.json"
    path.write_text(json.dumps(coco_of([("3.png", [("red", 10, 10, 20, 30)])])))
    take_back(context, None)
    (image,) = context.journal.images(ImageStatus.LABELLED)
    context.journal.mark_images([image.sha256], ImageStatus.NEW, 0, {})
    context.paths.labels_seen.unlink()
    assert take_back(context, None).labelled == 1
    assert [one.sha256 for one in context.journal.images(ImageStatus.LABELLED)] == [image.sha256]


def test_groups_keep_their_side_and_a_few_groups_give_a_recent_set(tmp_path: Path) -> None:
    first_data(tmp_path / "first")
    context = stream_context(tmp_path)
    names = []
    for i in range(16):
        arrive(tmp_path / "stream", f"store-{i % 8}/{i}.png", i, NOW - timedelta(days=1))
        names.append(f"{i}.png")
    take_in(context)
    for k, part in enumerate((names[:8], names[8:])):
        images = [(name, [("red", 10.0, 10.0, 20.0, 30.0)]) for name in part]
        (tmp_path / "labels" / f"{k}.json").write_text(json.dumps(coco_of(images)))
        take_back(context, None)
        sides: dict[str, set[str]] = {}
        for image in context.journal.images(ImageStatus.LABELLED):
            sides.setdefault(image.group, set()).add(image.split)
        assert all(len(split) == 1 for split in sides.values())
        assert sum(split == {"recent"} for split in sides.values()) == 2  # a quarter of eight
    context.journal.close()


@pytest.mark.seconds
def test_the_last_data_set_is_what_images_are_compared_with(context: OperateContext, champion: Path) -> None:
    version = make_version(context, 1)
    context.journal.record(FactKind.ROUND_BEGUN, NOW, {"why": [], "kinds": []}, 1)
    context.journal.record(FactKind.VERSION_MADE, NOW, {"data": version.to_json()}, 1)
    hand_over(context, 2, champion)
    asked = read_asked(context.paths.round(2).asked)
    assert asked is not None
    assert asked.classes == ("red", "blue")
    assert max(image.novelty for image in asked.images) != 1.0  # what there is nothing to compare with gets
