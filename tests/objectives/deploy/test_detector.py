"""The deployed detector: letterbox as Ultralytics validates, NMS as torchvision does it, boxes back on the image."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torchvision.ops import batched_nms
from ultralytics.data.augment import LetterBox
from ultralytics.data.base import BaseDataset

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.detector import Detector, letterbox, suppress
from objectives.deploy.runtimes.contract import Runtime

side = st.integers(11, 140)
target = st.sampled_from([32, 64, 96, 128])


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def ultralytics_pixels(folder: Path, image: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Return what Ultralytics' validator feeds its network: its own reading and resizing, then its own letterbox."""
    path = folder / "image.png"
    cv2.imwrite(str(path), image)
    images = BaseDataset.__new__(BaseDataset)  # without its search for labels
    images.ims, images.im_files, images.npy_files = [None], [str(path)], [folder / "none.npy"]
    images.imgsz, images.augment, images.rect_mode, images.cv2_flag = size_px, False, True, cv2.IMREAD_COLOR
    images.buffer, images.max_buffer_length, images.cache = [], 0, None
    loaded = images.load_image(0)[0]
    boxed: NDArray[np.uint8] = LetterBox(new_shape=(size_px, size_px), scaleup=False)(image=loaded)
    return boxed


@settings(max_examples=60, deadline=None)
@given(side, side, target)
def test_letterbox_is_ultralytics_own(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, px: int
) -> None:
    image = noise(width, height)
    blob, scale, pad = letterbox(image, px)
    assert blob.shape == (1, 3, px, px)
    ours = np.rint(blob[0].transpose(1, 2, 0)[:, :, ::-1] * 255)
    theirs = ultralytics_pixels(tmp_path_factory.getbasetemp(), image, px)
    assert np.abs(ours - theirs).max() <= 1
    # The grey is around the picture and nowhere in it.
    new = round(width * scale[0]), round(height * scale[1])
    assert max(new) == px
    assert (ours[:, : pad[0]] == 114).all()
    assert (ours[: pad[1]] == 114).all()
    assert (ours[pad[1] + new[1] :] == 114).all()


def test_blob_is_rgb_in_unit_range() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, :, 2] = 255  # red, in BGR
    blob, scale, pad = letterbox(image, 32)
    assert blob.dtype == np.float32
    assert blob[0, :, 16, 16].tolist() == [1, 0, 0]
    assert (scale, pad) == ((1.6, 1.6), (0, 0))


# NMS


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 4), st.floats(0.1, 0.9), st.integers(1, 40))
def test_suppress_is_torchvisions_nms(seed: int, anchors: int, classes: int, iou: float, most: int) -> None:
    rng = np.random.default_rng(seed)
    centres, sizes = rng.uniform(10, 90, (2, anchors)), rng.uniform(5, 40, (2, anchors))
    scores = rng.uniform(0, 1, (classes, anchors))  # continuous: no ties, whose order is nobody's
    output = np.vstack([centres, sizes, scores]).astype(np.float32)
    boxes, kept, labels = suppress(output, 0.3, iou, most)

    label, anchor = np.nonzero(output[4:] > 0.3)
    every = torch.from_numpy(output[:4, anchor].T).double()
    corners = torch.cat([every[:, :2] - every[:, 2:] / 2, every[:, :2] + every[:, 2:] / 2], dim=1)
    score = torch.from_numpy(output[4:][label, anchor]).double()
    oracle = batched_nms(corners, score, torch.from_numpy(label), iou)[:most]
    assert kept.tolist() == pytest.approx(score[oracle].tolist())
    assert labels.tolist() == label[oracle.numpy()].tolist()
    assert boxes == pytest.approx(corners[oracle].numpy())


def test_nothing_over_the_confidence_gives_nothing() -> None:
    boxes, scores, classes = suppress(np.zeros((6, 20), np.float32), 0.25, 0.7, 300)
    assert (boxes.shape, scores.shape, classes.shape) == ((0, 4), (0,), (0,))


def test_one_box_may_be_two_classes() -> None:
    output = np.array([[50], [50], [20], [20], [0.9], [0.8]], np.float32)
    _, scores, classes = suppress(output, 0.25, 0.7, 300)
    assert classes.tolist() == [0, 1]
    assert scores.tolist() == pytest.approx([0.9, 0.8])


def test_many_boxes_keep_the_best() -> None:
    """More than enter NMS: the least of them fall first."""
    count = 6000
    scores = np.linspace(0.1, 0.9, count)
    output = np.vstack([np.arange(count) * 10.0, np.full(count, 5.0), np.full((2, count), 4.0), scores])
    _, kept, _ = suppress(output.astype(np.float32), 0.05, 0.7, 10_000)
    assert len(kept) == 5000
    assert kept[0] == pytest.approx(0.9)
    assert kept[-1] == pytest.approx(scores[1000], abs=1e-4)


# Boxes on the original image


class Fixed(Runtime):
    """A file whose answer is known, in pixels of its input (or, for RT-DETR, in shares of it)."""

    def __init__(self, head: str, output: NDArray[np.float32], most: int = 300) -> None:
        self.meta = ArtifactMeta(64, head, ("can", "jar"), max_detections=most)
        self.output = output

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        assert blob.shape == (1, 3, 64, 64)
        return self.output


@settings(deadline=None)
@given(side, side, st.sampled_from(["nms", "end2end", "rtdetr"]))
def test_boxes_come_back_to_the_image(width: int, height: int, head: str) -> None:
    image = noise(width, height)
    _, scale, pad = letterbox(image, 64)
    wanted = np.array([0.25 * width, 0.25 * height, 0.75 * width, 0.5 * height])
    x0, y0, x1, y1 = wanted * np.tile(scale, 2) + np.tile(pad, 2)
    centre = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
    output = {
        "nms": np.array([[*centre, 0.0, 0.9]]).T,
        "end2end": np.array([[x0, y0, x1, y1, 0.9, 1]]),
        "rtdetr": np.array([[*np.array(centre) / 64, 0.9, 1]]),
    }[head]
    found = Detector(Fixed(head, output[None].astype(np.float32)), 0.25)(image)
    assert found.boxes_xyxy == pytest.approx(wanted[None], abs=1e-3)
    assert found.classes.tolist() == [1]
    assert found.scores.tolist() == pytest.approx([0.9])


def test_boxes_are_sorted_limited_and_not_clipped() -> None:
    rows = [[-9, -9, 80, 80, 0.3, 0], [1, 1, 9, 9, 0.8, 1], [2, 2, 9, 9, 0.2, 1], [3, 3, 9, 9, 0.5, 0]]
    runtime = Fixed("end2end", np.array([rows], np.float32), most=2)
    found = Detector(runtime, 0.25)(noise(128, 128))
    assert found.scores.tolist() == pytest.approx([0.8, 0.5])
    found = Detector(Fixed("end2end", np.array([rows], np.float32)), 0.25)(noise(128, 64))
    assert found.boxes_xyxy[-1].tolist() == [-18, -50, 160, 128]  # as the validator scores them
    assert found.scores.tolist() == pytest.approx([0.8, 0.5, 0.3])
