"""Backbones by name: the catalogue that is tested here, and any other timm network with feature maps."""

from dataclasses import dataclass
from typing import Any

from spaces.errors import SpaceError, nearest
from spaces.space import SearchSpace
from spaces.vocabulary import single_values

# Networks that were built, exported, timed and pruned at strides 8, 16, 32. Others of timm are accepted too.
TIMM = (
    "tinynet_e",
    "lcnet_050",
    "lcnet_100",
    "mnasnet_small",
    "mobilenetv2_100",
    "mobilenetv3_small_050",
    "mobilenetv3_small_100",
    "mobilenetv3_large_100",
    "mobilenetv4_conv_small",
    "mobilenetv4_conv_medium",
    "ghostnet_100",
    "fbnetc_100",
    "semnasnet_075",
    "efficientnet_lite0",
    "efficientnet_b0",
    "tf_efficientnetv2_b0",
    "regnetx_002",
    "regnety_004",
    "resnet10t",
    "resnet18",
    "resnet34",
    "resnet50",
    "hgnetv2_b0",
    "starnet_s1",
    "convnext_atto",
    "convnext_femto",
    "convnext_pico",
    "convnextv2_atto",
)


@dataclass(frozen=True)
class UltralyticsBackbone:
    """A backbone of Ultralytics' own, before width and depth.

    Attributes:
        config: name of the model file that Ultralytics ships.
        layers: number of its rows that are the backbone.
        levels: indices of the rows whose outputs have strides 8, 16, 32.
        scales: letter of a published scale to its (depth, width, greatest channel count).
    """

    config: str
    layers: int
    levels: tuple[int, int, int]
    scales: dict[str, tuple[float, float, int]]


ULTRALYTICS = {
    "yolo11": UltralyticsBackbone(
        "yolo11.yaml",
        11,
        (4, 6, 10),
        {"n": (0.5, 0.25, 1024), "s": (0.5, 0.5, 1024), "m": (0.5, 1.0, 512)},
    ),
    "yolo26": UltralyticsBackbone(
        "yolo26.yaml",
        11,
        (4, 6, 10),
        {"n": (0.5, 0.25, 1024), "s": (0.5, 0.5, 1024), "m": (0.5, 1.0, 512)},
    ),
}


SCALES = ("backbone.width", "backbone.depth")  # of Ultralytics' own; timm's networks have theirs in the name


def check_backbones(space: SearchSpace) -> None:
    """Check that every backbone of a space can be built.

    Raises:
        SpaceError: one is unknown, or Ultralytics' own are among them and the space does not say how wide and deep.
    """
    names = [str(name) for name in single_values("backbone.name", space.domains["backbone.name"])]
    for name in names:
        check_backbone(name)
    own = [name for name in ULTRALYTICS if name in names]
    for scale in SCALES if own else ():
        if scale not in space.domains:
            raise SpaceError(f"space.{scale}: is missing, which {own[0]} needs; give a value or a sweep")


def check_backbone(name: str) -> None:
    """Check that a backbone can be built; one outside the catalogue is built, and tried on an image.

    Raises:
        SpaceError: the name is neither Ultralytics' nor that of a timm network whose feature maps a neck can take.
    """
    if name in ULTRALYTICS or name in TIMM:
        return
    import timm  # only for names outside the catalogue: it brings torch along

    if not timm.is_model(name):
        near = nearest(name, [*ULTRALYTICS, *TIMM, *timm.list_models()])
        raise SpaceError(f"backbone: unknown network '{name}', neither timm's nor Ultralytics'{near}")
    from spaces.network.timm_backbone import check_features

    check_features(name)


def is_native(description: dict[str, Any]) -> bool:
    """Whether Ultralytics alone can build a described network (no layer of ours)."""
    return all(row[2] != "TimmBackbone" for row in description["backbone"])
