"""The network of trained weights, and the texts that lie in a folder beside them."""

import json
from typing import Any

import yaml
from torch import nn

from objectives.machine.files import write_text
from objectives.network.assembly import assemble, pruning_of
from objectives.network.pruning import prune_detector
from objectives.network.slim import built_slim
from objectives.records.paths import TrialPaths
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.trial.job import TrialJob
from spaces.candidate import Candidate
from spaces.network.description import describe
from spaces.network.family import slim_ratios


def trained_shape(job: TrialJob) -> nn.Module:
    """Return a job's network in the shapes that its trained weights have; these depend on the shares of cuts alone."""
    _, network = assemble(job.candidate, job.classes, job.seed)
    network = built_slim(network, slim_ratios(job.candidate), ranked=False)
    if (pruning := pruning_of(job.candidate)) is not None:
        prune_detector(network, pruning.ratio, pruning.importance)
    return network


def write_texts(job: TrialJob, paths: TrialPaths, candidate: Candidate, train_device: str) -> None:
    """Write what a trial's folder holds beside its large files: what a training of this detector alone would be."""
    plan = TrainingPlan(
        job.data_yaml,
        paths.training(0),
        job.epochs,
        job.seed,
        train_device,
        job.workers,
        max_detections=job.max_detections,
    )
    texts = {
        paths.candidate: json.dumps(candidate.to_json(), indent=2),
        paths.description: _yaml(describe(candidate, job.classes), default_flow_style=None),
        paths.arguments: _yaml(trainer_arguments(candidate, plan)),
    }
    for path, text in texts.items():
        write_text(path, text)


def _yaml(values: dict[str, Any], *, default_flow_style: bool | None = False) -> str:
    return str(yaml.safe_dump(values, sort_keys=False, default_flow_style=default_flow_style))
