"""Structural pruning of a detector by Torch-Pruning: whole channels go, layers that depend on them follow."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch_pruning as tp
from torch import Tensor, nn
from ultralytics.nn.modules import Attention, Detect
from ultralytics.nn.modules.block import AAttn

from objectives.network.cuttable import join_of, make_cuttable
from spaces.errors import SpaceError
from spaces.network.detector import is_rtdetr
from spaces.vocabulary import VOCABULARY

ROUND_TO = 8  # channels stay multiples of this: runtimes compute in such blocks
TRACE_PX = 128
ATTENTION = (Attention, AAttn, nn.MultiheadAttention)  # a cut of their channels would break heads


def prune_detector(model: nn.Module, ratio: float, importance: str) -> None:
    """Cut the least important channels of a detector, in place.

    Every layer loses the same share, so that the shapes depend on the ratio alone and not on the weights: an
    untrained detector pruned so is as fast as the trained one. Blocks of Ultralytics' that Torch-Pruning cannot cut
    are replaced by equal ones first. The last layers of the head keep all channels, RT-DETR's decoder does, and
    attention keeps its heads whole.

    Args:
        model: as built by `spaces.network.detector.build_detector`, or by Ultralytics from a file of its own.
        ratio: share of the channels to cut, in (0, 1).
        importance: one of the words of `prune.importance`.

    Raises:
        SpaceError: the importance is unknown, or the network cannot be cut.
    """
    if not 0 < ratio < 1:
        raise SpaceError(f"prune.ratio: must lie between 0 and 1, got {ratio}")
    measure = _importance(importance)
    try:
        make_cuttable(model)
        with traceable(model):
            tracer(model, measure, ratio).step()
    except Exception as error:  # the tracer and the network itself raise whatever they like
        raise SpaceError(f"prune: this network cannot be cut ({type(error).__name__}: {error})") from error


@contextmanager
def traceable(model: nn.Module) -> Iterator[None]:
    """Let the dependency graph be traced through gradients of all parameters, in evaluation mode."""
    training = model.training
    needed = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    model.eval()
    try:
        yield
    finally:
        model.train(training)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(needed.get(name, True))


def tracer(model: nn.Module, importance: Any, ratio: float, kept: Sequence[nn.Module] = ()) -> Any:
    """Return Torch-Pruning's pruner of a detector, made inside `traceable`: the same share of every layer.

    Args:
        model: as built by `spaces.network.detector.build_detector`.
        importance: Torch-Pruning's, which ranks channels.
        ratio: share of the channels to cut.
        kept: layers that keep all channels, beside those that always do.
    """
    return tp.pruner.BasePruner(
        model,
        trace_image(model),
        importance=importance,
        pruning_ratio=ratio,
        ignored_layers=[*kept, *_kept_layers(model)],
        round_to=ROUND_TO,
        forward_fn=_project if is_rtdetr(model) else None,
    )


def trace_image(model: nn.Module) -> Tensor:
    """Return the image that a network is traced with, where the network is."""
    return torch.zeros(1, 3, TRACE_PX, TRACE_PX, device=next(model.parameters()).device)


def _importance(name: str) -> Any:
    match name:
        case "l1":
            return tp.importance.MagnitudeImportance(p=1)
        case "l2":
            return tp.importance.MagnitudeImportance(p=2)
        case "bn_scale":
            return tp.importance.BNScaleImportance()
        case "lamp":
            return tp.importance.LAMPImportance(p=2)
        case "random":
            return tp.importance.RandomImportance()
    raise VOCABULARY["prune.importance"].unknown(name)


def _kept_layers(model: Any) -> list[nn.Module]:
    """Return the layers that keep all channels: the last of the head, attention, and blocks that cannot be cut."""
    head = model.model[-1]
    kept = [module for module in model.modules() if isinstance(module, ATTENTION) or join_of(module) is not None]
    if not isinstance(head, Detect):
        return [*kept, head]
    towers = [getattr(head, name, None) or [] for name in ("cv2", "cv3", "one2one_cv2", "one2one_cv3")]
    return [*kept, head.dfl, *(branch[-1] for tower in towers for branch in tower)]


def _project(model: Any, image: Tensor) -> list[Tensor]:
    """Return what the graph of an RT-DETR is traced through: its feature maps, as the decoder takes them.

    The decoder stays whole, and of RT-DETR's own backbones with attention its graph is more than the tracer can follow.
    The coarsest map comes first, so that the groups have the order, and the roots, that a trace through the decoder
    gave: elastic trainings keep the importance of channels by these.
    """
    decoder = model.model[-1]
    decoder.forward = lambda maps, _: [take(x) for take, x in zip(decoder.input_proj, maps, strict=True)][::-1]
    try:
        return model(image)  # type: ignore[no-any-return]  # of a module
    finally:
        del decoder.forward
