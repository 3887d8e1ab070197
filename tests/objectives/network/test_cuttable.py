"""Blocks that can be cut compute what Ultralytics' own do: in training too, fused too, in whole detectors."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from ultralytics.nn.modules import C2, C2PSA, C3, PSA, C2f, C2fAttn, C2fCIB, C2fPSA, C3k2, Conv
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.torch_utils import fuse_conv_and_bn

from objectives.network.cuttable import Halved, join_of, make_cuttable

BLOCKS = {
    "C2": lambda: C2(16, 24, 2),
    "C2f": lambda: C2f(16, 24, 2, shortcut=True),
    "C3k2": lambda: C3k2(16, 24, 2),
    "C3k2 of C3k": lambda: C3k2(16, 24, 2, c3k=True),
    "C3k2 with attention": lambda: C3k2(16, 24, 1, attn=True),
    "C2fCIB": lambda: C2fCIB(16, 24, 1),
    "C2PSA": lambda: C2PSA(128, 128, 2),
    "PSA": lambda: PSA(128, 128),
    "C2fPSA": lambda: C2fPSA(128, 128, 1),
}
TOLERANCE = 1e-6


def trained(network: nn.Module) -> nn.Module:
    """Give batch norms statistics and weights of their own: where all are alike, a half may stand for the other."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0.0, 0.1)  # type: ignore[arg-type]  # a buffer
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]  # a buffer
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.normal_(module.bias, 0.0, 0.1)
    return network


def pair(name: str) -> tuple[Any, Any]:
    """Return a block, and its copy in which halves are convolutions of their own."""
    torch.manual_seed(0)
    block = trained(BLOCKS[name]())
    holder = make_cuttable(nn.Sequential(deepcopy(block)))
    assert isinstance(holder[0], Halved)  # type: ignore[index]  # a Sequential
    return block, holder[0]  # type: ignore[index]  # a Sequential


def images_for(block: Any) -> Tensor:
    return torch.randn(2, block.cv1.conv.in_channels, 8, 8, generator=torch.Generator().manual_seed(1))


def fused(network: nn.Module) -> nn.Module:
    """Fuse batch norms as `BaseModel.fuse` of Ultralytics does."""
    for module in network.modules():
        if isinstance(module, Conv):
            module.conv = fuse_conv_and_bn(module.conv, module.bn)
            del module.bn
            module.forward = module.forward_fuse
    return network


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_computes_what_it_did(name: str) -> None:
    block, cuttable = pair(name)
    images = images_for(block)
    assert torch.allclose(cuttable.eval()(images), block.eval()(images), atol=TOLERANCE)
    assert sum(p.numel() for p in cuttable.parameters()) == sum(p.numel() for p in block.parameters())


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_learns_as_it_did(name: str) -> None:
    block, cuttable = pair(name)
    images = images_for(block)
    for one in (block, cuttable):
        one.train()(images).square().mean().backward()
    first, second = cuttable.cv0, cuttable.cv1
    for part in ("conv.weight", "bn.weight", "bn.bias"):
        gradients = [half.get_parameter(part).grad for half in (first, second)]
        assert torch.allclose(torch.cat(gradients), block.cv1.get_parameter(part).grad, atol=TOLERANCE)
        assert all(gradient.any() for gradient in gradients)
    for part in ("bn.running_mean", "bn.running_var"):
        moved = torch.cat([half.get_buffer(part) for half in (first, second)])
        assert torch.allclose(moved, block.cv1.get_buffer(part), atol=TOLERANCE)
    assert torch.allclose(cuttable.eval()(images), block.eval()(images), atol=TOLERANCE)


@pytest.mark.parametrize("name", ["C2f", "C2PSA", "PSA"])
def test_a_fused_block_is_halved_too(name: str) -> None:
    block, _ = pair(name)
    images = images_for(block)
    with torch.no_grad():
        wanted = fused(block.eval())(images)
        cuttable = make_cuttable(nn.Sequential(deepcopy(block)))
        assert torch.allclose(cuttable(images), wanted, atol=TOLERANCE)
        assert torch.allclose(fused(pair(name)[1].eval())(images), wanted, atol=TOLERANCE)  # and the other way round


def test_flags_and_mode_are_taken_along() -> None:
    block = C2f(8, 8).eval()
    block.cv1.conv.weight.requires_grad_(False)
    block.i, block.f = 4, -1  # of a row of a description
    cuttable: Any = make_cuttable(nn.Sequential(block))[0]  # type: ignore[index]  # a Sequential
    assert (cuttable.i, cuttable.f, cuttable.training) == (4, -1, False)
    assert not cuttable.cv0.conv.weight.requires_grad
    assert cuttable.cv0.bn.weight.requires_grad
    assert not any(module.training for module in cuttable.modules())


def test_what_halves_nothing_or_in_its_own_way_is_left_alone() -> None:
    for block in (C3(8, 8), Conv(8, 8), C2fAttn(8, 8, nh=1, gc=8, ec=8)):
        assert join_of(block) is None
        assert type(make_cuttable(nn.Sequential(block))[0]) is type(block)  # type: ignore[index]  # a Sequential


@pytest.mark.seconds
@pytest.mark.parametrize("name", ["yolo11n", "yolo11s", "yolo11m", "yolo26n", "yolo26s", "yolo26m"])
@pytest.mark.slow
def test_a_whole_detector_computes_what_it_did(name: str) -> None:
    torch.manual_seed(0)
    model = trained(DetectionModel(f"{name}.yaml", verbose=False)).eval()
    cuttable = make_cuttable(deepcopy(model))
    blocks = [module for module in model.modules() if join_of(module) is not None]
    assert len(blocks) == 9  # eight C3k2 and a C2PSA
    assert sum(isinstance(module, Halved) for module in cuttable.modules()) == len(blocks)
    assert not [module for module in cuttable.modules() if join_of(module) is not None]
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = (network(image)[1] for network in (cuttable, model))
    for one, other in zip(raw(ours), raw(theirs), strict=True):
        assert torch.allclose(one, other, atol=TOLERANCE, rtol=TOLERANCE)


def raw(output: dict[str, Any]) -> list[Tensor]:
    """Return scores and edges of every head, before they are decoded."""
    heads = [output[name] for name in ("one2many", "one2one")] if "one2many" in output else [output]
    return [head[part] for head in heads for part in ("scores", "boxes")]
