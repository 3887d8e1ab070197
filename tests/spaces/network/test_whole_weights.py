"""A published file into a whole detector: every tensor that fits, and the rows of classes that both sides name."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from objectives.network.assembly import save_weights
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.checkpoint_file import read_checkpoint
from spaces.network.class_rows import shared_rows
from spaces.network.description import describe
from spaces.network.detector import build_detector
from spaces.network.whole_weights import load_whole

NANO = {"backbone.width": 0.25, "backbone.depth": 0.5, "neck.kind": "own"}
CLASSES = ("cell_phone", "jar", "Person")
KNOWN = ("person", "car", "cell phone", "jar", "cup")  # of the file
SHARED = {0: 2, 1: 3, 2: 0}


def candidate_of(name: str) -> Candidate:
    return Candidate.of({"backbone.name": name, **NANO})


def network(name: str, classes: Sequence[str], seed: int) -> Any:
    return build_detector(describe(candidate_of(name), classes), seed)


def published(name: str, classes: Sequence[str], path: Path, seed: int = 1) -> Any:
    """Write a network as Ultralytics does after a training, with classes; return the network."""
    model = network(name, classes, seed)
    model.names = dict(enumerate(classes))
    torch.save({"model": model.half(), "ema": None, "epoch": -1, "train_args": {"lr0": 0.01}}, path)
    return model.float()


def towers(state: dict[str, Any]) -> list[str]:
    """Return the names of what has a row for each class."""
    return [name for name in state if ".cv3." in name.replace("one2one_", "") and name.split(".")[4] == "2"]


@pytest.mark.seconds
@pytest.mark.parametrize("name", ["yolo11", "yolo26"])
def test_a_published_file_loads_whole_but_for_the_rows_of_other_classes(name: str, tmp_path: Path) -> None:
    theirs = published(name, KNOWN, tmp_path / "a.pt").state_dict()
    model = network(name, CLASSES, 0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    loaded = load_whole(model, (*CLASSES[:2], "new"), str(tmp_path / "a.pt"))
    after, of_classes = model.state_dict(), towers(before)
    assert loaded.tensors == len(after)
    assert len(of_classes) == (6 if name == "yolo11" else 12)
    assert all(torch.equal(after[key], theirs[key]) for key in after if key not in of_classes)
    for key in of_classes:
        assert torch.equal(after[key][:2], theirs[key][[2, 3]])
        assert torch.equal(after[key][2], before[key][2])  # a class that the file does not know
    assert loaded.note == (
        f"pretrained: {len(after)} of {len(after)} tensors from 'a.pt'; classes that it knows (2 of 3): cell_phone, jar"
    )


@pytest.mark.seconds
def test_a_file_of_as_many_other_classes_gives_no_row_to_them(tmp_path: Path) -> None:
    published("yolo11", ("a", "b", "c"), tmp_path / "a.pt")
    model = network("yolo11", CLASSES, 0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    loaded = load_whole(model, CLASSES, str(tmp_path / "a.pt"))
    assert all(torch.equal(model.state_dict()[key], before[key]) for key in towers(before))
    assert loaded.tensors == len(before) - 6
    assert loaded.note.endswith("none of its 3 classes is among ours: all 3 are new")


@pytest.mark.seconds
def test_a_file_that_names_no_classes_is_taken_by_place_where_their_number_agrees(tmp_path: Path) -> None:
    theirs = network("yolo11", ("a", "b", "c"), 1).state_dict()
    torch.save(theirs, tmp_path / "a.pt")
    model = network("yolo11", CLASSES, 0)
    loaded = load_whole(model, CLASSES, str(tmp_path / "a.pt"))
    assert all(torch.equal(value, theirs[key]) for key, value in model.state_dict().items())
    assert "it names no classes: its 3 rows are taken in their order" in loaded.note
    torch.save(network("yolo11", ("a", "b"), 1).state_dict(), tmp_path / "two.pt")
    assert "it names no classes: all of them are new" in load_whole(model, CLASSES, str(tmp_path / "two.pt")).note


@pytest.mark.seconds
def test_our_own_weights_and_safetensors_name_their_classes_too(tmp_path: Path) -> None:
    model = network("yolo26", KNOWN, 1)
    save_weights(tmp_path / "weights.pt", model, candidate_of("yolo26"), KNOWN)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, tmp_path / "a.safetensors", {"names": json.dumps(dict(enumerate(KNOWN)))})
    save_file(tensors, tmp_path / "b.safetensors", {"names": str(dict(enumerate(KNOWN)))})
    for name in ("weights.pt", "a.safetensors", "b.safetensors"):
        assert read_checkpoint(tmp_path / name).classes == KNOWN
        ours = network("yolo26", CLASSES, 0)
        load_whole(ours, CLASSES, str(tmp_path / name))
        for key in towers(tensors):
            assert torch.equal(ours.state_dict()[key], tensors[key][[2, 3, 0]])


@pytest.mark.seconds
@pytest.mark.parametrize("classes", [CLASSES, tuple(map(str, range(97))) + CLASSES], ids=["narrower", "wider"])
def test_a_class_tower_of_another_width_is_cut_or_widened(classes: tuple[str, ...], tmp_path: Path) -> None:
    """yolo11n has 80 channels there for COCO's classes, 64 for a few, 100 for many."""
    known = (*KNOWN, *(f"class {i}" for i in range(75)))
    theirs = published("yolo11", known, tmp_path / "yolo11n.pt")
    ours = network("yolo11", classes, 0)
    for module in (m for model in (theirs, ours) for m in model.modules() if isinstance(m, nn.BatchNorm2d)):
        torch.nn.init.uniform_(module.weight, 0.5, 1.0)
        torch.nn.init.normal_(module.running_mean)
    theirs.names = dict(enumerate(known))
    with torch.no_grad():  # sixteen channels of each layer of the towers are never looked at
        for branch in theirs.model[-1].cv3:
            for layer in (branch[2], branch[1][1].conv):
                layer.weight[:, 20:36] = 0.0
    torch.save({"model": theirs}, tmp_path / "yolo11n.pt")
    loaded = load_whole(ours, classes, "hub", tmp_path / "yolo11n.pt")
    assert loaded.tensors == len(ours.state_dict())
    width = 64 if len(classes) == 3 else 100
    assert f"class towers of 80 channels made {width}" in loaded.note
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found, wanted = ours.eval()(image)[0], theirs.eval()(image)[0]
    places = [classes.index(name) for name in CLASSES]
    assert torch.allclose(found[:, :4], wanted[:, :4], atol=1e-4)
    assert torch.allclose(found[:, [4 + place for place in places]], wanted[:, [4 + 2, 4 + 3, 4 + 0]], atol=1e-5)


