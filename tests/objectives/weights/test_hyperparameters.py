"""Hyperparameters of a published file as choices of ours: each name, shares of epochs, and what has no counterpart."""

import math
from pathlib import Path

import pytest
import torch

from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.weights.carried_process import read_carried
from objectives.weights.hyperparameters import CHOICE_OF, SHARE_OF_EPOCHS, carried_choices
from spaces.candidate import Candidate

# As a file of YOLO26's carries them, beside what is of no interest here.
CARRIED: dict[str, bool | int | float | str] = {
    "task": "detect",
    "epochs": 200,
    "batch": 128,
    "nbs": 64,
    "imgsz": 640,
    "optimizer": "MuSGD",
    "lr0": 0.0054,
    "lrf": 0.0495,
    "momentum": 0.947,
    "weight_decay": 0.00064,
    "warmup_epochs": 1.0,
    "warmup_momentum": 0.54,
    "cos_lr": False,
    "box": 5.63,
    "cls": 0.56,
    "dfl": 9.04,
    "close_mosaic": 10,
    "hsv_h": 0.013,
    "hsv_s": 0.35,
    "hsv_v": 0.19,
    "translate": 0.27,
    "scale": 0.95,
    "shear": 0.0,
    "fliplr": 0.3,
    "mosaic": 0.99,
    "mixup": 0.05,
    "bgr": 0.1,
}


def test_each_hyperparameter_becomes_a_choice_or_is_named() -> None:
    choices, without = carried_choices(CARRIED)
    assert without == ("warmup_momentum=0.54", "bgr=0.1")
    assert choices == {
        "train.optimizer": "MuSGD",
        "train.lr0": 0.0054,
        "train.lrf": 0.0495,
        "train.momentum": 0.947,
        "train.weight_decay": 0.00064,
        "train.warmup": 0.005,
        "train.cosine": False,
        "train.box": 5.63,
        "train.cls": 0.56,
        "train.dfl": 9.04,
        "train.close_mosaic": 0.05,
        "train.nbs": 128,
        "augment.hue": 0.013,
        "augment.saturation": 0.35,
        "augment.brightness": 0.19,
        "augment.translate": 0.27,
        "augment.scale": 0.95,
        "augment.fliplr": 0.3,
        "augment.mosaic": 0.99,
        "augment.mixup": 0.05,
    }


def test_the_trainer_is_given_back_what_the_file_carries() -> None:
    """The table of names and the trainer's arguments say the same, in opposite directions."""
    choices, _ = carried_choices(CARRIED)
    candidate = Candidate.of({**choices, "size.pixels": 64, "head.kind": "nms", "train.batch": 128})
    arguments = trainer_arguments(candidate, TrainingPlan(Path("data.yaml"), Path("a/b"), 200, 0))
    wanted = {name: CARRIED[name] for name in {**CHOICE_OF, **SHARE_OF_EPOCHS} if name in CARRIED}
    assert {name: arguments[name] for name in wanted} == wanted
    assert arguments["batch"] * max(1, round(arguments["nbs"] / arguments["batch"])) == 128


@pytest.mark.parametrize(
    ("given", "without"),
    [
        ({"optimizer": "auto"}, ("optimizer=auto",)),
        ({"lr0": "fast"}, ("lr0=fast",)),
        ({"lr0": math.nan}, ("lr0=nan",)),
        ({"cos_lr": 1}, ("cos_lr=1",)),
        ({"momentum": True}, ("momentum=True",)),
        ({"warmup_epochs": 3.0}, ("warmup_epochs=3.0",)),  # of how many is not said
        ({"close_mosaic": 10, "epochs": 0}, ("close_mosaic=10",)),
        ({"close_mosaic": 10, "epochs": 5}, ("close_mosaic=10",)),  # more than there are
        ({"batch": 0, "nbs": 64}, ()),
        ({"batch": math.inf, "nbs": "a"}, ()),
        ({}, ()),
    ],
)
def test_what_no_candidate_may_have_is_named(
    given: dict[str, bool | int | float | str], without: tuple[str, ...]
) -> None:
    assert carried_choices(given) == ({}, without)


@pytest.mark.slow
@pytest.mark.seconds
def test_files_are_read_by_a_process_of_its_own(tmp_path: Path) -> None:
    from ultralytics.nn.tasks import DetectionModel

    model = DetectionModel("yolo11n.yaml", nc=2, verbose=False)
    torch.save({"model": model, "train_args": {**CARRIED, "project": tmp_path, "freeze": None}}, tmp_path / "a.pt")
    torch.save({"a": torch.zeros(1)}, tmp_path / "b.pt")
    (tmp_path / "c.pt").write_bytes(b"no weights")
    whole, plain, broken = read_carried([tmp_path / name for name in ("a.pt", "b.pt", "c.pt")])
    assert dict(whole.arguments) == CARRIED
    assert (whole.detector, whole.why_not) == ("yolo11n", "")
    assert (dict(plain.arguments), plain.detector, plain.why_not) == ({}, "", "")
    assert "cannot be read safely" in broken.why_not
    assert read_carried([]) == []
