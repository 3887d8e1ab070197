"""Which training images an epoch holds: classes keep their shares, rare ones come more often, chance is the seed's."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ultralytics.data import build_yolo_dataset
from ultralytics.data.utils import check_det_dataset
from ultralytics.utils import DEFAULT_CFG

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.network.assembly import assemble
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.monitor import Monitor
from objectives.training.selection import OFTEN_MOST, Selection, selecting
from objectives.training.trainer import Progress, train_phase
from spaces.candidate import Candidate

HELD = st.lists(st.lists(st.integers(0, 4), max_size=6), min_size=1, max_size=60)


def names_of(held: list[list[int]]) -> list[str]:
    return [f"{i:04d}.jpg" for i in range(len(held))]


@settings(max_examples=60, deadline=None)
@given(HELD, st.floats(0.01, 1.0), st.integers(0, 5))
@example([[0, 2], [1], [0], [1, 2]], 0.5, 0)  # no image has class 2 as its rarest
def test_a_part_holds_every_class_and_lies_within_a_larger_part(held: list[list[int]], share: float, seed: int) -> None:
    names = names_of(held)
    part = Selection(share, seed=seed).indices(names, held)
    larger = Selection(min(1.0, 1.5 * share), seed=seed).indices(names, held)
    assert part == sorted(set(part))
    assert set(part) <= set(larger)
    assert {k for i in part for k in held[i]} == {k for labels in held for k in labels}
    assert share * len(held) - 1e-9 <= len(part) <= share * len(held) + 6  # one more for each class, and for none


def test_a_part_keeps_the_shares_of_the_classes_whatever_the_order() -> None:
    held = [[0]] * 800 + [[1]] * 160 + [[]] * 40
    names = names_of(held)
    part = Selection(0.25, seed=3).indices(names, held)
    assert Counter(tuple(held[i]) for i in part) == {(0,): 200, (1,): 40, (): 10}
    backwards = Selection(0.25, seed=3).indices(names[::-1], held[::-1])
    assert {names[i] for i in part} == {names[::-1][i] for i in backwards}
    assert part != Selection(0.25, seed=4).indices(names, held)


def test_images_of_rare_classes_come_more_often() -> None:
    held = [[0]] * 900 + [[0, 1]] * 100
    chosen = Counter(Selection(oversample=0.5).indices(names_of(held), held))
    assert all(chosen[i] == 1 for i in range(900))
    often = [chosen[i] for i in range(900, 1000)]
    assert set(often) <= {3, 4}
    assert sum(often) / 100 == pytest.approx((1000 / 100) ** 0.5, abs=0.15)
    rare = Counter(Selection(oversample=1.0).indices(names_of([[0]] * 500 + [[1]]), [[0]] * 500 + [[1]]))
    assert rare[500] == OFTEN_MOST


def test_without_either_every_image_comes_once() -> None:
    held = [[0]] * 5 + [[1]]
    assert Selection().is_all
    assert Selection().indices(names_of(held), held) == list(range(6))
    assert Selection(oversample=0.5).indices([], []) == []


@pytest.mark.seconds
def test_ultralytics_data_sets_hold_the_selection(tmp_path: Path, blocks: Dataset) -> None:
    card = check_det_dataset(str(lay_out(blocks, tmp_path / "data")))
    with selecting(Selection(0.5, 1.0, seed=1)) as read:
        dataset = build_yolo_dataset(DEFAULT_CFG, card["train"], 4, card, mode="train")
    whole = build_yolo_dataset(DEFAULT_CFG, card["train"], 4, card, mode="train")
    assert len(read) == len(whole.im_files) == len(blocks.splits["train"])
    classes = [label["cls"].ravel().astype(int).tolist() for label in whole.labels]
    expected = Selection(0.5, 1.0, seed=1).indices([Path(file).name for file in whole.im_files], classes)
    assert dataset.im_files == [whole.im_files[i] for i in expected]
    assert [label["im_file"] for label in dataset.labels] == dataset.im_files
    assert len(dataset) == len(expected) != len(whole)


@pytest.mark.seconds
def test_a_training_on_a_part_has_shorter_epochs(tmp_path: Path, blocks: Dataset) -> None:
    values = {"backbone.name": "lcnet_050", "neck.width": 16, "neck.depth": 1, "head.kind": "nms", "size.pixels": 64}
    candidate = Candidate.of({**values, "train.batch": 1, "train.nbs": 1})
    plan = TrainingPlan(lay_out(blocks, tmp_path / "data"), tmp_path / "run", 1, seed=1)
    _, model = assemble(candidate, blocks.classes, seed=1)
    steps = []
    progress = Progress()

    class Counted(Monitor):
        def batch(self, share: float) -> None:
            steps.append(share)

    train_phase(
        model, trainer_arguments(candidate, plan), progress, [1], [1], lambda _: False, Counted(), None, Selection(0.5)
    )
    count = len(blocks.splits["train"])
    assert len([share for share in steps if share < 1]) <= 0.5 * count + 3 < count
    assert progress.rungs
