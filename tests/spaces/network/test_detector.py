"""Networks from descriptions: seeded weights, strides, heads, and what they cost."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from ultralytics.nn.modules import Detect, DWConv

from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.backbones import TIMM
from spaces.network.description import describe
from spaces.network.detector import build_detector, count_multiply_adds, count_parameters, is_rtdetr

Make = Callable[..., Candidate]
CLASSES = ("can", "jar")


def build(candidate: Candidate, seed: int = 0) -> Any:
    return build_detector(describe(candidate, CLASSES), seed)


@pytest.mark.seconds
@pytest.mark.parametrize("head", ["nms", "rtdetr"])
def test_the_seed_alone_decides_the_weights(make_candidate: Make, head: str) -> None:
    description = describe(make_candidate({"head.kind": head}), CLASSES)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build_detector(description, seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)  # the caller's generator is left alone
    torch.manual_seed(2)
    second = build_detector(description, seed=3).state_dict()
    other = build_detector(description, seed=4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("name", ["tinynet_e", "mobilenetv4_conv_small", "resnet10t", "hgnetv2_b0", "convnext_atto"])
def test_timm_networks_become_detectors(make_candidate: Make, name: str) -> None:
    check_detector(make_candidate({"backbone.name": name}))


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMM)
def test_the_whole_catalogue_becomes_detectors(make_candidate: Make, name: str) -> None:
    check_detector(make_candidate({"backbone.name": name}))


@pytest.mark.seconds
@pytest.mark.parametrize("name", ["swinv2_cr_tiny_224", "mambaout_femto"])
def test_networks_of_a_fixed_size_or_channels_last_become_detectors(make_candidate: Make, name: str) -> None:
    check_detector(make_candidate({"backbone.name": name}))


@pytest.mark.seconds
@pytest.mark.parametrize("name", ["coatnet_pico_rw_224", "inception_v3"])
def test_what_cannot_be_built_is_the_architectures_fault(make_candidate: Make, name: str) -> None:
    with pytest.raises(SpaceError, match=r"network: this detector cannot be built .*; take another backbone") as caught:
        build(make_candidate({"backbone.name": name}))
    assert "\n" not in str(caught.value)


def test_a_size_that_a_network_does_not_take_is_its_fault(make_candidate: Make) -> None:
    model = build(make_candidate({"backbone.name": "maxvit_rmlp_pico_rw_256"}))
    with pytest.raises(SpaceError, match="takes no images of 96 px"):
        count_multiply_adds(model, 96)
    assert model.training


def check_detector(candidate: Candidate) -> None:
    model = build(candidate)
    assert model.training
    assert model.stride.tolist() == [8, 16, 32]
    with torch.no_grad():
        features = model.model[0](torch.zeros(1, 3, 64, 96))
        boxes = model.eval()(torch.zeros(1, 3, 64, 96))[0]
    assert [tuple(f.shape[2:]) for f in features] == [(8, 12), (4, 6), (2, 3)]
    assert boxes.shape == (1, 4 + len(CLASSES), 8 * 12 + 4 * 6 + 2 * 3)
    assert torch.isfinite(boxes).all()


@pytest.mark.seconds
def test_every_head_is_what_it_is_called(make_candidate: Make) -> None:
    nms, end2end, rtdetr = (build(make_candidate({"head.kind": head})) for head in ("nms", "end2end", "rtdetr"))
    assert [is_rtdetr(m) for m in (nms, end2end, rtdetr)] == [False, False, True]
    assert [bool(m.end2end) for m in (nms, end2end)] == [False, True]
    assert not hasattr(nms.model[-1], "one2one_cv2")
    assert end2end.model[-1].one2one_cv2 is not None
    assert (nms.model[-1].reg_max, end2end.model[-1].reg_max) == (16, 1)
    assert rtdetr.model[-1].num_queries == 100
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert end2end.eval()(image)[0].shape == (1, 84, 6)  # every anchor: fewer than 300
        assert rtdetr.eval()(image)[0].shape == (1, 100, 6)


def test_the_head_is_the_light_one(make_candidate: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    head = build(make_candidate()).model[-1]
    assert not head.legacy
    assert any(isinstance(layer, DWConv) for layer in head.cv3.modules())
    monkeypatch.setattr(Detect, "legacy", True)
    heavy = Detect(len(CLASSES), 16, False, [16, 32, 64])
    assert count_parameters(head.cv3) < 0.4 * count_parameters(heavy.cv3)
    # Biases as Ultralytics starts them: objects are rare.
    assert all(torch.allclose(branch[-1].bias, branch[-1].bias[0]) for branch in head.cv3)
    assert head.cv3[0][-1].bias[0] < -5


def test_a_native_detector_has_the_light_head_too(make_candidate: Make) -> None:
    choices = {"backbone.name": "yolo26", "backbone.depth": 0.5, "backbone.width": 0.125}
    assert any(isinstance(layer, DWConv) for layer in build(make_candidate(choices)).model[-1].cv3.modules())


def test_multiply_adds_are_those_counted_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=2)
    )
    first = 16 * 16 * 8 * (3 * 3 * 3)
    second = 8 * 8 * 16 * (4 * 3 * 3)
    assert count_multiply_adds(network, 16) == first + second
    assert network.training
    assert count_parameters(network) == 8 * 27 + 8 + 16 * 36 + 16


def test_multiply_adds_grow_with_the_image(make_candidate: Make) -> None:
    model = build(make_candidate())
    small, large = count_multiply_adds(model, 64), count_multiply_adds(model, 128)
    assert large == pytest.approx(4 * small, rel=0.02)  # squeeze-and-excitation does not grow
