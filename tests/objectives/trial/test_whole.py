"""A whole published detector as a trial: trained from its file, exported, scored; and an elastic training of one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from plain_ultralytics import plainly
from small_jobs import QUICK_STEPS, quick_job

from objectives.data.dataset import Dataset
from objectives.deploy.export_onnx import export_onnx, meta_of
from objectives.network.assembly import assemble, read_weights
from objectives.records.records import Accuracy, Outcome, Rung
from objectives.trial.job import RungDecision, SilentListener
from objectives.trial.plain_process import write_plain_checkpoint
from objectives.trial.trial import run_trial
from spaces.candidate import Candidate
from spaces.network.family import Family

pytestmark = pytest.mark.slow  # real trainings

WHOLE = {"neck.kind": "own", "size.pixels": 64, "backbone.depth": 0.5, **QUICK_STEPS}
FILE_CLASSES = ("lamp", "Blue", "red")
LOAD = """
import torch
from ultralytics import YOLO
model = YOLO("ultralytics.pt")
image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
with torch.no_grad():
    answer = model.model.eval()(image)[0]
result = {"names": list(model.names.values()), "kind": type(model).__name__, "answer": answer.tolist()}
"""


class Kept(SilentListener):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.scores: list[Accuracy] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def accuracy(self, accuracy: Accuracy) -> None:
        self.scores.append(accuracy)

    def rung(self, rung: Rung) -> RungDecision:
        return RungDecision.GO_ON


def whole(name: str, **more: Any) -> Candidate:
    return Candidate.of({"backbone.name": name, "backbone.width": 0.25, **WHOLE, **more})


@pytest.mark.parametrize("name", ["yolo11", "yolo26"])
def test_it_trains_from_its_file_and_ultralytics_alone_loads_the_outcome(
    name: str, few_blocks: Dataset, tmp_path: Path
) -> None:
    _, published = assemble(whole(name), FILE_CLASSES, 5)
    published.names = dict(enumerate(FILE_CLASSES))
    torch.save({"model": published.half(), "train_args": {}}, tmp_path / "published.pt")
    candidate = whole(name, **{"train.pretrained": str(tmp_path / "published.pt"), "train.lr0": 1e-7})
    job, listener = quick_job(few_blocks, tmp_path, candidate), Kept()
    ending = run_trial(job, listener)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    assert len(listener.scores) == 1
    (note,) = [text for text in listener.warnings if text.startswith("pretrained:")]
    assert note.endswith("classes that it knows (2 of 2): red, blue")
    trained, theirs = read_weights(job.folder / "weights.pt"), published.float().state_dict()
    weights = [key for key in theirs if key.endswith("conv.weight")]
    assert all(torch.allclose(trained[key], theirs[key], atol=1e-3) for key in weights)
    rows = [key for key in theirs if trained[key].shape != theirs[key].shape]
    assert rows
    assert all(torch.allclose(trained[key], theirs[key][[2, 1]], atol=1e-3) for key in rows)
    assert write_plain_checkpoint(job.folder / "weights.pt", tmp_path / "ultralytics.pt") == ""
    found = plainly(LOAD, tmp_path)
    _, again = assemble(candidate, few_blocks.classes, 0)
    again.load_state_dict(trained)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = again.eval()(image)[0]
    assert (found["names"], found["kind"]) == (list(few_blocks.classes), "YOLO")
    assert torch.allclose(torch.tensor(found["answer"]), wanted, atol=1e-4)


def test_an_elastic_training_of_one_holds_sizes(few_blocks: Dataset, tmp_path: Path) -> None:
    candidate = whole("yolo11", **{"backbone.width": 0.125, "train.elastic": True})
    job = quick_job(few_blocks, tmp_path, candidate)
    job, listener = replace(job, epochs=1, family=Family({"size.pixels": (64, 32)})), Kept()
    ending = run_trial(job, listener)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    assert listener.warnings == []


@pytest.mark.parametrize("name", ["rtdetr-l"])
def test_rtdetr_is_exported_and_trained(name: str, few_blocks: Dataset, tmp_path: Path) -> None:
    values = {"backbone.name": name, "neck.kind": "own", "size.pixels": 96, **QUICK_STEPS}
    four = replace(few_blocks, splits={split: images[:4] for split, images in few_blocks.splits.items()})
    job = replace(quick_job(four, tmp_path, Candidate.of(values)), epochs=1)
    ending = run_trial(job, Kept())
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    _, model = assemble(job.candidate, four.classes, 0)
    assert export_onnx(model, meta_of(model, job.candidate, four.classes), tmp_path / "a.onnx").exists()
