"""A published file into a whole detector: every tensor that fits, and of the classes the rows that both sides name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spaces.errors import SpaceError
from spaces.network.checkpoint_file import Checkpoint, read_checkpoint
from spaces.network.class_rows import Rows, shared_rows
from spaces.network.detector import is_rtdetr
from spaces.network.pretrained import Loaded
from spaces.network.published import HUB, NONE

CLASSES_LISTED = 5  # names in a note
TOWERS = ("cv3", "one2one_cv3")  # of Ultralytics' head: what scores the classes, a branch for each feature map
SCORES = ("denoising_class_embed", "enc_score_head", "dec_score_head.")  # of RT-DETR's decoder

UNKNOWN_LOGIT = -10.0  # of a class that weights know nothing of: a score of 4.5e-5, which no list of detections holds


def load_whole(model: nn.Module, classes: Sequence[str], source: str, published: Path | None = None) -> Loaded:
    """Load a file into a whole published detector, in place.

    What depends on the number of classes starts anew, but for the rows of classes that the file knows by name.

    Args:
        model: as built by `spaces.network.detector.build_detector` of a candidate with its own neck.
        classes: the user's class names by index.
        source: "none", "hub" or the path of a checkpoint.
        published: the file that "hub" stands for; None where there is none, and then nothing is loaded.

    Raises:
        SpaceError: the checkpoint is missing, unreadable or fits nowhere.
    """
    path = published if source == HUB else None if source == NONE else Path(source).expanduser()
    if path is None:
        return Loaded(0)
    checkpoint, head = read_checkpoint(path), _Head.of(model)
    rows = shared_rows(classes, checkpoint.classes)
    state = {**head.fitting(checkpoint.tensors), **head.of_classes(checkpoint, rows)}
    if not state:
        raise SpaceError(
            f"train.pretrained: no tensor of '{path}' fits this detector; name a checkpoint of it, or none"
        )
    model.load_state_dict(state, strict=False)
    text = f"pretrained: {len(state)} of {len(head.own)} tensors from '{path.name}'"
    return Loaded(len(state), f"{text}; {_rows_text(head, checkpoint, classes, rows)}{head.towers_text(checkpoint)}")


def load_for_classes(
    model: nn.Module, classes: Sequence[str], tensors: Mapping[str, Tensor], known: Sequence[str]
) -> bool:
    """Load the weights of the same detector for other classes, in place; a class that they lack is never found.

    Args:
        model: the detector, built for `classes`.
        classes: the user's class names by index.
        tensors: the weights, by name.
        known: the class names by index that they are of.

    Returns:
        Whether the towers that score the classes were wide alike; else the channels that weigh most were kept, and what
        it computes is not quite what it was.

    Raises:
        SpaceError: the weights are another network's.
    """
    head, checkpoint = _Head.of(model), Checkpoint(tensors, tuple(known))
    rows = shared_rows(classes, known)
    state = {**head.fitting(tensors), **head.of_classes(checkpoint, rows)}
    if missing := [name for name in head.own if name not in state and not (name in head.scores and not rows)]:
        raise SpaceError(f"weights: those of {len(known)} classes are another network's ('{missing[0]}' does not fit)")
    model.load_state_dict(state, strict=False)
    _mute(model.state_dict(), head.scores, [index for index in range(len(classes)) if index not in rows])
    return not head.towers_text(checkpoint)


def _mute(own: Mapping[str, Tensor], scores: Sequence[str], lacking: Sequence[int]) -> None:
    """Let the rows of classes that nobody has trained score next to nothing, in place; a training raises them again."""
    for name in scores if lacking else ():
        if name.endswith("bias"):
            own[name][list(lacking)] = UNKNOWN_LOGIT
        elif not name.endswith("denoising_class_embed.weight"):
            own[name][list(lacking)] = 0.0


@dataclass(frozen=True)
class _Head:
    """A detector's tensors, and which of them belong to its classes.

    Attributes:
        own: the network's tensors by name.
        scores: names of those with a row for each class.
        branches: beginnings of the names of what scores the classes on one feature map; empty for RT-DETR.
    """

    own: Mapping[str, Tensor]
    scores: tuple[str, ...]
    branches: tuple[str, ...]

    @classmethod
    def of(cls, model: Any) -> "_Head":
        own, head = model.state_dict(), f"model.{len(model.model) - 1}."
        if is_rtdetr(model):
            return cls(own, tuple(name for name in own if name.startswith(tuple(head + part for part in SCORES))), ())
        towers = ((name, getattr(model.model[-1], name, None) or ()) for name in TOWERS)
        branches = tuple(f"{head}{name}.{i}." for name, tower in towers for i in range(len(tower)))
        return cls(own, tuple(f"{branch}2.{kind}" for branch in branches for kind in ("weight", "bias")), branches)

    def fitting(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the tensors whose name and shape agree, but for those with a row for each class."""
        found = {name: tensor for name, tensor in tensors.items() if name in self.own and name not in self.scores}
        return {name: tensor for name, tensor in found.items() if tensor.shape == self.own[name].shape}

    def of_classes(self, checkpoint: Checkpoint, rows: Rows) -> dict[str, Tensor]:
        """Return what of a file's tensors that depend on the number of classes is of use here."""
        if self.by_place(checkpoint):
            return {name: checkpoint.tensors[name] for name in self.scores if name in checkpoint.tensors}
        found: dict[str, Tensor] = {}
        for branch in self.branches:
            if self._widths(branch, checkpoint.tensors) is not None:
                found |= self._branch(branch, checkpoint.tensors, list(rows.values()))
        for name in self.scores if rows else ():
            given = found.get(name, checkpoint.tensors.get(name))
            if given is not None and given.shape[1:] == self.own[name].shape[1:] and len(given) > max(rows.values()):
                found[name] = self.own[name].clone()
                found[name][list(rows)] = given[list(rows.values())]
            else:
                found.pop(name, None)
        return found if rows else {name: tensor for name, tensor in found.items() if name not in self.scores}

    def by_place(self, checkpoint: Checkpoint) -> bool:
        """Whether a file names no classes, and has as many: then a row is the class of the same index."""
        given = [checkpoint.tensors.get(name) for name in self.scores]
        alike = all(t is not None and t.shape == self.own[n].shape for n, t in zip(self.scores, given, strict=True))
        return alike and not checkpoint.classes

    def towers_text(self, checkpoint: Checkpoint) -> str:
        """Return how the towers that score the classes were made to fit; empty where they did."""
        widths = (self._widths(branch, checkpoint.tensors) for branch in self.branches)
        found = next(filter(None, widths), None)
        if found is None:
            return ""
        theirs, ours = found
        how = "the channels that weigh most are kept" if ours < theirs else "the others are new"
        return f"; class towers of {theirs} channels made {ours}: {how}"

    def _widths(self, branch: str, tensors: Mapping[str, Tensor]) -> tuple[int, int] | None:
        """Return the channels of a class tower in the file and here, if they differ and nothing else does.

        Ultralytics makes a tower as wide as the feature map or the number of classes (100 at most), so that yolo11n has
        80 channels for the 80 classes of COCO, and 64 for three.
        """
        names = [name for name in self.own if name.startswith(branch)]
        if not all(name in tensors and tensors[name].ndim == self.own[name].ndim for name in names):
            return None
        first, last = f"{branch}0.1.conv.weight", f"{branch}2.weight"
        if first not in self.own or tensors[first].shape[1:] != self.own[first].shape[1:]:
            return None
        theirs, ours = tensors[first].shape[0], self.own[first].shape[0]
        return (theirs, ours) if theirs != ours and tensors[last].shape[1] == theirs else None

    def _branch(self, branch: str, tensors: Mapping[str, Tensor], known: Sequence[int]) -> dict[str, Tensor]:
        """Return the tensors of a class tower of another width: cut to the channels that weigh most, or widened."""
        last, inner = tensors[f"{branch}2.weight"].flatten(1), tensors[f"{branch}1.1.conv.weight"].flatten(1)
        most = self.own[f"{branch}2.weight"].shape[1]
        of_classes = last[list(known)] if known else last
        outer = _weightiest(of_classes.abs().sum(0) * tensors[f"{branch}1.1.bn.weight"].abs(), most)
        hidden = _weightiest(inner[outer].abs().sum(0) * tensors[f"{branch}1.0.bn.weight"].abs(), most)
        kept = {"0.1.": (hidden, None), "1.0.": (hidden, None), "1.1.": (outer, hidden), "2.": (None, outer)}
        return {
            f"{branch}{name}": _cut(self.own[f"{branch}{name}"], tensors[f"{branch}{name}"], *kept[part])
            for part in kept
            for name in self._within(f"{branch}{part}", branch)
        }

    def _within(self, start: str, branch: str) -> Iterator[str]:
        return (name.removeprefix(branch) for name in self.own if name.startswith(start))


