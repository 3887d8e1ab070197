"""Candidate to network: description, weights, pruning; and the file of weights that other trainings start from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from objectives.machine.files import whole
from objectives.network.slim import Ranks
from objectives.weights.shelf import WeightsFile
from spaces.candidate import Candidate
from spaces.errors import DataError, first_line
from spaces.network.description import describe
from spaces.network.detector import build_detector
from spaces.network.own import has_own_neck
from spaces.network.pretrained import Loaded, load_pretrained
from spaces.network.whole_weights import load_whole
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


def initialise(
    model: nn.Module, candidate: Candidate, classes: Sequence[str], start: WeightsFile | None = None
) -> Loaded:
    """Load the pretrained weights that a candidate asks for; return what was loaded.

    Args:
        model: the candidate's network.
        candidate: what is trained.
        classes: class names, in the order of their indices.
        start: the file of the weights that the candidate names, as the search has found it; None: published weights
            are not here, and a checkpoint is read as it is.

    Raises:
        DataError: the file is not what it was when the search began.
        SpaceError: the file is unreadable or fits nowhere.
    """
    if start is not None:
        start.check()
    source, path = str(train_choices(candidate)["pretrained"]), start.path if start else None
    if has_own_neck(candidate):
        return load_whole(model, classes, source, path)
    return Loaded(load_pretrained(model, candidate.text("backbone.name"), source, path))


def load_weights(model: nn.Module, path: Path) -> None:
    """Load what `save_weights` wrote of such a network: same layers, same shapes.

    Raises:
        DataError: the file is missing or damaged, or its weights are another network's.
    """
    try:
        model.load_state_dict(read_weights(path))
    except RuntimeError as error:
        raise DataError(f"weights: those of '{path}' are another network's ({first_line(error)})") from error


def save_weights(path: Path, model: nn.Module, candidate: Candidate, classes: Sequence[str]) -> None:
    """Write weights with what is needed to build their network again; plain tensors and values only."""
    content = {
        "format": WEIGHTS_FORMAT,
        "candidate": candidate.to_json(),
        "classes": list(classes),
        "state_dict": {k: v.cpu() for k, v in model.state_dict().items()},
    }
    _save(path, content)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights that `save_weights` wrote, by name.

    Raises:
        DataError: the file is missing, damaged, or of another version.
    """
    weights: dict[str, Tensor] = _content(path)["state_dict"]
    return weights


def read_trained(path: Path) -> tuple[Candidate, tuple[str, ...], dict[str, Tensor]]:
    """Read all that `save_weights` wrote: candidate, class names by index, weights by name.

    Raises:
        DataError: the file is missing, damaged, or of another version.
    """
    content = _content(path)
    return Candidate.from_json(content["candidate"]), tuple(content["classes"]), content["state_dict"]


def _content(path: Path) -> dict[str, Any]:
    content = _read(path)
    if content.get("format") != WEIGHTS_FORMAT or "state_dict" not in content:
        version = content.get("format")
        raise DataError(f"weights: '{path}' is of version {version}, this automl reads {WEIGHTS_FORMAT}; train again")
    return content


def save_ranks(path: Path, ranks: Ranks) -> None:
    """Write the importance of channels before an elastic training: masks and cuts follow it ever after."""
    _save(path, dict(ranks))


def read_ranks(path: Path) -> Ranks | None:
    """Read what `save_ranks` wrote; None where channels go by their place.

    Raises:
        DataError: the file is damaged.
    """
    return _read(path) if path.exists() else None


def _save(path: Path, content: dict[str, Any]) -> None:
    with whole(path) as partial, partial.open("wb") as stream:
        torch.save(content, stream)  # a stream of ours: torch's own gives no reason when the disk is full


def _read(path: Path) -> dict[str, Any]:
    """Read a mapping; only tensors and plain values are accepted, no code runs."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, UnpicklingError) as error:
        raise DataError(f"weights: '{path}' cannot be read ({first_line(error)}); train again") from error
    if not isinstance(content, dict):
        raise DataError(f"weights: '{path}' cannot be read (automl did not write it); train again")
    return content
