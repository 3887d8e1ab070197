"""The checkpoint for Ultralytics alone: plain `YOLO` loads it, answers as our network does, trains and exports it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from plain_ultralytics import plainly

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.network.assembly import assemble, save_weights
from objectives.network.pruning import prune_detector
from objectives.trial.plain_process import write_plain_checkpoint
from spaces.candidate import Candidate

pytestmark = pytest.mark.slow  # real trainings; CI runs them

CLASSES = ("can", "jar", "box")
YOLO = {"backbone.name": "yolo11", "backbone.width": 0.125, "backbone.depth": 0.5}
HEADS = ("nms", "end2end", "rtdetr")
LOAD = """
import torch
from ultralytics import YOLO
result = {}
for file in files:
    model = YOLO(file)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        answer = model.model.eval()(image)[0]
    result[file] = {"names": list(model.names.values()), "kind": type(model).__name__, "answer": answer.tolist()}
"""
TRAIN = """
import os
from ultralytics import YOLO
given = dict(imgsz=64, batch=2, workers=0, plots=False, device="cpu", amp=False, exist_ok=True, project=os.getcwd())
model = YOLO("nms.pt")
model.train(data=data, epochs=1, warmup_epochs=0.0, optimizer="SGD", lr0=1e-6, name="trained", **given)
kept = YOLO("trained/weights/last.pt")
before, after = YOLO("nms.pt").model.state_dict(), kept.model.state_dict()
moved = [float((before[k] - after[k]).abs().max()) for k in before if k.endswith("conv.weight")]
(found,) = YOLO(YOLO("nms.pt").export(format="onnx", imgsz=64), task="detect").predict(picture)
result = {
    "moved": max(moved),
    "names": list(kept.names.values()),
    "names_of_file": list(found.names.values()),
}
"""


def saved(candidate: Candidate, folder: Path, name: str, ratio: float = 0.0) -> tuple[Any, Path]:
    """Return a network, and the file of its weights as a trial leaves it."""
    _, model = assemble(candidate, CLASSES, 0)
    if ratio:
        prune_detector(model, ratio, "l1")
    path = folder / f"{name}-weights.pt"
    save_weights(path, model, candidate, CLASSES)
    return model, path


@pytest.mark.seconds
def test_ultralytics_alone_loads_what_it_can_build(make_candidate: Callable[..., Candidate], tmp_path: Path) -> None:
    models = {}
    for head in HEADS:
        models[head], weights = saved(make_candidate({**YOLO, "head.kind": head}), tmp_path, head)
        assert write_plain_checkpoint(weights, tmp_path / f"{head}.pt") == ""
    found = plainly(LOAD, tmp_path, files=[f"{head}.pt" for head in HEADS])
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    for head, model in models.items():
        with torch.no_grad():
            wanted = model.eval()(image)[0]
        of_file = found[f"{head}.pt"]
        assert of_file["names"] == list(CLASSES)
        assert of_file["kind"] == ("RTDETR" if head == "rtdetr" else "YOLO")
        assert torch.allclose(torch.tensor(of_file["answer"]), wanted, atol=1e-4)


@pytest.mark.seconds
def test_ultralytics_alone_trains_and_exports_it(
    make_candidate: Callable[..., Candidate], tmp_path: Path, few_blocks: Dataset
) -> None:
    """On a data set with another number of classes; a step of next to nothing leaves the weights as they were."""
    _, weights = saved(make_candidate({**YOLO, "head.kind": "nms"}), tmp_path, "nms")
    assert write_plain_checkpoint(weights, tmp_path / "nms.pt") == ""
    four = replace(few_blocks, splits={name: images[:4] for name, images in few_blocks.splits.items()})
    data = lay_out(four, tmp_path / "data")
    picture = str(four.splits["val"][0].path)
    found = plainly(TRAIN, tmp_path, data=str(data), picture=picture)
    assert found["names"] == list(few_blocks.classes)
    assert found["names_of_file"] == list(CLASSES)
    assert found["moved"] < 1e-3  # it went on from these weights, not from new ones


@pytest.mark.seconds
def test_what_ultralytics_cannot_build_has_no_such_file(
    make_candidate: Callable[..., Candidate], tmp_path: Path
) -> None:
    _, timm = saved(make_candidate(), tmp_path, "timm")
    assert "no layer for the backbone lcnet_050" in write_plain_checkpoint(timm, tmp_path / "timm.pt")
    _, cut = saved(make_candidate({**YOLO, "head.kind": "nms"}), tmp_path, "cut", ratio=0.3)
    assert "weights are of one that is cut" in write_plain_checkpoint(cut, tmp_path / "cut.pt")
    (tmp_path / "text.pt").write_text("none")
    assert "cannot be read" in write_plain_checkpoint(tmp_path / "text.pt", tmp_path / "broken.pt")
    assert not [path.name for path in tmp_path.glob("*.pt") if path.stem in ("timm", "cut", "broken")]
