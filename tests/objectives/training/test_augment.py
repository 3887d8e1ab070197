"""Augmentation: policies, magnitudes over them, and transforms that Albumentations takes back."""

from typing import Any

import albumentations as A  # its documented name
import numpy as np
import pytest
from ultralytics.cfg import get_cfg

from objectives.training.augment import NEUTRAL, POLICIES, albumentations_transforms, magnitudes, ultralytics_arguments
from spaces.errors import SpaceError

STRONGEST = dict.fromkeys(NEUTRAL, 1.0) | {"exposure": 0.9}


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_is_taken_by_both_libraries(policy: str) -> None:
    found = magnitudes({"policy": policy})
    assert set(found) == set(NEUTRAL)
    assert set(POLICIES[policy]) <= set(NEUTRAL)
    get_cfg(overrides=ultralytics_arguments(found))  # raises on names and ranges that it does not know
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for serialised in albumentations_transforms(found):
        transform = A.from_dict(serialised)
        assert A.to_dict(transform) == serialised
        assert transform(image=image)["image"].shape == image.shape


def test_none_does_nothing() -> None:
    found = magnitudes({})
    assert found == NEUTRAL
    assert albumentations_transforms(found) == []
    assert set(ultralytics_arguments(found).values()) == {0.0}


def test_single_magnitudes_stand_over_the_policy() -> None:
    found = magnitudes({"policy": "shelf", "noise": 0.05, "mosaic": 0, "fliplr": 1})
    assert (found["noise"], found["mosaic"], found["fliplr"]) == (0.05, 0.0, 1.0)
    rest = {name: value for name, value in found.items() if name not in ("noise", "mosaic", "fliplr")}
    assert rest == {name: value for name, value in magnitudes({"policy": "shelf"}).items() if name in rest}


def test_every_magnitude_reaches_a_library() -> None:
    quiet = ultralytics_arguments(NEUTRAL), albumentations_transforms(NEUTRAL)
    for name in NEUTRAL:
        found = {**NEUTRAL, name: 0.5}
        assert (ultralytics_arguments(found), albumentations_transforms(found)) != quiet, name


def test_strongest_magnitudes_make_valid_transforms() -> None:
    assert [A.from_dict(t).__class__.__name__ for t in albumentations_transforms(STRONGEST)] == [
        "RandomGamma",
        "RandomBrightnessContrast",
        "GaussNoise",
        "MotionBlur",
        "CoarseDropout",
    ]


def test_albumentations_do_what_they_are_called() -> None:
    image = np.full((64, 64, 3), 128, np.uint8)
    changed = {}
    for name in ("exposure", "contrast", "noise", "cutout"):
        [serialised] = albumentations_transforms({**NEUTRAL, name: 0.5})
        transform: Any = A.from_dict({**serialised, "transform": {**serialised["transform"], "p": 1.0}})
        transform.set_random_seed(3)
        changed[name] = transform(image=image)["image"]
    assert changed["noise"].std() > 5
    assert len(np.unique(changed["exposure"])) == 1
    assert (changed["cutout"] == 114).any()
    assert (changed["cutout"] == 128).any()


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"policy": "shelve"}, "augment.policy: unknown choice 'shelve'; nearest: shelf, heavy; "),
        ({"policy": "shelf", "nois": 0.1}, "unknown dimension 'augment.nois'; nearest: augment.noise, "),
        ({"noise": "much"}, "augment.noise: must be a number of 0 or more, got 'much'"),
        ({"noise": -0.1}, "augment.noise: must be a number of 0 or more, got -0.1"),
        ({"mosaic": True}, "augment.mosaic: must be a number of 0 or more, got True"),
    ],
)
def test_mistakes_are_told(choices: dict[str, Any], told: str) -> None:
    with pytest.raises(SpaceError) as error:
        magnitudes(choices)
    assert str(error.value).startswith(told)
