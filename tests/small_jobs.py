"""Jobs of real trials that are quick: a tiny detector, a protocol of fractions of a second."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from defaults import CPU, protocol_of

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.records.children import ChildrenOrder, ChildrenReport
from objectives.records.gate import Gate
from objectives.trial.job import SilentListener, TrialJob
from spaces.candidate import Candidate
from spaces.network.family import Family

TINY = {
    "backbone.name": "lcnet_050",
    "neck.width": 16,
    "neck.depth": 1,
    "head.kind": "nms",
    "size.pixels": 64,
}
QUICK_STEPS = {"train.batch": 4, "train.nbs": 4}  # a step after every four images


@dataclass
class Orders(SilentListener):
    """Gives orders, and keeps what comes back."""

    orders: list[ChildrenOrder] = field(default_factory=list)
    reports: list[ChildrenReport] = field(default_factory=list)
    families: list[Family] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def family(self, family: Family) -> None:
        self.families.append(family)

    def children(self, report: ChildrenReport) -> ChildrenOrder | None:
        self.reports.append(report)
        return self.orders.pop(0) if self.orders else None


def tiny_candidate(choices: Mapping[str, Any] | None = None) -> Candidate:
    """Return the candidate of a tiny detector, with some choices of the caller's."""
    return Candidate.of({**TINY, **(choices or {})})


def quick_job(dataset: Dataset, folder: Path, candidate: Candidate, **more: Any) -> TrialJob:
    """Return the job of a trial of two epochs in `folder / "trial"`, with some fields of the caller's."""
    usual = {
        "number": 0,
        "images": dataset.splits["val"],
        "split": "val",
        "epochs": 2,
        "rungs": 2,
        "eta": 2.0,
        "evaluate_every": 0,
        "seed": 3,
        "gate": Gate(),
        "device": CPU,
        "protocol": protocol_of(processes=1, processes_max=1, images_min=10, cap_s=0.3, warmup_s=0.05),
        "train_device": "cpu",
        "workers": 2,
    }
    return TrialJob(
        candidate=candidate,
        folder=folder / "trial",
        classes=dataset.classes,
        data_yaml=lay_out(dataset, folder / "data"),
        **{**usual, **more},
    )
