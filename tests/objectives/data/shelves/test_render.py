"""Rendered shelves: same seed, same bytes; honest boxes; splits that share nothing; pairs that look alike."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from objectives.data.shelves.camera import IMAGE_PX, MIN_VISIBLE, aim, develop, look
from objectives.data.shelves.products import PRODUCTS, packshot
from objectives.data.shelves.render import render_shelves
from objectives.data.shelves.scenes import SUPERSAMPLE, Scene, paint
from objectives.data.shelves.stores import MISPLACED, Board, Item, Store, lay_out, make_planogram, make_stores
from spaces.errors import DataError

SPLITS = ("train", "val", "test")


def read(root: Path, split: str) -> dict[str, Any]:
    coco: dict[str, Any] = json.loads((root / "annotations" / f"{split}.json").read_text())
    return coco


def digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_shelves(tmp_path_factory.mktemp("shelves") / "data", train=24, val=12, test=12)


@pytest.mark.seconds
def test_same_seed_same_bytes(tmp_path: Path) -> None:
    sizes: dict[str, Any] = {"train": 2, "val": 1, "test": 1}
    first = digests(render_shelves(tmp_path / "first", seed=7, **sizes))
    assert len(first) == 4 + 3
    assert digests(render_shelves(tmp_path / "second", seed=7, **sizes)) == first
    other = digests(render_shelves(tmp_path / "other", seed=8, **sizes))
    assert not set(first.values()) & set(other.values())


@pytest.mark.seconds
def test_an_image_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    few = digests(render_shelves(tmp_path / "few", train=1, val=1, test=0))
    many = digests(render_shelves(tmp_path / "many", train=3, val=2, test=1))
    images = {name: digest for name, digest in few.items() if name.endswith(".jpg")}
    assert len(images) == 2
    assert images.items() <= many.items()


def test_a_complete_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    root = render_shelves(tmp_path / "data", train=1, val=1, test=1)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert render_shelves(root, train=5, val=1, test=1) == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.seconds
@pytest.mark.slow
def test_splits_share_no_store_and_no_week(shelves: Path) -> None:
    images = {split: read(shelves, split)["images"] for split in SPLITS}
    for key, least in (("store", 2), ("week", 2)):
        values = {split: {image[key] for image in images[split]} for split in SPLITS}
        assert all(len(values[split]) >= least for split in SPLITS)
        assert all(not values[a] & values[b] for a, b in combinations(SPLITS, 2))


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_annotations_are_sound(shelves: Path, split: str) -> None:
    coco = read(shelves, split)
    sizes = {image["id"]: (image["width"], image["height"]) for image in coco["images"]}
    for annotation in coco["annotations"]:
        x, y, width, height = annotation["bbox"]
        limits = sizes[annotation["image_id"]]
        assert min(x, y) >= 0
        assert min(width, height) > 2
        assert x + width <= limits[0] + 0.02  # both are rounded to 0.01 px
        assert y + height <= limits[1] + 0.02
        assert annotation["area"] == pytest.approx(width * height, abs=0.01)
        assert MIN_VISIBLE <= annotation["visible"] <= 1
    ids = [annotation["id"] for annotation in coco["annotations"]]
    assert ids == list(range(1, len(ids) + 1))


@pytest.mark.parametrize("split", SPLITS)
def test_every_class_is_in_every_split_and_images_are_full(shelves: Path, split: str) -> None:
    coco = read(shelves, split)
    names = {category["id"]: category["name"] for category in coco["categories"]}
    seen = Counter(names[annotation["category_id"]] for annotation in coco["annotations"])
    assert set(seen) == {product.name for product in PRODUCTS}
    per_image = Counter(annotation["image_id"] for annotation in coco["annotations"])
    assert 15 <= np.mean(list(per_image.values())) <= 40
    widths = [a["bbox"][2] for a in coco["annotations"] if a["visible"] > 0.95]
    assert 30 <= np.percentile(widths, 5) < np.percentile(widths, 95) <= 110


def test_images_are_what_the_annotations_say(shelves: Path) -> None:
    for split in SPLITS:
        for image in read(shelves, split)["images"]:
            picture = cv2.imread(str(shelves / "images" / image["file_name"]))
            assert picture is not None
            assert picture.shape == (image["height"], image["width"], 3)
            assert picture.std() > 20
    assert {path.name for path in shelves.iterdir()} == {"images", "annotations"}


def test_a_pair_differs_in_a_small_mark_alone() -> None:
    for one, other in zip(PRODUCTS[::2], PRODUCTS[1::2], strict=True):
        assert one.pack is other.pack
        shots = [packshot(product).astype(int) for product in (one, other)]
        assert np.array_equal(shots[0][..., 3], shots[1][..., 3])
        differs = np.abs(shots[0] - shots[1]).max(axis=2) > 16
        assert 0.001 < differs.mean() < 0.1
        assert np.abs(shots[0] - shots[1]).max() > 100  # small, but printed with contrast


def test_different_pairs_differ_a_lot() -> None:
    small = [cv2.resize(packshot(product), (24, 32)).astype(int) for product in PRODUCTS[::2]]
    for one, other in combinations(small, 2):
        assert (np.abs(one - other).max(axis=2) > 48).mean() > 0.4


def test_the_mark_fades_in_a_small_photograph() -> None:
    """At 64 px a pair is far more alike than at 480 px, once the picture is shrunk as a lens would."""
    for one, other in zip(PRODUCTS[::2], PRODUCTS[1::2], strict=True):
        contrast = {}
        for image_px in (64, 480):
            size = [round(mm * 0.95 * image_px / 480) for mm in (one.pack.width_mm, one.pack.height_mm)]
            shots = [
                cv2.resize(packshot(product), size, interpolation=cv2.INTER_AREA).astype(int)
                for product in (one, other)
            ]
            contrast[image_px] = np.abs(shots[0] - shots[1]).max()
        assert contrast[64] < 0.75 * contrast[480], one.name


def shop() -> Store:
    return make_stores(("store",), np.random.default_rng(0))[0]


def stand(*items: Item) -> Scene:
    """Return a scene of 2 px a mm, with `items` on a board whose top lies at 180 mm."""
    board = Board(180.0, items, ())
    planogram = make_planogram(1, 0, np.random.default_rng(0))
    return paint(np.random.default_rng(0), [board], shop(), planogram, IMAGE_PX * SUPERSAMPLE, 2.0)


CALM = 0  # seed of a photograph that is not blurred by motion
STRAIGHT: npt.NDArray[np.float64] = np.diag([1 / SUPERSAMPLE, 1 / SUPERSAMPLE, 1.0])
BOX = next(product for product in PRODUCTS if product.pack.family == "curry")
CAN = next(product for product in PRODUCTS if product.pack.family == "cola")


def test_a_box_is_the_product_seen_straight() -> None:
    scene = stand(Item(BOX, 50.0, 180.0, 1.0, 1.0, 0.0))
    (sight,) = look(scene, STRAIGHT)
    assert sight.visible == 1.0
    assert sight.box == pytest.approx((50.0, 55.0, 134.0, 180.0), abs=1.0)  # 1 px a mm


def test_a_box_shrinks_to_what_is_visible() -> None:
    scene = stand(Item(BOX, 50.0, 180.0, 1.0, 1.0, 0.0))
    scene.cover(92.0, 0.0, 80.0, 200.0, (0, 0, 0))
    (sight,) = look(scene, STRAIGHT)
    assert sight.visible == pytest.approx(0.5, abs=0.02)
    assert sight.box == pytest.approx((50.0, 55.0, 92.0, 180.0), abs=1.0)


def test_a_box_ends_where_the_photograph_ends() -> None:
    scene = stand(Item(BOX, -42.0, 180.0, 1.0, 1.0, 0.0))
    (sight,) = look(scene, STRAIGHT)
    assert sight.visible == pytest.approx(0.5, abs=0.02)
    assert sight.box == pytest.approx((0.0, 55.0, 42.0, 180.0), abs=1.0)


def test_a_product_behind_another_counts_what_shows() -> None:
    scene = stand(Item(BOX, 50.0, 180.0, 1.0, 1.0, 0.0), Item(CAN, 60.0, 180.0, 1.0, 1.0, 0.0))
    behind, front = look(scene, STRAIGHT)
    assert front.visible == 1.0
    assert behind.visible == pytest.approx(1 - 62 * 116 / (84 * 125), abs=0.05)


def test_what_is_hardly_visible_is_taken_off_the_shelf() -> None:
    item = Item(BOX, 50.0, 180.0, 1.0, 1.0, 0.0)
    scene = stand(item)
    scene.cover(50.0 + 0.2 * item.width_mm, 0.0, 120.0, 200.0, (0, 0, 0))
    empty = scene.empty[2 * 60 : 2 * 170, 2 * 50 : 2 * 60]
    assert not np.array_equal(scene.bgr[2 * 60 : 2 * 170, 2 * 50 : 2 * 60], empty)
    assert look(scene, STRAIGHT) == []
    assert np.array_equal(scene.bgr[2 * 60 : 2 * 170, 2 * 50 : 2 * 60], empty)
    assert not scene.ids.any()


@pytest.mark.parametrize("seed", range(8))
def test_boxes_follow_a_tilted_camera(seed: int) -> None:
    """The box is where pixels of the photograph change when the product is taken away."""
    rng = np.random.default_rng(seed)
    product = PRODUCTS[int(rng.integers(len(PRODUCTS)))]
    scene = stand(Item(product, 100.0, 180.0, 0.9, 1.0, product.pack.lean_deg))
    view = aim(rng, shop())
    (sight,) = look(scene, view)
    photos = [develop(np.random.default_rng(CALM), scene, view, shop()).astype(int)]
    scene.take_off([1])
    photos.append(develop(np.random.default_rng(CALM), scene, view, shop()).astype(int))
    y, x = np.nonzero(np.abs(photos[0] - photos[1]).max(axis=2) > 12)
    assert sight.box == pytest.approx((x.min(), y.min(), x.max() + 1, y.max() + 1), abs=1.5)


@pytest.mark.parametrize("seed", range(8))
def test_boards_hold_what_the_planogram_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    planogram = make_planogram(4, 0, rng)
    boards = lay_out(rng, shop(), planogram, 800.0)
    planned = {tuple(product.name for product, _ in groupby(row)) for row in planogram.rows}
    in_place = []
    for board in boards:
        runs = tuple(product.name for _, product in board.runs)
        assert any(runs in windows(row, len(runs)) for row in planned)
        for item in board.items:
            begun = [product for x, product in board.runs if x < item.x_mm + 32]  # half a product of leeway
            in_place.append(begun[-1] == item.product)
    assert np.mean(in_place) > 1 - 3 * MISPLACED


def windows(row: tuple[str, ...], size: int) -> set[tuple[str, ...]]:
    endless = row * (2 + size // len(row))
    return {endless[i : i + size] for i in range(len(row))}


@pytest.mark.seconds
def test_a_killed_run_leaves_no_root(tmp_path: Path) -> None:
    root = tmp_path / "data"
    code = "import pathlib, sys, objectives.data.shelves.render as s; s.render_shelves(pathlib.Path(sys.argv[1]))"
    here = Path(__file__).parents[4]
    with subprocess.Popen([sys.executable, "-c", code, str(root)], cwd=here) as process:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob(".data-*/images/*.jpg"))) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert not root.exists()
    (leftover,) = tmp_path.iterdir()
    render_shelves(root, train=1, val=0, test=0)
    assert len(list((root / "images").iterdir())) == 1
    assert leftover.exists()  # it could be another process at work
    os.utime(leftover, (0, 0))
    render_shelves(tmp_path / "data2", train=0, val=0, test=0)
    assert leftover.exists()  # nor is it data2's
    (root / "annotations" / "test.json").unlink()
    with pytest.raises(DataError, match="is not a data set of rendered shelves"):
        render_shelves(root)


def test_old_leftovers_are_removed(tmp_path: Path) -> None:
    leftover = tmp_path / ".data-abc"
    leftover.mkdir()
    os.utime(leftover, (0, 0))
    render_shelves(tmp_path / "data", train=0, val=0, test=0)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="name another folder"):
        render_shelves(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unwritable_place_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        render_shelves(tmp_path / "file" / "data", train=1, val=1, test=1)
