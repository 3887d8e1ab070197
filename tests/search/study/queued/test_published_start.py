"""The hyperparameters that published files carry are tried early, once, as near as the space allows."""

from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from objectives.data.dataset import Dataset
from search.loop.run import open_search
from search.settings.settings import load_settings
from search.study.queued.published_start import published_starts
from search.study.store import open_storage, storage_url
from search.view.base import View

ARGUMENTS = {
    "epochs": 100,
    "batch": 16,
    "nbs": 64,
    "optimizer": "MuSGD",
    "lr0": 0.02,
    "momentum": 0.9,
    "cos_lr": False,
    "close_mosaic": 10,
    "fliplr": 0.5,
    "translate": 0.1,
    "scale": 0.5,
    "hsv_h": 0.015,
    "hsv_s": 0.7,
    "hsv_v": 0.4,
    "mosaic": 1.0,
    "copy_paste": 0.2,
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ultralytics.nn.tasks import DetectionModel

    folder = tmp_path_factory.mktemp("weights")
    model = DetectionModel("yolo26n.yaml", nc=2, verbose=False)
    torch.save({"model": model, "train_args": ARGUMENTS}, folder / "yolo26n.pt")
    torch.save({"a": torch.zeros(1)}, folder / "yolo11n.pt")  # carries none
    return folder


@pytest.fixture
def line(weights: Path, tmp_path: Path) -> list[str]:
    return [
        "conf=retail",
        "space/backbone=published",
        "space/neck=own",
        "space/slim=none",
        "space/train=pretrained",
        "space/augment=policies",
        "start=[]",
        f"pretrained.folder={weights}",
        f"store.folder={tmp_path}",
    ]


@pytest.mark.slow
@pytest.mark.seconds
def test_a_candidate_stands_for_each_file_that_carries_any(line: list[str]) -> None:
    found = published_starts(load_settings(line))
    (candidate,) = found.known
    network = {"backbone.name": "yolo26", "backbone.width": 0.25, "backbone.depth": 0.5, "neck.kind": "own"}
    told = {"train.optimizer": "MuSGD", "train.lr0": 0.01, "train.cosine": False, "augment.policy": "ultralytics"}
    assert {name: candidate[name] for name in (*network, *told)} == {**network, **told}
    assert (candidate["train.close_mosaic"], candidate["train.nbs"]) == (0.1, 64)
    assert candidate["train.pretrained"] == "hub"
    assert not {"neck.width", "head.kind", "neck.depth"} & candidate.keys()
    assert found.notes == (
        "pretrained: one trial takes the hyperparameters that 'yolo26n.pt' carries; "
        "nearest of this space: train.lr0 0.01 for 0.02; no dimension of this space: copy_paste=0.2",
    )


@pytest.mark.seconds
@pytest.mark.slow
def test_a_policy_and_words_are_the_nearest_that_the_space_has(line: list[str]) -> None:
    (note,) = published_starts(
        load_settings([*line, "space.augment.policy=none,light,road", "space.train.optimizer=SGD"])
    ).notes
    assert "train.optimizer SGD for MuSGD" in note
    assert "augment.policy light for its augmentation" in note
    single = load_settings([*line, "space/augment=magnitudes"])
    (candidate,) = published_starts(single).known
    assert (candidate["augment.policy"], candidate["augment.mosaic"], candidate["augment.hue"]) == ("none", 1.0, 0.015)


@pytest.mark.seconds
@pytest.mark.slow
def test_a_checkpoint_of_the_users_own_says_which_detector_it_is(line: list[str], weights: Path) -> None:
    own = f"space.train.pretrained={weights / 'yolo26n.pt'}"
    (candidate,) = published_starts(load_settings([*line, own])).known
    assert (candidate["backbone.name"], candidate["backbone.width"]) == ("yolo26", 0.25)
    found = published_starts(load_settings([*line, own, "space.backbone.name=yolo11"]))
    assert found.known == ()
    assert "of no detector of this space that it names" in found.notes[0]


def test_without_whole_detectors_nothing_is_read(line: list[str]) -> None:
    ours = [text for text in line if text not in ("space/neck=own",)]
    found = published_starts(load_settings(ours))
    assert (found.known, found.notes) == ((), ())


def trials(study: "optuna.Study") -> list[dict[str, Any]]:
    return [trial.system_attrs["fixed_params"] for trial in study.get_trials(deepcopy=False)]


@pytest.mark.slow
@pytest.mark.seconds
def test_a_new_study_tries_it_behind_start_and_a_resumed_one_not_again(line: list[str], few_blocks: Dataset) -> None:
    settings = load_settings([*line, "baseline=none", "start=[{backbone.name: yolo11, backbone.width: 0.5}]"])
    for time in range(2):
        with open_search(settings, few_blocks, View()) as opened:
            first, second = trials(opened.study)
            notes = [note for note in opened.notes if "one trial takes the hyperparameters" in note]
        assert (first["backbone.name"], second["backbone.name"]) == ("yolo11", "yolo26")
        assert second["train.lr0"] == 0.01
        assert len(notes) == (time == 0)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_study_whose_making_was_cut_tries_it_too(line: list[str], few_blocks: Dataset) -> None:
    settings = load_settings([*line, "baseline=none"])
    settings.folder.mkdir(parents=True)
    storage = open_storage(storage_url(settings.folder, None))
    optuna.create_study(study_name=settings.name, storage=storage, directions=["maximize", "minimize"])  # and no more
    with open_search(settings, few_blocks, View()) as opened:
        (candidate,) = trials(opened.study)
    assert (candidate["backbone.name"], candidate["train.lr0"]) == ("yolo26", 0.01)