def _weightiest(weights: Tensor, most: int) -> Tensor:
    """Return the indices of the channels with the greatest weights, at most so many, in their order."""
    return weights.topk(min(most, len(weights))).indices.sort().values


def _cut(own: Tensor, given: Tensor, outputs: Tensor | None, inputs: Tensor | None) -> Tensor:
    """Return the given channels of a tensor of a file, in the shape of our own; what ours has beyond them is new.

    Outputs that were given do not look at inputs that are new. Of the classes' rows (no outputs) all are given back.
    """
    if given.ndim == 0:  # batches that a normalisation has seen
        return given
    part = given if outputs is None else given[outputs]
    if given.ndim > 1 and inputs is not None:
        wide = torch.zeros(len(part), own.shape[1], *part.shape[2:])
        wide[:, : len(inputs)] = part[:, inputs]
        part = wide
    if outputs is None or len(part) == len(own):
        return part
    whole = own.clone()
    whole[: len(part)] = part
    return whole


def _rows_text(head: _Head, checkpoint: Checkpoint, classes: Sequence[str], rows: Rows) -> str:
    """Return which classes keep what the file knows of them."""
    if head.by_place(checkpoint):
        return f"it names no classes: its {len(classes)} rows are taken in their order"
    if not checkpoint.classes:
        return "it names no classes: all of them are new"
    if not rows:
        return f"none of its {len(checkpoint.classes)} classes is among ours: all {len(classes)} are new"
    return f"classes that it knows ({len(rows)} of {len(classes)}): {_listed([classes[index] for index in rows])}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - CLASSES_LISTED
    return ", ".join(names[:CLASSES_LISTED]) + (f" and {more} more" if more > 0 else "")
