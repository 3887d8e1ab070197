"""Tensors of a stranger's file: Ultralytics' networks, classes that are nowhere, and files that would act."""

import os
import pickle
import sys
import types
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from spaces.errors import SpaceError
from spaces.network.checkpoint_file import read_tensors


@pytest.fixture(scope="module")
def yolo() -> nn.Module:
    from ultralytics.nn.tasks import DetectionModel

    return DetectionModel("yolo11n.yaml", verbose=False)


def equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return list(found) == list(expected) and all(
        torch.equal(found[k], v.to(found[k].dtype)) for k, v in expected.items()
    )


@pytest.mark.seconds
@pytest.mark.parametrize("key", ["model", "ema"])
def test_a_published_network_gives_its_state_dict(yolo: nn.Module, key: str, tmp_path: Path) -> None:
    """As Ultralytics writes it: in half precision, beside arguments, paths and a name space."""
    path = tmp_path / "yolo11n.pt"
    half = torch.load(_saved(yolo, tmp_path / "copy.pt"), weights_only=False).half()
    beside = {"train_args": {"lr0": 0.01}, "path": tmp_path, "space": types.SimpleNamespace(a=1), "optimizer": None}
    torch.save({"model": None, "ema": None, key: half, **beside}, path)
    found = read_tensors(path)
    assert equal(found, half.state_dict())
    assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.int64}


def _saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.seconds
def test_classes_that_are_nowhere_are_read_and_none_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of another version of Ultralytics names classes that this one lacks."""
    module = types.ModuleType("ultralytics.nn.of_another_version")

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.register_buffer("passing", torch.ones(2), persistent=False)

    Block.__module__, Block.__qualname__ = module.__name__, "Block"
    module.Block = Block  # type: ignore[attr-defined]  # a module that is made here
    with monkeypatch.context() as there:
        there.setitem(sys.modules, module.__name__, module)
        block = Block()
        torch.save({"model": block}, tmp_path / "new.pt")
    assert equal(read_tensors(tmp_path / "new.pt"), block.state_dict())
    assert module.__name__ not in sys.modules


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model": s}])
def test_a_state_dict_alone_or_wrapped(wrap: Callable[[Any], Any], tmp_path: Path) -> None:
    state = nn.Conv2d(3, 4, 1).state_dict()
    assert equal(read_tensors(_saved(wrap(state), tmp_path / "a.pt")), state)
    save_file(state, tmp_path / "a.safetensors")
    assert read_tensors(tmp_path / "a.safetensors").keys() == state.keys()


class Acts:
    """Unpickling it runs a command."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    "act",
    [
        lambda mark: Acts(os.system, f"touch {mark}"),
        lambda mark: Acts(Path.touch, mark),
        lambda mark: Acts(eval, f"__import__('pathlib').Path({str(mark)!r}).touch()"),
        lambda mark: Acts(torch.save, 1, str(mark)),
    ],
    ids=["os.system", "Path.touch", "eval", "torch.save"],
)
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ["yolo11n.pt", "a.safetensors", "a.bin"])
def test_a_file_that_would_act_does_not(
    act: Callable[[Path], Acts], zipped: bool, name: str, yolo: nn.Module, tmp_path: Path
) -> None:
    mark, path = tmp_path / "mark", tmp_path / name
    known = act(mark).call[0] is torch.save and zipped and not name.endswith("safetensors")
    content = {"model": act(mark), "state_dict": {"a": torch.zeros(1)}, "network": yolo if zipped else 0}
    if zipped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(SpaceError, match="cannot be read safely") if not known else nullcontext() as error:
        assert read_tensors(path) == {}  # torch's own functions have stand-ins: what would act is an empty object
    assert error is None or "\n" not in str(error.value)
    assert not mark.exists()
    torch.load(path.rename(tmp_path / "a.pt"), weights_only=False) if zipped else pickle.loads(path.read_bytes())
    assert mark.exists()  # it would have


def test_a_file_that_names_what_no_network_is_made_of_is_refused(tmp_path: Path) -> None:
    _saved({"model": Acts(os.system, "true")}, tmp_path / "a.pt")
    told = r"a\.pt' cannot be read safely \(it names (posix|os)\.system, of which no network is made\); save its state"
    with pytest.raises(SpaceError, match=told):
        read_tensors(tmp_path / "a.pt")


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"no checkpoint at all"])
def test_a_damaged_file_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpaceError, match="cannot be read safely") as error:
        read_tensors(tmp_path / name)
    assert "\n" not in str(error.value)


def test_stand_ins_do_not_stay_in_the_process(yolo: nn.Module, tmp_path: Path) -> None:
    before = set(torch.serialization.get_safe_globals())
    read_tensors(_saved({"model": yolo}, tmp_path / "a.pt"))
    assert set(torch.serialization.get_safe_globals()) == before
