"""Pretrained weights: published files, kinds of checkpoint, those that fit nowhere, and a hostile one."""

import pickle
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from objectives.network.assembly import save_weights
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.description import describe
from spaces.network.detector import build_detector
from spaces.network.pretrained import load_pretrained

Make = Callable[..., Candidate]
CLASSES = ("can", "jar")


@pytest.fixture(scope="module")
def description(make_candidate: Make) -> dict[str, Any]:
    return describe(make_candidate(), CLASSES)


@pytest.fixture(scope="module")
def fresh(description: dict[str, Any]) -> nn.Module:
    return build_detector(description, 0)


@pytest.fixture
def model(fresh: nn.Module) -> Any:
    return deepcopy(fresh)


def test_none_loads_nothing(model: Any) -> None:
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert load_pretrained(model, "lcnet_050", "none") == 0
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.seconds
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_state_dict_of_the_timm_backbone(model: Any, tmp_path: Path, wrapped: bool) -> None:
    torch.manual_seed(5)
    whole = timm.create_model("lcnet_050")  # with its classifier, as published
    path = tmp_path / "backbone.pth"
    torch.save({"state_dict": whole.state_dict(), "epoch": 3} if wrapped else whole.state_dict(), path)
    count = load_pretrained(model, "lcnet_050", str(path))
    backbone = model.model[0].m.state_dict()
    assert count == len(backbone)
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in backbone.items())


@pytest.mark.seconds
def test_our_own_weights(model: Any, description: dict[str, Any], make_candidate: Make, tmp_path: Path) -> None:
    other = build_detector(description, 1)
    path = tmp_path / "weights.pt"
    save_weights(path, other, make_candidate(), CLASSES)
    assert load_pretrained(model, "lcnet_050", str(path)) == len(other.state_dict())
    assert all(torch.equal(v, other.state_dict()[k]) for k, v in model.state_dict().items())


def test_our_own_weights_fit_other_classes_but_for_the_scores(model: Any, make_candidate: Make, tmp_path: Path) -> None:
    more = build_detector(describe(make_candidate(), ("a", "b", "c", "d", "e")), 1)
    path = tmp_path / "weights.pt"
    save_weights(path, more, make_candidate(), ("a", "b", "c", "d", "e"))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    count = load_pretrained(model, "lcnet_050", str(path))
    unfitting = [k for k, v in more.state_dict().items() if v.shape != before[k].shape]
    assert unfitting
    assert count == len(before) - len(unfitting)
    assert all(torch.equal(model.state_dict()[k], before[k]) for k in unfitting)


def test_an_ultralytics_file(tmp_path: Path) -> None:
    """Its files hold a whole network, which is read with an allow-list."""
    native = describe(Candidate.of(NATIVE), CLASSES)
    published, target = build_detector(native, 1), build_detector(native, 0)
    path = tmp_path / "published.pt"
    torch.save({"model": published.half(), "ema": None, "epoch": -1}, path)
    assert load_pretrained(target, "yolo26", str(path)) == len(published.state_dict())
    state = target.state_dict()
    assert all(torch.equal(state[k], v.to(state[k].dtype)) for k, v in published.state_dict().items())


NATIVE = {
    "backbone.name": "yolo26",
    "backbone.width": 0.125,
    "backbone.depth": 0.5,
    "neck.width": 16,
    "neck.depth": 1,
    "head.kind": "nms",
}


class Hostile:
    """Unpickling it runs a command."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_a_checkpoint_never_runs_code(model: Any, tmp_path: Path, zipped: bool, suffix: str) -> None:
    mark, path = tmp_path / "mark", tmp_path / f"hostile{suffix}"
    content = {"model": Hostile(mark), "state_dict": {"a": torch.zeros(1)}}
    if zipped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(SpaceError, match=r"train\.pretrained: .* cannot be read safely"):
        load_pretrained(model, "lcnet_050", str(path))
    assert not mark.exists()
    torch.load(path, weights_only=False) if zipped else pickle.loads(path.read_bytes())
    assert mark.exists()  # it would have


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"no checkpoint at all"])
def test_a_damaged_file_is_told(model: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.pt"
    path.write_bytes(content)
    with pytest.raises(SpaceError, match="cannot be read safely") as error:
        load_pretrained(model, "lcnet_050", str(path))
    assert "\n" not in str(error.value)


@pytest.mark.seconds
@pytest.mark.parametrize("content", [{"a": torch.zeros(3)}, {}, [1, 2], {"model": {"x": 1}}])
def test_what_fits_nowhere_is_told(model: Any, tmp_path: Path, content: object) -> None:
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(SpaceError, match=r"no tensor of '.*other\.pt' fits lcnet_050"):
        load_pretrained(model, "lcnet_050", str(path))


def test_a_missing_file_is_told(model: Any, tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"'.*none\.pt' is not a file; name a checkpoint, or take none or hub"):
        load_pretrained(model, "lcnet_050", str(tmp_path / "none.pt"))


def test_a_hub_without_a_file_loads_nothing(model: Any) -> None:
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert load_pretrained(model, "lcnet_050", "hub") == 0
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("ending", ["safetensors", "pt"])
@pytest.mark.parametrize(
    "name", ["mobilenetv3_small_050.lamb_in1k", "convnext_atto.d2_in1k", "resnet10t.c3_in1k", "hgnetv2_b0"]
)
def test_a_published_file_of_a_timm_network_loads_whole(
    name: str, ending: str, make_candidate: Make, tmp_path: Path
) -> None:
    """Some of timm's networks of feature maps have other names than the published, whole ones (convnext: stages_0)."""
    torch.manual_seed(3)
    whole = timm.create_model(name)
    path = tmp_path / f"{name}.{ending}"
    save_file(whole.state_dict(), path) if ending == "safetensors" else torch.save(whole.state_dict(), path)
    model: Any = build_detector(describe(make_candidate({"backbone.name": name}), CLASSES), 0)
    backbone = model.model[0].m
    assert load_pretrained(model, name, "hub", path) == len(backbone.state_dict())
    for norm in (m for net in (whole, backbone) for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.eps = 1e-3  # Ultralytics sets another one where it builds, of some kinds
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = whole.eval().forward_intermediates(image, intermediates_only=True)[-1]
        assert torch.allclose(backbone.eval()(image)[-1], expected, atol=1e-5)


@pytest.mark.seconds
def test_a_file_of_another_network_is_refused_although_timm_would_be_silent(
    make_candidate: Make, tmp_path: Path
) -> None:
    path = tmp_path / "convnext_atto.d2_in1k.safetensors"
    save_file({"elsewhere.weight": torch.ones(3)}, path)
    model = build_detector(describe(make_candidate({"backbone.name": "convnext_atto"}), CLASSES), 0)
    with pytest.raises(SpaceError, match=r"no tensor of '.*safetensors' fits convnext_atto"):
        load_pretrained(model, "convnext_atto", "hub", path)
