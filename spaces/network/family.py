"""Families: the detectors that one training holds, a parent and its children: by size, width, depth and precision."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from spaces.candidate import Candidate
from spaces.dimension import Choice, Interval, Value
from spaces.errors import SpaceError
from spaces.network.backbones import ULTRALYTICS
from spaces.network.own import has_own_neck
from spaces.space import SearchSpace
from spaces.vocabulary import VOCABULARY, single_values, train_choices

BACKBONE_PARTS = ("p3", "p4", "p5")  # of the backbone: up to stride 8, to 16, to 32
PARTS = (*BACKBONE_PARTS, "neck", "head")  # of a detector, each with a share of channels that it is built without
SIZE, DEPTH, SLIM_BLOCKS = "size.pixels", "neck.depth", "slim.blocks"
PRECISION, FP32 = "deploy.precision", "fp32"

Axes = Mapping[str, tuple[Value, ...]]


def is_elastic(candidate: Candidate) -> bool:
    """Whether a candidate's training is an elastic one."""
    return train_choices(candidate)["elastic"] is True


def may_be_elastic(space: SearchSpace) -> bool:
    """Whether some candidate of a space is an elastic training."""
    return space.may_hold({"train.elastic": True})


def slim_ratios(candidate: Mapping[str, Value]) -> dict[str, float]:
    """Return part of the detector to the share of channels that it is built without, where that is above 0."""
    found = {part: float(candidate.get(f"slim.{part}", 0.0)) for part in PARTS}
    return {part: ratio for part, ratio in found.items() if ratio > 0}


def precision_of(candidate: Mapping[str, Value]) -> str:
    """Return the precision of a candidate's deployed file."""
    return str(candidate.get(PRECISION, FP32))


def has_precisions(space: SearchSpace) -> bool:
    """Whether detectors of a space come in other precisions than that of their training's own file."""
    return PRECISION in space.domains and PRECISION not in space.fixed


def is_of_many(axes: Collection[str]) -> bool:
    """Whether a family with these axes is an elastic training's; any other holds one network in several precisions."""
    return any(name != PRECISION for name in axes)


