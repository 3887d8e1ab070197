"""Published names: what timm's registry says, scales of Ultralytics' files, and what a space needs."""

import subprocess
import sys

import pytest
import timm

from search.settings.settings import load_settings
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.backbones import TIMM, ULTRALYTICS, check_backbone
from spaces.network.published import needed, published, start_of


@pytest.mark.parametrize("name", TIMM)
def test_the_catalogue_names_what_timm_publishes(name: str) -> None:
    config, found = timm.get_pretrained_cfg(name), published(name)
    assert found is not None
    assert (found.repository, found.name) == (config.hf_hub_id, f"{name}.{config.tag}")
    assert config.hf_hub_filename is None
    assert published(found.name) == type(found)(found.name, found.name, found.repository)


def test_the_catalogue_is_named_without_timm() -> None:
    code = (
        "import sys; from spaces.network.published import *; from spaces.network.backbones import *\n"
        "for n, t in TIMM.items(): check_backbone(n), check_backbone(f'{n}.{t}'), published(n), published(f'{n}.{t}')\n"
        "print({'torch', 'timm'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_other_networks_are_named_as_timm_does() -> None:
    found = published("resnet18.fb_swsl_ig1b_ft_in1k")
    assert found is not None
    assert found.repository == "timm/resnet18.fb_swsl_ig1b_ft_in1k"
    assert "resnet18.fb_swsl_ig1b_ft_in1k.safetensors" in found.files
    assert "resnet18.fb_swsl_ig1b_ft_in1k/model.safetensors" in found.files
    assert published("mobilenetv3_large_075") is None  # nobody publishes any


@pytest.mark.parametrize("backbone", ULTRALYTICS)
def test_files_of_ultralytics_exist_for_some_scales(backbone: str) -> None:
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES

    for letter, (depth, width, _) in ULTRALYTICS[backbone].scales.items():
        found = published(backbone, (depth, width))
        assert found is not None
        assert found.files[0] == f"{backbone}{letter}.pt"
        assert found.files[0] in GITHUB_ASSETS_NAMES
        assert found.url.endswith(f"/{backbone}{letter}.pt")
    assert published(backbone, (0.5, 0.125)) is None


def test_a_tag_is_taken_and_an_unknown_one_refused() -> None:
    check_backbone("mobilenetv3_small_100.lamb_in1k")
    check_backbone("resnet18.fb_swsl_ig1b_ft_in1k")
    with pytest.raises(SpaceError, match=r"timm publishes no weights 'lamb_in2k' of mobilenetv3_small_100; nearest: "):
        check_backbone("mobilenetv3_small_100.lamb_in2k")
    with pytest.raises(SpaceError, match=r"unknown network 'mobilenetv9\.lamb_in1k'"):
        check_backbone("mobilenetv9.lamb_in1k")


def names(*overrides: str) -> list[str]:
    return [one.name for one in needed(load_settings(["conf=smoke", *overrides]).space)]


def test_a_space_needs_each_file_once() -> None:
    two = "space.backbone.name=efficientnet_lite0,efficientnet_lite0.ra_in1k,mobilenetv3_small_100.lamb_in1k"
    assert names(two) == []  # random weights
    assert names("space/train=pretrained", two) == ["efficientnet_lite0.ra_in1k", "mobilenetv3_small_100.lamb_in1k"]
    yolo = ("space/train=pretrained", "space.backbone.name=yolo11,yolo26", "++space.backbone.depth=0.5,1.0")
    assert names(*yolo, "++space.backbone.width=0.25,0.5") == ["yolo11n", "yolo11s", "yolo26n", "yolo26s"]
    assert names(*yolo, "++space.backbone.width=0.125,0.25") == ["yolo11n", "yolo26n"]
    assert names(*yolo, "++space.backbone.width=0.125") == []


def test_what_a_candidate_starts_from() -> None:
    tagged = {"backbone.name": "resnet18.a1_in1k", "train.pretrained": "hub"}
    assert start_of(Candidate.of(tagged)) == "resnet18.a1_in1k"
    assert start_of(Candidate.of({**tagged, "train.pretrained": "a/b.pt"})) == "a/b.pt"
    assert start_of(Candidate.of({**tagged, "train.pretrained": "none"})) is None
    assert start_of(Candidate.of({"backbone.name": "resnet18"})) is None
    yolo = {"backbone.name": "yolo26", "backbone.depth": 0.5, "backbone.width": 0.25, "train.pretrained": "hub"}
    assert start_of(Candidate.of(yolo)) == "yolo26n"
    assert start_of(Candidate.of({**yolo, "backbone.width": 0.2})) is None
