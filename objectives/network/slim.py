"""Slim detectors: the first channels of every layer alone, part by part; the others left out by masks or by a cut."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
import torch_pruning as tp
from torch import Tensor, nn

from objectives.network.pruning import TRACE_PX, trace_image, traceable, tracer
from spaces.errors import SpaceError, first_line
from spaces.network.family import BACKBONE_PARTS, PARTS
from spaces.network.timm_backbone import TimmBackbone
from spaces.vocabulary import STRIDES

Ratios = Mapping[str, float]  # part of the detector to the share of its channels that is left out
Ranks = Mapping[str, Tensor]  # layer that begins a group to the importance of its channels, shape (channels,)


@dataclass(frozen=True)
class Loss:
    """What one layer loses: channels by their index, along one of its sides.

    Attributes:
        layer: name of the module, or of a parameter that belongs to no layer.
        function: Torch-Pruning's, which cuts such a layer along that side.
        masked: whether the layer's output is what a mask has to silence.
    """

    layer: str
    function: Any
    masked: bool


@dataclass(frozen=True)
class ChannelGroup:
    """Layers that lose channels together.

    Attributes:
        root: name of the layer that the group begins with.
        part: of the detector, one of `PARTS`.
        lost: ratio to what each layer loses, as indices of the whole network.
    """

    root: str
    part: str
    lost: dict[float, list[tuple[Loss, frozenset[int]]]] = field(default_factory=dict)


class Slimmer:
    """What every part of one network loses at every ratio: found once, then cut or masked at once.

    Shapes are those of `objectives.network.pruning.prune_detector` at the same ratios. The network itself is only
    looked at; what is cut are copies of it.

    Attributes:
        groups: layers that lose channels together.
        ranks: the importance of channels that the order was taken from.
    """

    def __init__(self, model: nn.Module, ratios: Sequence[float], ranks: Ranks | None = None, *, ranked: bool) -> None:
        """Trace the network.

        Args:
            model: as built by `spaces.network.detector.build_detector`.
            ratios: shares in (0, 1) that a part may lose.
            ranks: of an earlier `Slimmer` of this network, before it was trained; None ranks anew.
            ranked: whether channels go by their importance; if not, the last go first: where weights are random, one
                channel is as good as the other.

        Raises:
            SpaceError: the network cannot be cut.
        """
        self._importance = _Order(dict(ranks or {}), ranked=ranked)
        try:
            with traceable(model):
                self.groups = self._trace(model, sorted(ratios))
        except Exception as error:  # the tracer and the network itself raise whatever they like
            raise SpaceError(f"slim: this network cannot be cut ({type(error).__name__}: {error})") from error
        self.ranks: Ranks = self._importance.ranks

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Parts of the detector that can lose channels, in the order of `PARTS`."""
        found = {group.part for group in self.groups if any(group.lost.values())}
        return tuple(part for part in PARTS if part in found)

    def cut(self, model: nn.Module, ratios: Ratios) -> nn.Module:
        """Cut a copy of the traced network in place, and return it.

        Args:
            model: layers and shapes are the traced network's.
            ratios: part to ratio, one of those traced; parts that are left out stay whole.

        Raises:
            SpaceError: the part holds what no cut knows how to treat, as ConvNeXt's layer scale.
        """
        names = dict(model.named_modules())
        for loss, indices in self._lost(ratios).items():
            if loss.layer not in names:
                raise SpaceError(f"slim: parameter '{loss.layer}' belongs to no layer that can be cut")
            loss.function(names[loss.layer], sorted(indices))
        return model

    def masks(self, ratios: Ratios, layers: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """Return what silences the channels that `cut` would take: layer to (1, channels, 1, 1) of zeros and ones."""
        found = {}
        for loss, indices in self._lost(ratios).items():
            if loss.masked:
                mask = torch.ones(_channels(layers[loss.layer]))
                mask[sorted(indices)] = 0.0
                found[loss.layer] = mask.view(1, -1, 1, 1)
        return found

    def _lost(self, ratios: Ratios) -> dict[Loss, set[int]]:
        found: dict[Loss, set[int]] = {}
        for group in self.groups:
            for loss, indices in group.lost.get(ratios.get(group.part, 0.0), ()):
                found.setdefault(loss, set()).update(indices)
        return found

    def _trace(self, model: nn.Module, ratios: Sequence[float]) -> list[ChannelGroup]:
        part_of = _parts(model)
        pruner = tracer(model, self._importance, 0.0, _uncut_rows(model))
        names = {module: name for name, module in model.named_modules()}
        names |= {parameter: name for name, parameter in model.named_parameters()}
        order = {name: i for i, name in enumerate(names.values())}
        groups: dict[str, ChannelGroup] = {}
        for ratio in ratios:
            pruner.current_step, pruner.per_step_pruning_ratio = 0, [0.0, ratio]
            for found in pruner.step(interactive=True):  # nothing is cut: indices stay those of the whole network
                root = names[found[0].dep.target.module]
                giving = (names[dep.target.module] for dep, _ in found if _gives_channels(dep, names))
                group = groups.setdefault(root, ChannelGroup(root, part_of(min(giving, key=order.__getitem__))))
                # What is no layer of the network only passes channels on.
                layers = [(dep, indices) for dep, indices in found if dep.target.module in names]
                group.lost[ratio] = [_lost_of(names, dep, indices) for dep, indices in layers]
        return list(groups.values())


def _uncut_rows(model: Any) -> list[nn.Module]:
    """Return the rows of a backbone of Ultralytics' own: its blocks stay as they were built, which no cut follows."""
    return [] if isinstance(model.model[0], TimmBackbone) else list(model.model[: len(model.yaml["backbone"])])


class _Order(tp.importance.Importance):  # type: ignore[misc]  # Torch-Pruning has no types
    """Importance of channels by their place, or by their magnitude before the training."""

    def __init__(self, ranks: dict[str, Tensor], *, ranked: bool) -> None:
        self.ranks = ranks
        self._magnitude = tp.importance.MagnitudeImportance(p=2) if ranked else None

    def __call__(self, group: Any) -> Tensor:
        count = len(group[0].idxs)
        if self._magnitude is None:
            return torch.arange(count, 0, -1).float()
        root = group[0].dep.target.name.split(" ")[0]
        if root not in self.ranks:
            self.ranks[root] = self._magnitude(group).detach().clone().cpu()
        return self.ranks[root]


def built_slim(model: nn.Module, ratios: Ratios, *, ranked: bool) -> nn.Module:
    """Cut a network that is to be trained slim from the start, in place; return the network.

    Args:
        model: whole, not trained yet.
        ratios: part to the share of its channels that goes.
        ranked: whether channels go by their importance.
    """
    return Slimmer(model, sorted(set(ratios.values())), ranked=ranked).cut(model, ratios) if ratios else model


def agrees(model: nn.Module, slimmer: Slimmer, ratios: Ratios, masked: nn.Module, tolerance: float = 1e-3) -> bool:
    """Whether a masked network gives what the network that was really cut gives.

    Args:
        model: a copy of the whole network, which is cut here.
        slimmer: of the network.
        ratios: part to ratio.
        masked: the whole network with its masks on.
        tolerance: greatest difference of a raw output, relative to how much that output varies over the image.
    """
    image = torch.rand(1, 3, TRACE_PX, TRACE_PX, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cut, masked = slimmer.cut(model, ratios), deepcopy(masked)  # in double precision: untrained scores hardly vary
    with torch.no_grad():
        try:
            ours, theirs = (network.cpu().double().eval()(image) for network in (masked, cut))
        except Exception as error:  # networks raise whatever they like
            raise SpaceError(f"slim: the cut network does not run ({first_line(error)})") from error
    pairs = zip(_raw_outputs(ours), _raw_outputs(theirs), strict=True)
    return all(bool((one - other).abs().max() <= tolerance * _variation(one)) for one, other in pairs)


def _raw_outputs(output: Any) -> list[Tensor]:
    """Return scores and edges before they are decoded, (images, values, places); RT-DETR's decoded boxes."""
    heads = output[1]
    if not isinstance(heads, dict):
        return [output[0].transpose(1, 2)]
    found = [heads[name] for name in ("one2many", "one2one")] if "one2many" in heads else [heads]
    return [head[name] for head in found for name in ("scores", "boxes")]


def _variation(values: Tensor) -> float:
    return float((values - values.mean(dim=-1, keepdim=True)).abs().max())


def _parts(model: Any) -> Callable[[str], str]:
    """Return what gives the part of the detector that a layer belongs to.

    A layer of the backbone belongs to the first feature map that is as coarse as its own output; one behind a global
    pooling to where the layers before it belong.
    """
    image = trace_image(model)
    strides: dict[str, int] = {}
    latest = [STRIDES[0]]

    def look(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Tensor) -> None:
            if output.ndim == 4 and output.shape[-1] > 1:
                latest[0] = round(image.shape[-1] / output.shape[-1])
            strides[name] = latest[0]

        return hook

    convolutions = [(name, m) for name, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [module.register_forward_hook(look(name)) for name, module in convolutions]
    try:
        with torch.no_grad():
            model(image)
    finally:
        for hook in hooks:
            hook.remove()
    last = len(model.model) - 1

    def part_of(layer: str) -> str:
        index = int(layer.split(".")[1])
        if index == 0:
            return next(part for part, most in zip(BACKBONE_PARTS, STRIDES, strict=True) if strides[layer] <= most)
        return "head" if index == last else "neck"

    return part_of


def _gives_channels(dep: Any, names: Mapping[Any, str]) -> bool:
    """Whether a convolution or linear layer of a group loses channels of its output."""
    module = dep.target.module
    return module in names and isinstance(module, nn.Conv2d | nn.Linear) and "in_channels" not in dep.handler.__name__


def _lost_of(names: Mapping[Any, str], dep: Any, indices: Sequence[Any]) -> tuple[Loss, frozenset[int]]:
    module = dep.target.module
    is_output = "in_channels" not in dep.handler.__name__ or isinstance(module, nn.BatchNorm2d)
    silenced = isinstance(module, nn.BatchNorm2d) or (isinstance(module, nn.Conv2d) and module.bias is not None)
    loss = Loss(names[module], dep.handler, is_output and silenced)
    return loss, frozenset(int(getattr(i, "idx", i)) for i in indices)


def _channels(layer: Any) -> int:
    return int(layer.num_features if isinstance(layer, nn.BatchNorm2d) else layer.out_channels)
