"""Model description to network: Ultralytics' own builder, with timm backbones and the light head."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn
from ultralytics.nn import tasks
from ultralytics.nn.modules import Detect
from ultralytics.utils.torch_utils import initialize_weights

from spaces.errors import SpaceError, first_line
from spaces.network.timm_backbone import TimmBackbone

# Ultralytics looks its layers up by name among its own; this makes ours one of them, in checkpoints too.
tasks.TimmBackbone = TimmBackbone


def build_detector(description: dict[str, Any], seed: int) -> nn.Module:
    """Build the network of a description, with random weights drawn from `seed`.

    Args:
        description: as of `spaces.network.description.describe`.
        seed: seed of the initial weights.

    Returns:
        An Ultralytics `DetectionModel` or `RTDETRDetectionModel`, in training mode.

    Raises:
        SpaceError: the parts do not fit together, or the backbone takes no images of 256 px.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _build(description)
    except Exception as error:  # a forward pass is part of it: networks raise whatever they like
        raise SpaceError(
            f"network: this detector cannot be built ({first_line(error)}); take another backbone or head"
        ) from error


def is_rtdetr(model: nn.Module) -> bool:
    """Whether the detector decodes with RT-DETR's transformer."""
    return isinstance(model, tasks.RTDETRDetectionModel)


def count_parameters(model: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in model.parameters())


def count_multiply_adds(model: nn.Module, size_px: int) -> int:
    """Multiply-adds of one forward pass at batch 1 on a square image of `size_px`.

    Raises:
        SpaceError: the network takes no such image.
    """
    from torch.utils.flop_counter import FlopCounterMode

    training = model.training
    counter = FlopCounterMode(display=False)
    try:
        with counter, torch.no_grad():
            model.eval()(torch.zeros(1, 3, size_px, size_px, device=next(model.parameters()).device))
    except Exception as error:  # networks raise whatever they like
        raise SpaceError(
            f"network: this detector takes no images of {size_px} px ({first_line(error)}); take another backbone"
        ) from error
    finally:
        model.train(training)
    return counter.get_total_flops() // 2  # one multiply-add is counted as two operations


def _build(description: dict[str, Any]) -> nn.Module:
    if description["head"][-1][2] == "RTDETRDecoder":  # parse_model writes into its rows, hence the copies
        decoder: nn.Module = tasks.RTDETRDetectionModel(deepcopy(description), ch=3, verbose=False)
        return decoder
    model: Any = tasks.DetectionModel(deepcopy(description), ch=3, verbose=False)
    if model.model[-1].legacy:
        _lighten_head(model)
    model.end2end = bool(description.get("end2end"))  # which head is deployed; both are trained
    network: nn.Module = model
    return network


def _lighten_head(model: Any) -> None:
    """Put YOLO11's light classification tower in place of YOLOv8's.

    Ultralytics chooses the tower by the blocks of the neck (C3k2 or not) and offers no other switch; the old
    tower of full 3x3 convolutions would cost more than a mobile backbone.
    """
    old = model.model[-1]
    Detect.legacy = False  # parse_model sets it anew for each network
    channels = [branch[0].conv.in_channels for branch in old.cv2]
    new = Detect(old.nc, old.reg_max, hasattr(old, "one2one_cv2"), channels)
    for name in ("i", "f", "type", "stride", "inplace"):
        setattr(new, name, getattr(old, name))
    new.np = count_parameters(new)
    initialize_weights(new)
    new.bias_init()
    model.model[-1] = new
