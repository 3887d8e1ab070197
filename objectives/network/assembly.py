"""Candidate to network: description, weights, pruning; and the file of weights that other trainings start from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from objectives.machine.files import whole
from spaces.candidate import Candidate
from spaces.network.description import describe
from spaces.network.detector import build_detector
from spaces.network.pretrained import load_pretrained
from spaces.vocabulary import choices_of, train_choices

WEIGHTS_FORMAT = 1


@dataclass(frozen=True)
class Pruning:
    """How a candidate is pruned.

    Attributes:
        ratio: share of the channels to cut.
        importance: how channels are ranked.
        at: share of the epochs trained before the cut; the rest fine-tunes.
    """

    ratio: float
    importance: str
    at: float


def pruning_of(candidate: Candidate) -> Pruning | None:
    """Return how a candidate is pruned, or None."""
    choices = choices_of(candidate, "prune")
    if choices["importance"] == "none":
        return None
    return Pruning(candidate.number("prune.ratio"), str(choices["importance"]), float(choices["at"]))


def assemble(candidate: Candidate, classes: Sequence[str], seed: int) -> tuple[dict[str, Any], nn.Module]:
    """Return a candidate's model description and its network, not yet pruned, with random weights."""
    description = describe(candidate, classes)
    return description, build_detector(description, seed)


def initialise(model: nn.Module, candidate: Candidate) -> int:
    """Load the pretrained weights that a candidate asks for; return the number of tensors.

    Raises:
        HubUnreachable: published weights cannot be had here.
    """
    name = candidate.text("backbone.name")
    scale = None
    if "backbone.width" in candidate:
        scale = candidate.number("backbone.depth"), candidate.number("backbone.width")
    return load_pretrained(model, name, str(train_choices(candidate)["pretrained"]), scale)


def save_weights(path: Path, model: nn.Module, candidate: Candidate, classes: Sequence[str]) -> None:
    """Write weights with what is needed to build their network again; plain tensors and values only."""
    content = {
        "format": WEIGHTS_FORMAT,
        "candidate": candidate.to_json(),
        "classes": list(classes),
        "state_dict": {k: v.cpu() for k, v in model.state_dict().items()},
    }
    with whole(path) as partial, partial.open("wb") as stream:
        torch.save(content, stream)  # a stream of ours: torch's own gives no reason when the disk is full
