"""Round trips: COCO, the layout for the trainer (YOLO) and Pascal VOC keep the same boxes and the same class names."""

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_formats import SIZE, Labels, Sample, labels_of, write_coco, write_voc

from objectives.data.dataset import Dataset
from objectives.data.readers import read_dataset
from objectives.data.yolo_layout import lay_out

WORDS = [
    "no",
    "yes",
    "null",
    "1",
    "a b",
    "a, b",
    'the "best"',
    "it's",
    "größe",
    "日本",
    "[x]",
    "# c",
    "a: b",
    "<i>",
    "%",
    "~",
]
HALF_PX = 0.5


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Make a small set: names of all kinds, boxes inside the picture and well apart, images without any."""
    names = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True))
    sample: dict[str, Labels] = {}
    for split in ("train", "val"):
        for i in range(draw(st.integers(1, 3))):
            labels = []
            for row in range(draw(st.integers(0 if i else 1, 3))):  # the first image of a split has a box
                left, top = draw(st.floats(0, 40)), 20 * row + draw(st.floats(0, 2))
                width, height = draw(st.floats(2, 40)), draw(st.floats(2, 17))
                labels.append((draw(st.sampled_from(names)), (left, top, width, height)))
            sample[f"{split}/{split}{i}.jpg"] = labels
    return sample


def agree(found: Dataset, sample: Sample, in_order: bool = False) -> None:
    read = list(labels_of(found).items())
    assert len(read) == len(sample)
    for (key, labels), (own, expected) in zip(sorted(read), sorted(sample.items()), strict=True):
        assert in_order or key == own
        assert [name for name, _ in labels] == [name for name, _ in expected]
        for (_, one), (_, other) in zip(labels, expected, strict=True):
            assert np.abs(np.subtract(one, other)).max() <= HALF_PX


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(samples())
def test_coco_to_yolo_to_voc(tmp_path: Path, sample: Sample) -> None:
    root = tmp_path / f"{len(list(tmp_path.iterdir())):03d}"
    first = read_dataset(write_coco(root / "coco", sample))
    agree(first, sample)
    second = read_dataset(lay_out(first, root / "yolo"))  # images are numbered there, in their order
    agree(second, sample, in_order=True)
    third = read_dataset(write_voc(root / "voc", dict(zip(sorted(sample), _ordered(second), strict=True))))
    agree(third, sample)
    assert set(first.classes) == set(second.classes) == set(third.classes)
    assert first.classes == second.classes
    assert {image.width_px for images in third.splits.values() for image in images} == {SIZE[0]}


def _ordered(dataset: Dataset) -> list[Labels]:
    """Return labels by split and number, the order of the sample's names."""
    return [labels for _, labels in sorted(labels_of(dataset).items())]
