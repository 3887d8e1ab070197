"""Structural pruning and the file of weights: what is cut, what is not, and the same network again."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from ultralytics.nn.modules import Attention
from ultralytics.nn.tasks import DetectionModel, RTDETRDetectionModel

from objectives.network.assembly import assemble, initialise, pruning_of, save_weights
from objectives.network.cuttable import make_cuttable
from objectives.network.pruning import prune_detector
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.description import describe
from spaces.network.detector import build_detector, count_multiply_adds, count_parameters
from spaces.vocabulary import VOCABULARY

Make = Callable[..., Candidate]
CLASSES = ("can", "jar")
NATIVE = {"backbone.name": "yolo26", "backbone.width": 0.125, "backbone.depth": 0.5}
OF_ATTENTION = ("m.0.attn.qkv", "m.0.attn.proj", "m.0.attn.pe")


def build(candidate: Candidate, seed: int = 0) -> Any:
    return build_detector(describe(candidate, CLASSES), seed)


def shapes(model: Any) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.state_dict().items()}


@pytest.mark.seconds
@pytest.mark.parametrize(("name", "head"), [("lcnet_050", "nms"), ("resnet10t", "end2end"), ("lcnet_050", "rtdetr")])
def test_a_cut_network_is_smaller_and_still_works(make_candidate: Make, name: str, head: str) -> None:
    model = build(make_candidate({"backbone.name": name, "head.kind": head, "neck.width": 32}))
    before, parameters = count_multiply_adds(model, 64), count_parameters(model)
    frozen = {n for n, p in model.named_parameters() if not p.requires_grad}
    prune_detector(model, 0.4, "l1")
    assert model.training
    assert count_parameters(model) < parameters
    if head != "rtdetr":  # whose decoder stays whole
        assert count_multiply_adds(model, 64) <= 0.7 * before
    assert {n for n, p in model.named_parameters() if not p.requires_grad} == frozen
    output = model.eval()(torch.rand(1, 3, 64, 64))[0]
    assert torch.isfinite(output).all()
    channels = [m.out_channels for m in model.model[0].modules() if isinstance(m, torch.nn.Conv2d) and m.groups == 1]
    assert sum(c % 8 == 0 for c in channels) >= 0.8 * len(channels)


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("importance", [w for w in VOCABULARY["prune.importance"].words if w not in ("none", "random")])
def test_shapes_follow_the_ratio_and_not_the_weights(make_candidate: Make, importance: str) -> None:
    """Else the latency of an untrained network would say nothing about the trained one."""
    candidate = make_candidate()
    one, other = build(candidate, seed=0), build(candidate, seed=1)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(torch.rand_like(parameter) + 0.1)
    for model in (one, other):
        prune_detector(model, 0.4, importance)
    assert shapes(one) == shapes(other)
    assert shapes(one) != shapes(build(candidate))


WHOLE = ("yolo11n", "yolo26n", "yolo11s", "yolo26s")


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("head", ["nms", "end2end", "rtdetr"])
@pytest.mark.parametrize("backbone", ["yolo11", "yolo26"])
def test_a_backbone_of_ultralytics_is_cut(make_candidate: Make, backbone: str, head: str) -> None:
    candidate = make_candidate({**NATIVE, "backbone.name": backbone, "neck.width": 32, "head.kind": head})
    model = build(candidate)
    whole = {name: m.out_channels for name, m in make_cuttable(build(candidate)).named_modules() if is_conv(m)}
    prune_detector(model, 0.4, "l2")
    kept = {name: m.out_channels for name, m in model.named_modules() if is_conv(m) and in_backbone(name)}
    assert kept.keys() == {name for name in whole if in_backbone(name)}
    # what feeds the attention keeps its channels, and so does a layer of one round_to
    uncut = {name for name, channels in kept.items() if channels == whole[name] > 8}
    assert uncut == {f"model.10.{name}.conv" for name in ("cv1", *OF_ATTENTION, "m.0.ffn.1")}
    assert torch.isfinite(model.eval()(torch.rand(1, 3, 64, 64))[0]).all()


@pytest.mark.seconds
@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.slow
def test_a_published_detector_is_cut_all_over(name: str) -> None:
    """Multiply-adds fall with the square of what is left; rounding takes more, attention and the head less."""
    whole: Any = DetectionModel(f"{name}.yaml", verbose=False)
    before = count_multiply_adds(whole, 128)
    heads = {n: (m.num_heads, m.key_dim, m.head_dim) for n, m in attentions(whole).items()}
    for ratio in (0.2, 0.4):
        model = deepcopy(whole)
        prune_detector(model, ratio, "l1")
        left = (1 - ratio) ** 2
        assert left - 0.1 <= count_multiply_adds(model, 128) / before <= left + 0.02
        assert torch.isfinite(model.eval()(torch.rand(1, 3, 128, 128))[0]).all()
        for layer, found in attentions(model).items():
            assert (found.num_heads, found.key_dim, found.head_dim) == heads[layer]
            shapes_now = {n: p.shape for n, p in found.named_parameters()}
            assert shapes_now == {n: p.shape for n, p in attentions(whole)[layer].named_parameters()}


@pytest.mark.slow
@pytest.mark.seconds
def test_shapes_of_a_published_detector_follow_the_ratio_alone() -> None:
    found = []
    for seed, importance in ((0, "l1"), (1, "bn_scale")):
        torch.manual_seed(seed)
        model = DetectionModel("yolo26n.yaml", verbose=False)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(torch.rand_like(parameter) + 0.1)
        prune_detector(model, 0.3, importance)
        found.append(shapes(model))
    assert found[0] == found[1]


@pytest.mark.seconds
def test_what_weighs_little_goes_from_a_halved_block() -> None:
    """Each half by its own weights: a detector that has learnt keeps what it has learnt."""
    torch.manual_seed(0)
    model: Any = DetectionModel("yolo11n.yaml", verbose=False)
    block = model.model[10]  # whose first half feeds nothing but the last convolution of the block
    count = block.c
    strong = torch.randperm(count)[: count // 2]
    with torch.no_grad():
        block.cv1.conv.weight[:count][[i for i in range(count) if i not in strong]] *= 1e-3
        block.cv2.conv.weight[:, [i for i in range(count) if i not in strong]] *= 1e-3
    wanted = block.cv1.conv.weight[:count][strong.sort().values].flatten(1).abs().sum(1)
    prune_detector(model, 0.5, "l1")
    assert len(model.model[10].cv0.conv.weight) == count // 2
    left = model.model[10].cv0.conv.weight.flatten(1).abs().sum(1)
    assert (left > 0.1 * wanted.min()).all()  # its inputs were cut too


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("name", ["rtdetr-l.yaml", "rtdetr-resnet50.yaml"])
def test_an_rtdetr_of_ultralytics_is_cut_but_for_its_decoder(name: str) -> None:
    model: Any = RTDETRDetectionModel(name, verbose=False)
    before = count_multiply_adds(model, 64)
    decoder = shapes(model.model[-1])
    prune_detector(model, 0.4, "l2")
    assert count_multiply_adds(model, 64) <= 0.8 * before
    after = shapes(model.model[-1])
    assert {n for n in decoder if decoder[n] != after[n]} <= {f"input_proj.{i}.0.weight" for i in range(3)}
    assert torch.isfinite(model.eval()(torch.rand(1, 3, 64, 64))[0]).all()


def is_conv(module: Any) -> bool:
    return isinstance(module, torch.nn.Conv2d)


def in_backbone(name: str) -> bool:
    return int(name.split(".")[1]) < 11


def attentions(model: Any) -> dict[str, Any]:
    return {name: module for name, module in model.named_modules() if isinstance(module, Attention)}


def test_gradients_are_as_they_were(make_candidate: Make) -> None:
    model = build(make_candidate()).eval()
    for parameter in model.model[0].parameters():
        parameter.requires_grad_(False)
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    prune_detector(model, 0.3, "l2")
    assert {name: p.requires_grad for name, p in model.named_parameters()} == flags
    assert not model.training
    with pytest.raises(SpaceError):
        prune_detector(model, 0.3, "l3")
    assert {name: p.requires_grad for name, p in model.named_parameters()} == flags


@pytest.mark.parametrize(
    ("ratio", "importance", "told"),
    [
        (0.4, "lampp", "prune.importance: unknown choice 'lampp'; nearest: lamp"),
        (0.0, "l1", "prune.ratio: must lie between 0 and 1, got 0.0"),
        (1.0, "l1", "prune.ratio: must lie between 0 and 1, got 1.0"),
    ],
)
def test_mistakes_are_told(make_candidate: Make, ratio: float, importance: str, told: str) -> None:
    with pytest.raises(SpaceError, match=f"^{told}"):
        prune_detector(build(make_candidate()), ratio, importance)


def test_what_a_candidate_asks_for(make_candidate: Make) -> None:
    assert pruning_of(make_candidate()) is None
    assert pruning_of(make_candidate({"prune.importance": "none"})) is None
    pruning = pruning_of(make_candidate({"prune.importance": "l1", "prune.ratio": 0.3}))
    assert pruning is not None
    assert (pruning.ratio, pruning.importance, pruning.at) == (0.3, "l1", 0.5)
    with pytest.raises(SpaceError, match=r"prune\.ratio"):
        pruning_of(make_candidate({"prune.importance": "l1"}))


# The file of weights


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("more", [{}, {"head.kind": "end2end"}, NATIVE], ids=["nms", "end2end", "yolo26"])
def test_weights_bring_the_network_back(make_candidate: Make, tmp_path: Path, more: Any, pruned: bool) -> None:
    choices = {"prune.importance": "l1", "prune.ratio": 0.4} if pruned else {}
    candidate = make_candidate({**more, **choices})
    _, model = assemble(candidate, CLASSES, seed=7)
    if pruned:
        prune_detector(model, 0.4, "l1")
    path = tmp_path / "weights.pt"
    save_weights(path, model, candidate, CLASSES)
    content = torch.load(path, weights_only=True)
    _, again = assemble(Candidate.from_json(content["candidate"]), content["classes"], seed=0)
    if pruned:
        prune_detector(again, 0.4, "l1")
    again.load_state_dict(content["state_dict"])
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(again.eval()(image)[0], model.eval()(image)[0])
    assert count_parameters(again) == count_parameters(model)
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.seconds
def test_weights_start_another_training(make_candidate: Make, tmp_path: Path) -> None:
    candidate = make_candidate()
    _, trained = assemble(candidate, CLASSES, seed=1)
    save_weights(tmp_path / "weights.pt", trained, candidate, CLASSES)
    _, fresh = assemble(candidate, CLASSES, seed=2)
    loaded = initialise(fresh, make_candidate({"train.pretrained": str(tmp_path / "weights.pt")}), CLASSES).tensors
    assert loaded == len(trained.state_dict())
    assert all(torch.equal(v, trained.state_dict()[k]) for k, v in fresh.state_dict().items())
    assert initialise(fresh, candidate, CLASSES).tensors == 0
