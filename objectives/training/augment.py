"""Augmentation: named policies, single magnitudes over them, and what the trainer makes of both."""

from collections.abc import Callable, Mapping
from typing import Any

from spaces.dimension import Value
from spaces.errors import SpaceError
from spaces.vocabulary import DEFAULTS, VOCABULARY, dimensions_of, unknown_dimension

# No augmentation at all: every magnitude by name. What each is, and its limits, stands in the vocabulary.
NEUTRAL: dict[str, float] = {name: 0.0 for name in dimensions_of("augment") if name != "policy"}

POLICIES: dict[str, dict[str, float]] = {
    "none": {},
    "light": {"fliplr": 0.5, "translate": 0.1, "scale": 0.2, "brightness": 0.2, "saturation": 0.3},
    # Shelves: print must stay readable, so no flips; lamps, glare and hand-held shots vary.
    "shelf": {
        "translate": 0.1,
        "scale": 0.3,
        "degrees": 3.0,
        "hue": 0.01,
        "saturation": 0.4,
        "brightness": 0.35,
        "exposure": 0.2,
        "contrast": 0.2,
        "noise": 0.03,
        "motion_blur": 0.1,
        "mosaic": 0.5,
    },
    # Defects on a line: the camera stands still, the part may lie either way round; texture is the signal.
    "line": {
        "fliplr": 0.5,
        "flipud": 0.5,
        "translate": 0.1,
        "scale": 0.2,
        "brightness": 0.2,
        "exposure": 0.2,
        "contrast": 0.2,
        "noise": 0.02,
    },
    # Traffic: signs are not mirror-symmetric; weather, motion and distance vary.
    "road": {
        "translate": 0.1,
        "scale": 0.5,
        "degrees": 5.0,
        "perspective": 0.0003,
        "saturation": 0.5,
        "brightness": 0.4,
        "exposure": 0.3,
        "contrast": 0.3,
        "noise": 0.03,
        "motion_blur": 0.25,
        "mosaic": 0.7,
    },
    # What Ultralytics does by default.
    "ultralytics": {
        "fliplr": 0.5,
        "translate": 0.1,
        "scale": 0.5,
        "hue": 0.015,
        "saturation": 0.7,
        "brightness": 0.4,
        "mosaic": 1.0,
    },
    "heavy": {
        "fliplr": 0.5,
        "translate": 0.15,
        "scale": 0.6,
        "degrees": 10.0,
        "hue": 0.02,
        "saturation": 0.7,
        "brightness": 0.5,
        "exposure": 0.3,
        "contrast": 0.3,
        "noise": 0.05,
        "motion_blur": 0.2,
        "cutout": 0.3,
        "mosaic": 1.0,
        "mixup": 0.15,
        "cutmix": 0.15,
    },
}


def magnitudes(choices: Mapping[str, Value]) -> dict[str, float]:
    """Return every magnitude: the policy's, overlaid with the single magnitudes that were chosen.

    Args:
        choices: the candidate's `augment` group, as `{"policy": "shelf", "noise": 0.05}`.

    Raises:
        SpaceError: the policy or a magnitude is unknown, or a magnitude is no number.
    """
    policy = str(choices.get("policy", DEFAULTS["augment.policy"]))
    if policy not in POLICIES:
        raise VOCABULARY["augment.policy"].unknown(policy)
    single = {name: value for name, value in choices.items() if name != "policy"}
    for name, value in single.items():
        if name not in NEUTRAL:
            raise unknown_dimension(f"augment.{name}")
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise SpaceError(f"augment.{name}: must be a number of 0 or more, got {value!r}")
    return {**NEUTRAL, **POLICIES[policy], **{name: float(value) for name, value in single.items()}}


def ultralytics_arguments(magnitude: Mapping[str, float]) -> dict[str, float]:
    """Return the magnitudes that Ultralytics has itself, under its names."""
    same = ("fliplr", "flipud", "translate", "scale", "degrees", "perspective", "mosaic", "mixup", "cutmix")
    renamed = {"hsv_h": "hue", "hsv_s": "saturation", "hsv_v": "brightness"}
    return {name: magnitude[name] for name in same} | {
        theirs: min(1.0, magnitude[ours]) for theirs, ours in renamed.items()
    }


def albumentations_transforms(magnitude: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return Albumentations' transforms for the rest, serialised; Ultralytics runs them after its own."""
    import albumentations as A  # its documented name

    exposure, contrast, noise = (magnitude[k] for k in ("exposure", "contrast", "noise"))
    found: list[tuple[float, Callable[[], Any]]] = [
        (exposure, lambda: A.RandomGamma(gamma_limit=(100 * (1 - exposure), 100 * (1 + exposure)), p=0.5)),
        (contrast, lambda: A.RandomBrightnessContrast(0.0, contrast, p=0.5)),
        (noise, lambda: A.GaussNoise(std_range=(0.2 * noise, noise), p=0.3)),
        (magnitude["motion_blur"], lambda: A.MotionBlur(blur_limit=(3, 7), p=magnitude["motion_blur"])),
        (
            magnitude["cutout"],
            lambda: A.CoarseDropout(
                num_holes_range=(1, 4),
                hole_height_range=(0.05, 0.15),
                hole_width_range=(0.05, 0.15),
                fill=114,
                p=magnitude["cutout"],
            ),
        ),
    ]
    return [A.to_dict(make()) for strength, make in found if strength > 0]
