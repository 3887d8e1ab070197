"""Candidate to trainer's arguments: every dimension arrives, Ultralytics takes the whole, typos are told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ultralytics.cfg import DEFAULT_CFG_DICT, get_cfg

from objectives.training.arguments import TrainingPlan, trainer_arguments
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.vocabulary import dimensions_of

Make = Callable[..., Candidate]
PLAN = TrainingPlan(Path("/data/data.yaml"), Path("/study/trials/00001/training-1"), epochs=20, seed=3)

# Dimension, a value that is no default, and where and as what it arrives.
ARRIVALS: dict[str, tuple[Any, str, Any]] = {
    "optimizer": ("SGD", "optimizer", "SGD"),
    "lr0": (0.01, "lr0", 0.01),
    "lrf": (0.1, "lrf", 0.1),
    "cosine": (False, "cos_lr", False),
    "momentum": (0.8, "momentum", 0.8),
    "weight_decay": (0.01, "weight_decay", 0.01),
    "warmup": (0.25, "warmup_epochs", 5.0),
    "batch": (16, "batch", 16),
    "nbs": (32, "nbs", 32),
    "box": (5.0, "box", 5.0),
    "cls": (0.9, "cls", 0.9),
    "dfl": (1.1, "dfl", 1.1),
    "class_weights": (0.5, "cls_pw", 0.5),
    "close_mosaic": (0.5, "close_mosaic", 10),
    "freeze": (2, "freeze", 2),
}


def test_every_dimension_arrives(make_candidate: Make) -> None:
    assert set(dimensions_of("train")) - set(ARRIVALS) == {
        "pretrained",
        "elastic",
        "share",
        "oversample",
    }  # not the trainer's
    default = trainer_arguments(make_candidate(), PLAN)
    for name, (value, theirs, expected) in ARRIVALS.items():
        found = trainer_arguments(make_candidate({f"train.{name}": value}), PLAN)
        assert found[theirs] == expected
        assert default[theirs] != expected, name
        changed = {key for key in found if found[key] != default[key]}
        assert changed <= {theirs, "warmup_bias_lr"}, name


@pytest.mark.parametrize("head", ["nms", "end2end", "rtdetr"])
def test_ultralytics_takes_them(make_candidate: Make, head: str) -> None:
    candidate = make_candidate({"head.kind": head, "augment.policy": "heavy", "size.pixels": 96})
    found = trainer_arguments(candidate, PLAN)
    theirs = get_cfg(overrides=found)  # checks names, types and ranges
    assert (theirs.imgsz, theirs.epochs, theirs.seed, theirs.amp) == (96, 20, 3, False)
    assert (theirs.project, theirs.name) == ("/study/trials/00001", "training-1")
    assert found["nms"] == (False if head == "end2end" else None)
    assert found["freeze"] is None


def test_what_is_left_to_ultralytics_defaults_is_off(make_candidate: Make) -> None:
    """A change of a default between versions would change trainings unseen."""
    left = {
        name: DEFAULT_CFG_DICT[name] for name in DEFAULT_CFG_DICT.keys() - trainer_arguments(make_candidate(), PLAN)
    }
    off = ("bgr", "copy_paste", "dropout", "fraction", "multi_scale", "rect", "shear", "single_cls", "time", "resume")
    assert {name: left[name] for name in off if left[name] not in (0, None, False)} == {"fraction": 1.0}


def test_a_phase_has_its_own_epochs(make_candidate: Make) -> None:
    found = trainer_arguments(make_candidate({"train.warmup": 0.1, "train.close_mosaic": 0.5}), PLAN, epochs=10)
    assert (found["epochs"], found["warmup_epochs"], found["close_mosaic"]) == (10, 1.0, 5)


@pytest.mark.parametrize(("device", "amp"), [("cpu", False), ("0", True)])
def test_mixed_precision_is_for_gpus(make_candidate: Make, device: str, amp: bool) -> None:
    plan = TrainingPlan(PLAN.data_yaml, PLAN.folder, 2, 0, device=device, cache=False)
    found = trainer_arguments(make_candidate(), plan)
    assert (found["amp"], found["device"], found["cache"]) == (amp, device, False)


@pytest.mark.parametrize("divisor", [2, 4])
@pytest.mark.parametrize(("batch", "nbs"), [(8, 8), (8, 32), (16, 8), (64, 64)])
def test_a_smaller_batch_makes_the_same_step(make_candidate: Make, batch: int, nbs: int, divisor: int) -> None:
    candidate = make_candidate({"train.batch": batch, "train.nbs": nbs, "train.weight_decay": 0.003})
    plan = TrainingPlan(PLAN.data_yaml, PLAN.folder, 20, 3, batch_divisor=divisor)
    whole, divided = trainer_arguments(candidate, PLAN), trainer_arguments(candidate, plan)
    assert divided["batch"] == batch // divisor
    assert as_ultralytics_reckons(divided) == pytest.approx(as_ultralytics_reckons(whole))
    assert {key for key in whole if whole[key] != divided[key]} <= {"batch", "nbs", "weight_decay"}
    if nbs >= batch:
        assert divided["nbs"] == nbs


def as_ultralytics_reckons(found: dict[str, Any]) -> tuple[float, float]:
    """Return images of an optimiser step, and the weight decay that arrives at the optimiser."""
    accumulate = max(round(found["nbs"] / found["batch"]), 1)
    step = found["batch"] * accumulate
    return step, found["weight_decay"] * step / found["nbs"]


def test_a_batch_of_one_is_not_divided(make_candidate: Make) -> None:
    plan = TrainingPlan(PLAN.data_yaml, PLAN.folder, 20, 3, batch_divisor=4)
    assert trainer_arguments(make_candidate({"train.batch": 2}), plan)["batch"] == 1
    with pytest.raises(ValueError, match="batch_divisor must be 1 or more, got 0"):
        TrainingPlan(PLAN.data_yaml, PLAN.folder, 20, 3, batch_divisor=0)


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"train.lr": 0.1}, "unknown dimension 'train.lr'; nearest: train.lrf, train.lr0"),
        ({"train.optimizer": "AdamX"}, "train.optimizer: unknown choice 'AdamX'; nearest: Adam"),
    ],
)
def test_mistakes_are_told(make_candidate: Make, choices: dict[str, Any], told: str) -> None:
    with pytest.raises(SpaceError, match=f"^{told}"):
        trainer_arguments(make_candidate(choices), PLAN)
