"""Backbones by name: the catalogue that is tested here, and any other timm network with feature maps."""

from dataclasses import dataclass
from typing import Any

from spaces.errors import SpaceError, nearest
from spaces.space import SearchSpace
from spaces.vocabulary import single_values

# Networks that were built, exported, timed and pruned at strides 8, 16, 32, and the tag of the published weights that
# timm means by the bare name: a searching process, which imports no timm, has to know it. Others of timm are accepted.
TIMM = {
    "tinynet_e": "in1k",
    "lcnet_050": "ra2_in1k",
    "lcnet_100": "ra2_in1k",
    "mnasnet_small": "lamb_in1k",
    "mobilenetv2_100": "ra_in1k",
    "mobilenetv3_small_050": "lamb_in1k",
    "mobilenetv3_small_100": "lamb_in1k",
    "mobilenetv3_large_100": "ra_in1k",
    "mobilenetv4_conv_small": "e2400_r224_in1k",
    "mobilenetv4_conv_medium": "e500_r256_in1k",
    "ghostnet_100": "in1k",
    "fbnetc_100": "rmsp_in1k",
    "semnasnet_075": "rmsp_in1k",
    "efficientnet_lite0": "ra_in1k",
    "efficientnet_b0": "ra_in1k",
    "tf_efficientnetv2_b0": "in1k",
    "regnetx_002": "pycls_in1k",
    "regnety_004": "tv2_in1k",
    "resnet10t": "c3_in1k",
    "resnet18": "a1_in1k",
    "resnet34": "a1_in1k",
    "resnet50": "a1_in1k",
    "hgnetv2_b0": "ssld_stage2_ft_in1k",
    "starnet_s1": "in1k",
    "convnext_atto": "d2_in1k",
    "convnext_femto": "d1_in1k",
    "convnext_pico": "d1_in1k",
    "convnextv2_atto": "fcmae_ft_in1k",
}


@dataclass(frozen=True)
class UltralyticsBackbone:
    """A backbone of Ultralytics' own, before width and depth.

    Attributes:
        config: name of the model file that Ultralytics ships.
        layers: number of its rows that are the backbone.
        levels: indices of the rows whose outputs have strides 8, 16, 32.
        scales: letter of a published scale to its (depth, width, greatest channel count).
        head: kind of the head that it is published with.
    """

    config: str
    layers: int
    levels: tuple[int, int, int]
    scales: dict[str, tuple[float, float, int]]
    head: str


ULTRALYTICS = {
    "yolo11": UltralyticsBackbone(
        "yolo11.yaml",
        11,
        (4, 6, 10),
        {"n": (0.5, 0.25, 1024), "s": (0.5, 0.5, 1024), "m": (0.5, 1.0, 512)},
        "nms",
    ),
    "yolo26": UltralyticsBackbone(
        "yolo26.yaml",
        11,
        (4, 6, 10),
        {"n": (0.5, 0.25, 1024), "s": (0.5, 0.5, 1024), "m": (0.5, 1.0, 512)},
        "end2end",
    ),
}

# Detectors that exist whole alone, with neck and head of their own and in one size: name to Ultralytics' model file.
RTDETR = {"rtdetr-l": "rtdetr-l.yaml", "rtdetr-x": "rtdetr-x.yaml"}

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

    Args:
        name: Ultralytics', or timm's with or without the tag of its published weights, as in
            "mobilenetv3_small_100.lamb_in1k".

    Raises:
        SpaceError: the name is neither Ultralytics' nor that of a timm network whose feature maps a neck can take, or
            timm knows no such tag.
    """
    architecture, _, tag = name.partition(".")
    if name in ULTRALYTICS or name in RTDETR or name in TIMM or (tag and TIMM.get(architecture) == tag):
        return
    import timm  # only for names outside the catalogue: it brings torch along

    if not timm.is_model(architecture):
        near = nearest(name, [*ULTRALYTICS, *RTDETR, *TIMM, *timm.list_models()])
        raise SpaceError(f"backbone: unknown network '{name}', neither timm's nor Ultralytics'{near}")
    if tag and name not in timm.list_pretrained(f"{architecture}.*"):
        known = timm.list_pretrained(f"{architecture}.*")
        there = f"known: {', '.join(known)}" if known else "it has none; give the name alone"
        near = nearest(name, known)
        raise SpaceError(f"backbone: timm publishes no weights '{tag}' of {architecture}{near}; {there}")
    if architecture in TIMM:
        return
    from spaces.network.timm_backbone import check_features

    check_features(name)


def is_native(description: dict[str, Any]) -> bool:
    """Whether Ultralytics alone can build a described network (no layer of ours)."""
    return all(row[2] != "TimmBackbone" for row in description["backbone"])
