"""Elastic training: at each step one detector of a family is trained, at its size, width and depth.

Slimmable networks (Yu et al. 2019) and once-for-all training (Cai et al. 2020), for detectors over any backbone that
Torch-Pruning can cut: a width is a mask on the outputs of its dependency groups, and a masked network computes what the
cut one does.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from objectives.network.depth import neck_blocks, shallow, stages
from objectives.network.slim import Ranks, Slimmer, agrees
from objectives.training.teaching import distance
from spaces.dimension import Value
from spaces.errors import SpaceError
from spaces.network.detector import is_rtdetr
from spaces.network.family import DEPTH, SIZE, SLIM_BLOCKS, Family, slim_ratios


@dataclass(frozen=True)
class Recipe:
    """How the detectors of a family share the steps of a training; see docs/elastic.md for what it was chosen by.

    Attributes:
        whole: share of the steps that train the whole network, at any of the sizes;
        own: share of the steps, among these, at its own size: the largest detector learns slowest.
        in_turn: whether the other steps take the smallest and two drawn ones in turn (the sandwich rule, a step each)
            instead of drawing each.
        mixed: share of the drawn ones whose parts have a width each; the others have one width.
        taught: weight of the whole network's own outputs as targets of the others, beside the labels; 0: none.
        shrinks: shares of the training between which the widths come in one after another, the widest first.
    """

    whole: float = 0.7
    own: float = 0.4
    in_turn: bool = False
    mixed: float = 0.5
    taught: float = 1.0
    shrinks: tuple[float, float] = (0.0, 0.0)


RECIPE = Recipe()
PRETRAINED = Recipe(shrinks=(0.1, 0.5))  # channels that mean something already must not go from the first step on


@dataclass(frozen=True)
class ElasticNetwork:
    """A network before its elastic training: which children it will hold, and how its channels are ordered."""

    family: Family
    slimmer: Slimmer | None

    @classmethod
    def of(
        cls,
        model: nn.Module,
        family: Family,
        warn: Callable[[str], None],
        *,
        ranked: bool,
        ranks: Ranks | None = None,
    ) -> Self:
        """Look at a network.

        A part whose masked channels would not act as if they were cut stays whole; so does a network that
        Torch-Pruning cannot cut.

        Args:
            model: whole, not trained yet; it stays as it is.
            family: what may differ between the children.
            warn: takes one line on what stays whole.
            ranked: whether the weights are trained already, so that channels differ in importance.
            ranks: of an earlier look at the same network.
        """
        if SLIM_BLOCKS in family.axes:
            family = family.with_blocks(max(map(len, stages(model)), default=0))
        ratios = sorted({ratio for ratios in family.ratios.values() for ratio in ratios if ratio > 0})
        if not ratios:
            return cls(family, None)
        try:
            slimmer = Slimmer(model, ratios, ranks, ranked=ranked)
        except SpaceError as error:
            warn(f"{error}; its children keep all channels")
            return cls(family.only(()), None)
        able = [part for part in family.ratios if part in slimmer.parts]
        parts = [part for part in able if _acts_cut(model, slimmer, part, ratios[-1])]
        if left := [part for part in family.ratios if part not in parts]:
            warn(f"slim: {', '.join(left)} of this network cannot lose channels; its children keep all of them")
        return cls(family.only(parts), slimmer)

    @property
    def ranks(self) -> Ranks:
        """Importance of the channels that their order was taken from; empty where channels go by their place."""
        return self.slimmer.ranks if self.slimmer else {}

    def training(self, *, ranked: bool) -> "ElasticTraining":
        """Return what draws the detector of each step."""
        return ElasticTraining(self.family, self.slimmer, PRETRAINED if ranked else RECIPE)

    def fastest(self, model: nn.Module) -> tuple[nn.Module, dict[str, Value]]:
        """Return the child of the smallest size, width and depth, untrained, and its choices."""
        choices = self.family.smallest
        child = deepcopy(model)
        if self.slimmer is not None:
            self.slimmer.cut(child, slim_ratios(choices))
        return shallow(child, choices, stages(model)), choices


def _acts_cut(model: nn.Module, slimmer: Slimmer, part: str, ratio: float) -> bool:
    """Whether a part acts with masked channels as it would with cut ones."""
    masked, cut = deepcopy(model), deepcopy(model)
    layers = dict(masked.named_modules())
    for name, mask in slimmer.masks({part: ratio}, layers).items():
        layers[name].register_forward_hook(_masking(mask))
    try:
        return agrees(cut, slimmer, {part: ratio}, masked)
    except SpaceError:  # it holds what no cut knows how to treat
        return False


def _masking(mask: Tensor) -> Any:
    return lambda _, __, output: output * mask.to(output.device)


class ElasticTraining:
    """Draws the detector of each step, and makes the network act as that detector."""

    def __init__(self, family: Family, slimmer: Slimmer | None, recipe: Recipe) -> None:
        """Prepare; the network is taken by `begin`.

        Args:
            family: what may differ between the detectors.
            slimmer: of the network; None where no part can lose channels.
            recipe: how often which detector is trained.
        """
        self.family, self.slimmer, self.recipe = family, slimmer, recipe
        self.choices: Mapping[str, Value] = family.whole
        self._masks: dict[str, Tensor] = {}
        self._known: dict[tuple[tuple[str, float], ...], dict[str, Tensor]] = {}
        self._layers: dict[str, nn.Module] = {}
        self._hooks: list[Any] = []
        self._random, self._turn = random.Random(0), 0
        self._teacher: Any = None

    def begin(self, network: Any) -> None:
        """Take the network that is trained; copies that were made of it before stay whole."""
        blocks = stages(network) if SLIM_BLOCKS in self.family.axes else []
        self._layers = dict(network.named_modules())
        if self.slimmer is not None:
            every: set[str] = set()
            for ratio in {r for ratios in self.family.ratios.values() for r in ratios}:
                every |= self.slimmer.masks(dict.fromkeys(self.family.ratios, ratio), self._layers).keys()
            for name in every:
                self._hooks.append(self._layers[name].register_forward_hook(self._mask(name)))
        for block in neck_blocks(network) if DEPTH in self.family.axes else ():
            for i, repeated in enumerate(block.m):
                self._hooks.append(repeated.register_forward_hook(self._skip(i)))
        for stage in blocks:
            for behind, name in enumerate(reversed(stage)):
                self._hooks.append(self._layers[name].register_forward_hook(self._pass_on(behind)))
        if self.recipe.taught and not is_rtdetr(network):  # whose losses are matched to the labels, query by query
            self._teacher = network
            network.loss = self._taught_loss

    def end(self) -> None:
        """Leave the network as it was."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        if self._teacher is not None:
            del self._teacher.loss
            self._teacher = None

    def begin_epoch(self, seed: int) -> None:
        """Let the epoch's detectors depend on the seed alone: a cut training goes on as if uncut."""
        self._random, self._turn = random.Random(seed), 0

    def begin_step(self, done: float) -> None:
        """Draw the detector of the next step.

        Args:
            done: share of the training that is done.
        """
        self.take(self._drawn(done))

    def take(self, choices: Mapping[str, Value]) -> None:
        """Let the network be one detector of the family."""
        self.choices = choices
        ratios = slim_ratios(choices)
        key = tuple(sorted(ratios.items()))
        if key not in self._known:
            self._known[key] = self.slimmer.masks(ratios, self._layers) if self.slimmer else {}
        self._masks = self._known[key]

    def resized(self, images: Tensor) -> Tensor:
        """Return a batch of images (n, 3, h, w) at the size of the step's detector."""
        size_px = int(self.choices.get(SIZE, images.shape[-1]))
        if images.shape[-1] == size_px:
            return images
        return functional.interpolate(images, size=(size_px, size_px), mode="bilinear", align_corners=False)

    @property
    def is_whole(self) -> bool:
        """Whether the step's detector has all channels and blocks."""
        return {**self.choices, SIZE: None} == {**self.family.whole, SIZE: None}

    def _drawn(self, done: float) -> dict[str, Value]:
        drawn = self._random
        choices = {name: drawn.choice(values) for name, values in self.family.axes.items()}
        share = drawn.random()
        if share < self.recipe.own:
            return self.family.whole
        if share < self.recipe.whole:
            return {name: choices[name] if name == SIZE else own for name, own in self.family.whole.items()}
        allowed = {name: self._allowed(name, values, done) for name, values in self.family.axes.items()}
        self._turn += 1
        if self.recipe.in_turn and self._turn % 3 == 1:
            return {name: values[-1] for name, values in allowed.items()}
        mixed = drawn.random() < self.recipe.mixed
        share = drawn.random()
        for name, values in allowed.items():
            if name.startswith("slim."):
                choices[name] = drawn.choice(values) if mixed else _first_of(values, share)
            elif name != SIZE:
                choices[name] = drawn.choice(values)
        return choices

    def _allowed(self, name: str, values: Sequence[Value], done: float) -> Sequence[Value]:
        """Return the values of an axis that may be drawn by now."""
        begin, end = self.recipe.shrinks
        if name == SIZE or done >= end:
            return values
        share = max(0.0, (done - begin) / (end - begin))
        return values[: 1 + int(share * len(values))] if done >= begin else values[:1]

    def _mask(self, name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Tensor) -> Tensor:
            mask = self._masks.get(name)
            if mask is None:
                return output
            if mask.device != output.device or mask.dtype != output.dtype:
                mask = self._masks[name] = mask.to(output.device, output.dtype)
            return output * mask

        return hook

    def _skip(self, i: int) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return inputs[0] if i >= int(self.choices[DEPTH]) else output

        return hook

    def _pass_on(self, behind: int) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return inputs[0] if behind < int(self.choices[SLIM_BLOCKS]) else output

        return hook

    # Teaching

    def _taught_loss(self, batch: dict[str, Any], preds: Any = None) -> Any:
        """Return Ultralytics' loss, and beside it that against what the whole network says of the same images."""
        network = self._teacher
        if getattr(network, "criterion", None) is None:
            network.criterion = network.init_criterion()
        preds = network.forward(batch["img"]) if preds is None else preds
        loss, items = network.criterion(preds, batch)
        if self.is_whole or not network.training:
            return loss, items
        with self._whole_network(), torch.no_grad():
            teacher = network.forward(batch["img"])
        heads = [(preds[name], teacher[name]) for name in ("one2many", "one2one") if name in preds]
        gains = network.args
        extra = sum(distance(one, other, gains.cls, gains.dfl) for one, other in heads or [(preds, teacher)])
        return loss + self.recipe.taught * extra * len(batch["img"]) / 3, items  # the loss has three parts, added up

    @contextmanager
    def _whole_network(self) -> Iterator[None]:
        """Let the network be whole meanwhile."""
        choices = self.choices
        self.take(self.family.whole)
        try:
            yield
        finally:
            self.take(choices)


def _first_of(values: Sequence[Value], share: float) -> Value:
    """Return one of the values behind the first, by a share in [0, 1) that several axes have in common."""
    rest = values[1:] or values
    return rest[int(share * len(rest))]