@pytest.mark.seconds
def test_rtdetr_keeps_its_rows_too(tmp_path: Path) -> None:
    theirs = published("rtdetr-l", KNOWN, tmp_path / "rtdetr-l.pt").state_dict()
    model = network("rtdetr-l", CLASSES, 0)
    loaded = load_whole(model, CLASSES, "hub", tmp_path / "rtdetr-l.pt")
    after = model.state_dict()
    rows = [key for key in after if after[key].shape != theirs[key].shape]
    assert len(rows) == 6 * 2 + 2 + 1  # six layers and the encoder score the classes, and one embeds them
    assert loaded.tensors == len(after)
    assert all(torch.equal(after[key], theirs[key]) for key in after if key not in rows)
    assert all(torch.equal(after[key][:3], theirs[key][[2, 3, 0]]) for key in rows)


def test_names_are_alike_however_words_are_parted() -> None:
    assert shared_rows(CLASSES, KNOWN) == SHARED
    assert shared_rows(("Wine-Glass", "wine  glass", "glass"), ("cup", "wine_glass", "WINE GLASS")) == {0: 1, 1: 1}
    assert shared_rows(("WINE GLASS",), ("wine glass", "WINE GLASS")) == {0: 1}  # as it is written, first
    assert shared_rows(CLASSES, ()) == {}


@pytest.mark.seconds
def test_what_fits_nowhere_is_told_and_none_loads_nothing(tmp_path: Path) -> None:
    model = network("yolo11", CLASSES, 0)
    torch.save({"a": torch.zeros(3)}, tmp_path / "a.pt")
    with pytest.raises(SpaceError, match=r"no tensor of '.*a\.pt' fits this detector"):
        load_whole(model, CLASSES, str(tmp_path / "a.pt"))
    assert load_whole(model, CLASSES, "none").tensors == load_whole(model, CLASSES, "hub").tensors == 0


class Acts:
    """Unpickling it runs a command."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("where", ["names", "train_args", "model"])
def test_a_strangers_class_never_runs(where: str, tmp_path: Path) -> None:
    content: dict[str, Any] = {"model": None, "train_args": {}, "state_dict": {"a": torch.zeros(1)}}
    torch.save({**content, where: Acts(tmp_path / "mark")}, tmp_path / "a.pt")
    with pytest.raises(SpaceError, match="cannot be read safely"):
        load_whole(network("yolo11", CLASSES, 0), CLASSES, str(tmp_path / "a.pt"))
    assert not (tmp_path / "mark").exists()
    torch.load(tmp_path / "a.pt", weights_only=False)
    assert (tmp_path / "mark").exists()  # it would have
