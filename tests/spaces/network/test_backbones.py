"""Backbones by name: what can be built is taken, a typo is told with what it may have meant."""

import subprocess
import sys

import pytest
import timm

from spaces.errors import SpaceError
from spaces.network.backbones import TIMM, ULTRALYTICS, check_backbone
from spaces.network.timm_backbone import TimmBackbone


@pytest.mark.parametrize("name", [*TIMM, *ULTRALYTICS, "regnetz_005", "resnet18.a1_in1k"])
def test_known_names_are_taken(name: str) -> None:
    check_backbone(name)


def test_the_catalogue_is_timms() -> None:
    assert [name for name in TIMM if not timm.is_model(name)] == []
    assert len(set(TIMM)) == len(TIMM)


@pytest.mark.parametrize(
    ("name", "meant"), [("resnet999", "resnet"), ("mobilenet_v3_small", "mobilenetv3_small"), ("yolo12", "yolo11")]
)
def test_a_typo_is_told_with_what_is_near(name: str, meant: str) -> None:
    with pytest.raises(SpaceError, match=rf"backbone: unknown network '{name}', .*; nearest: .*{meant}"):
        check_backbone(name)


def test_catalogue_names_are_checked_without_torch() -> None:
    code = (
        "import sys; from spaces.network.backbones import *; [check_backbone(n) for n in TIMM]; "
        "print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("name", ["swinv2_cr_tiny_224", "mambaout_femto"])
def test_networks_of_a_fixed_size_or_channels_last_are_taken(name: str) -> None:
    check_backbone(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("coatnet_pico_rw_224", "takes no images of 256 px"),
        ("efficientformerv2_s0", "takes no images of 256 px"),
        ("inception_v3", r"gives feature maps \[\(288, 29, 29\)"),
        ("mvitv2_tiny", "cannot build|takes no images"),
        ("levit_128s", r"has strides \(16, 32, 64\)"),
    ],
)
def test_networks_that_no_detector_can_use_are_refused_before_the_search(name: str, why: str) -> None:
    with pytest.raises(SpaceError, match=rf"backbone: .*'{name}'.* ?({why}).*; take another"):
        check_backbone(name)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "mixer_s32_224"])
def test_networks_without_these_strides_are_told(name: str) -> None:
    with pytest.raises(
        SpaceError, match=rf"backbone: '{name}' has strides .* a neck needs \(8, 16, 32\); take another"
    ):
        TimmBackbone(name)