@dataclass(frozen=True)
class Family:
    """What may differ between the children of one training, elastic or not.

    Attributes:
        axes: dimension to its values, the whole network's first: size and depth fall, shares left out rise.
    """

    axes: Axes

    @classmethod
    def of(cls, parent: Candidate, space: SearchSpace) -> Self:
        """Return the family of an elastic candidate: all that the space holds below its own size, width and depth.

        Args:
            parent: the candidate.
            space: whose domains of `size.pixels`, `neck.depth` and `slim.*` are read.
        """
        axes = {}
        for name, domain in space.domains.items():
            if name == PRECISION:
                axes[name] = _precisions(parent, list(single_values(name, domain)))
            if not VOCABULARY[name].elastic:
                continue
            values: list[Any] = list(single_values(name, domain))
            if name.startswith("slim."):
                if name.removeprefix("slim.") not in _uncut(parent):
                    axes[name] = tuple(sorted({0, *values} if name == SLIM_BLOCKS else {0.0, *map(float, values)}))
            elif name in parent:  # a published detector's own neck has no depth of ours
                own = parent.number(name)
                axes[name] = tuple(sorted({own, *(v for v in values if v <= own)}, reverse=True))
        return cls({name: values for name, values in axes.items() if len(values) > 1})

    @classmethod
    def of_precisions(cls, parent: Candidate, space: SearchSpace) -> Self | None:
        """Return the family of a training that is not elastic: other precisions of its file; None where there are none.

        Args:
            parent: the candidate.
            space: whose domain of `deploy.precision` is read.
        """
        if not has_precisions(space) or precision_of(parent) != FP32:
            return None
        return cls({PRECISION: _precisions(parent, list(single_values(PRECISION, space.domains[PRECISION])))})

    @property
    def precisions(self) -> tuple[str, ...]:
        """Precisions that the training's own file has not, but children have."""
        return tuple(map(str, self.axes.get(PRECISION, ())[1:]))

    def trained(self) -> Self:
        """Return the family as the training sees it: without precisions, which come after."""
        return type(self)({name: values for name, values in self.axes.items() if name != PRECISION})

    def with_precisions(self, of: Self) -> Self:
        """Return the family with the precisions of another one."""
        return type(self)({**self.axes, **{name: v for name, v in of.axes.items() if name == PRECISION}})

    def is_whole(self, choices: Mapping[str, Value]) -> bool:
        """Whether a child has the parent's own network, and differs in its precision at most."""
        return all(choices.get(name, own) == own for name, own in self.whole.items() if name != PRECISION)

    @property
    def size(self) -> int:
        """Number of detectors, the parent among them."""
        return math.prod(len(values) for values in self.axes.values())

    @property
    def whole(self) -> dict[str, Value]:
        """The parent's own choices."""
        return {name: values[0] for name, values in self.axes.items()}

    @property
    def smallest(self) -> dict[str, Value]:
        """Choices of the child that is the least in all."""
        return {name: values[-1] for name, values in self.axes.items()}

    @property
    def ratios(self) -> dict[str, tuple[float, ...]]:
        """Part of the detector to the shares of channels that it may be built without, 0 first."""
        return {
            name.removeprefix("slim."): tuple(float(value) for value in values)
            for name, values in self.axes.items()
            if name.removeprefix("slim.") in PARTS
        }

    def only(self, parts: Sequence[str]) -> Self:
        """Return the family without the widths of parts that cannot lose channels."""
        gone = {f"slim.{part}" for part in PARTS if part not in parts}
        return type(self)({name: values for name, values in self.axes.items() if name not in gone})

    def with_blocks(self, most: int) -> Self:
        """Return the family of a backbone with so many residual blocks in its deepest stage."""
        axes = {
            name: tuple(v for v in values if int(v) <= most) if name == SLIM_BLOCKS else values
            for name, values in self.axes.items()
        }
        return type(self)({name: values for name, values in axes.items() if len(values) > 1})

    def child(self, parent: Candidate, choices: Mapping[str, Value]) -> Candidate:
        """Return a child as a candidate.

        Raises:
            SpaceError: a choice is none of the family's.
        """
        for name, value in choices.items():
            if name not in self.axes or value not in self.axes[name]:
                known = ", ".join(map(str, self.axes.get(name, ()))) or "none"
                raise SpaceError(f"{name}: a child of this training cannot have {value!r}; it has {known}")
        made = {**parent.to_json(), **self.whole, **choices}
        if PRECISION not in parent and made.get(PRECISION) == FP32:
            del made[PRECISION]  # which it need not say: its parent does not
        return Candidate.of(made)

    def choices_of(self, child: Mapping[str, Any]) -> dict[str, Value]:
        """Return what of a candidate the family's axes say, the whole network's where it does not say it."""
        return {name: child.get(name, own) for name, own in self.whole.items()}

    def to_json(self) -> dict[str, list[Value]]:
        """Return the axes as JSON values."""
        return {name: list(values) for name, values in self.axes.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a family from `to_json`."""
        return cls({name: tuple(found) for name, found in values.items()})


def check_elastic(space: SearchSpace) -> None:
    """Check that the elastic trainings of a space can be had: no structural pruning beside them, and single values.

    Raises:
        SpaceError: a candidate may be both, or what its children differ in is an interval.
    """
    if not may_be_elastic(space):
        return
    importances = space.domains.get("prune.importance", Choice(("none",)))
    cuts = [value for value in single_values("prune.importance", importances) if value != "none"]
    both = [str(cut) for cut in cuts if space.may_hold({"train.elastic": True, "prune.importance": cut})]
    if both:
        raise SpaceError(
            f"space.train.elastic: an elastic training cannot be pruned too (space.prune.importance has "
            f"{', '.join(both)}): what the one masks the other cuts; take space/prune=none"
        )
    for name, domain in space.domains.items():
        if VOCABULARY[name].elastic and isinstance(domain, Interval):
            raise SpaceError(
                f"space.{name}: {domain}: an elastic training needs single values; use choice(...) or range(...)"
            )


def check_precision(space: SearchSpace) -> None:
    """Check that a training's own precision is among several.

    Raises:
        SpaceError: it is not.
    """
    if has_precisions(space) and FP32 not in space.domains[PRECISION]:
        raise SpaceError(
            f"space.{PRECISION}: {space.domains[PRECISION]} lacks {FP32}, which others are made of; add it, or give "
            "one value"
        )


def _precisions(parent: Candidate, values: Sequence[Value]) -> tuple[Value, ...]:
    own = precision_of(parent)
    return (own, *(value for value in values if value != own))


def _uncut(parent: Candidate) -> tuple[str, ...]:
    """Return the parts that never lose anything: Ultralytics' own backbones and necks, RT-DETR's decoder."""
    if has_own_neck(parent):
        return (*PARTS, "blocks")
    backbone = (*BACKBONE_PARTS, "blocks") if parent.text("backbone.name") in ULTRALYTICS else ()
    return (*backbone, *(("head",) if parent.get("head.kind") == "rtdetr" else ()))
