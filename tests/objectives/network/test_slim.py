"""Slim networks: masked and cut ones compute the same, with the shapes that pruning gives."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn
from ultralytics.nn.modules import Detect
from ultralytics.nn.tasks import DetectionModel

from objectives.network.assembly import assemble
from objectives.network.cuttable import join_of
from objectives.network.depth import neck_blocks, shallow
from objectives.network.pruning import prune_detector
from objectives.network.slim import Slimmer, agrees, built_slim
from spaces.candidate import Candidate
from spaces.network.family import PARTS

RATIOS = (0.15, 0.3, 0.5)


def network(backbone: str, head: str = "nms", **more: Any) -> nn.Module:
    values = {"backbone.name": backbone, "neck.width": 16, "neck.depth": 1, "head.kind": head, "size.pixels": 64}
    return assemble(Candidate.of({**values, **more}), ("box", "disc"), seed=1)[1]


def masked(model: nn.Module, slimmer: Slimmer, ratios: dict[str, float]) -> nn.Module:
    copy = deepcopy(model)
    layers = dict(copy.named_modules())
    for name, mask in slimmer.masks(ratios, layers).items():
        layers[name].register_forward_hook(lambda _, __, output, mask=mask: output * mask)
    return copy


def shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize(
    ("backbone", "head"),
    [("mobilenetv3_small_050", "nms"), ("lcnet_050", "end2end"), ("resnet10t", "nms")],
)
def test_masked_and_cut_networks_agree_part_by_part(backbone: str, head: str) -> None:
    model = network(backbone, head)
    slimmer = Slimmer(model, RATIOS, ranked=False)
    assert slimmer.parts == PARTS
    mixed = dict(zip(PARTS, (0.5, 0.15, 0.3, 0.0, 0.5), strict=True))
    for ratios in (dict.fromkeys(PARTS, 0.3), mixed, {"neck": 0.5}):
        ratios = {part: ratio for part, ratio in ratios.items() if ratio}
        assert agrees(deepcopy(model), slimmer, ratios, masked(model, slimmer, ratios))


@pytest.mark.seconds
def test_a_mask_that_lets_a_channel_through_is_seen() -> None:
    model = network("lcnet_050")
    slimmer = Slimmer(model, RATIOS, ranked=False)
    assert not agrees(deepcopy(model), slimmer, {"neck": 0.5}, model)


@pytest.mark.seconds
def test_shapes_are_those_of_pruning_at_the_same_ratio() -> None:
    model = network("mobilenetv3_small_050")
    slimmer = Slimmer(model, RATIOS, ranked=False)
    for ratio in RATIOS:
        pruned = deepcopy(model)
        prune_detector(pruned, ratio, "l2")
        assert shapes(slimmer.cut(deepcopy(model), dict.fromkeys(PARTS, ratio))) == shapes(pruned)


@pytest.mark.seconds
def test_a_part_is_cut_alone() -> None:
    model = network("lcnet_050")
    before = deepcopy(model)
    cut = built_slim(deepcopy(model), {"head": 0.5}, ranked=False)
    changed = {name for name, shape in shapes(cut).items() if shape != shapes(before)[name]}
    head = next(name for name, module in model.named_modules() if isinstance(module, Detect))
    assert changed
    assert all(name.startswith(f"{head}.") for name in changed)
    assert shapes(model) == shapes(before)


@pytest.mark.seconds
def test_important_channels_stay_where_weights_are_trained() -> None:
    model = network("lcnet_050")
    slimmer = Slimmer(model, (0.5,), ranked=True)
    strengthened = deepcopy(model)
    again = Slimmer(strengthened, (0.5,), slimmer.ranks, ranked=True)
    for parameter in strengthened.parameters():  # a training changes what is important, never what is cut
        torch.nn.init.normal_(parameter)
    assert {g.root: g.lost for g in again.groups} == {g.root: g.lost for g in slimmer.groups}
    by_place = Slimmer(model, (0.5,), ranked=False)
    assert {g.root: g.lost for g in by_place.groups} != {g.root: g.lost for g in slimmer.groups}


@pytest.mark.seconds
def test_ultralytics_backbone_stays_whole() -> None:
    model = network("yolo11", **{"backbone.width": 0.125, "backbone.depth": 0.5})
    assert Slimmer(model, (0.5,), ranked=False).parts == ("neck", "head")


def test_shortened_neck_is_the_neck_built_with_fewer_blocks() -> None:
    deep = network("lcnet_050", **{"neck.depth": 2})
    assert {len(block.m) for block in neck_blocks(deep)} == {2}
    assert shapes(shallow(deep, {"neck.depth": 1}, [])) == shapes(network("lcnet_050"))


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("name", ["yolo11n", "yolo26n"])
def test_of_a_whole_detector_of_ultralytics_blocks_that_halve_stay_whole(name: str) -> None:
    model: Any = DetectionModel(f"{name}.yaml", verbose=False)
    slimmer = Slimmer(model, RATIOS, ranked=False)
    assert slimmer.parts == ("neck", "head")
    ratios = dict.fromkeys(slimmer.parts, 0.5)
    cut = slimmer.cut(deepcopy(model), ratios)
    assert agrees(deepcopy(model), slimmer, ratios, masked(model, slimmer, ratios))
    changed = {name for name, shape in shapes(cut).items() if shape != shapes(model)[name]}
    halving = {name for name, module in model.named_modules() if join_of(module) is not None}
    of_blocks = {name for name in changed if any(name.startswith(f"{block}.") for block in halving)}
    assert of_blocks <= {f"{block}.cv1.conv.weight" for block in halving}  # whose inputs alone may be fewer
    assert changed > of_blocks
