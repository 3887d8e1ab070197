"""Pretrained weights into a detector: from published files, or a checkpoint of the user's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from spaces.errors import SpaceError
from spaces.network.backbones import ULTRALYTICS
from spaces.network.checkpoint_file import read_tensors
from spaces.network.published import HUB, NONE
from spaces.network.timm_backbone import TimmBackbone, create_features

SAME = 0.9  # share of a network's numbers that must be those of a file for the network to count as loaded from it


@dataclass(frozen=True)
class Loaded:
    """What a network has taken from a file.

    Attributes:
        tensors: number of them.
        note: what of a whole published detector was loaded and what is new, as a line for people; empty for backbones.
    """

    tensors: int
    note: str = ""


def load_pretrained(model: nn.Module, backbone: str, source: str, published: Path | None = None) -> int:
    """Load pretrained weights into a detector as far as names and shapes agree.

    Args:
        model: as built by `spaces.network.detector.build_detector`.
        backbone: its backbone's name.
        source: "none", "hub" or the path of a checkpoint: a detector of this project's (`weights.pt`), a state dict
            of the timm backbone (`.safetensors` too), or an Ultralytics `.pt` file.
        published: the file that "hub" stands for; None where there is none, and then nothing is loaded.

    Returns:
        Number of tensors loaded.

    Raises:
        SpaceError: the checkpoint is missing, unreadable or fits nowhere.
    """
    path = published if source == HUB else None if source == NONE else Path(source).expanduser()
    if path is None:
        return 0
    count = _load_into(model, backbone, read_tensors(path))
    if count == 0:
        raise SpaceError(f"train.pretrained: no tensor of '{path}' fits {backbone}; name a checkpoint of it, or none")
    return count


def _load_into(model: Any, backbone: str, state: Mapping[str, Tensor]) -> int:
    """Load what fits the detector, or else what fits its backbone; return the number of tensors."""
    first = model.model[0]
    of_timm = isinstance(first, TimmBackbone)
    fits = [(model, _fitting(model, state))]
    if of_timm and len(fits[0][1]) < len(model.state_dict()):
        fits.append((first.m, _fitting(first.m, state)))
        if len(fits[1][1]) < len(first.m.state_dict()) and backbone not in ULTRALYTICS:
            fits.append((first.m, _fitting(first.m, _renamed(backbone, state))))
    target, fitting = max(fits, key=lambda fit: len(fit[1]))
    target.load_state_dict(fitting, strict=False)
    return len(fitting)


def _fitting(target: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    own = target.state_dict()
    return {name: tensor for name, tensor in state.items() if name in own and tensor.shape == own[name].shape}


def _renamed(backbone: str, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return a state dict of timm's whole network under the names of its feature maps' network, as timm loads it.

    timm loads what fits and is silent about the rest, so that the outcome is compared with the file's numbers.
    """
    try:
        network = create_features(backbone, pretrained=True, pretrained_cfg_overlay={"state_dict": dict(state)})
    except SpaceError:  # timm's own errors: the file is another network's
        return {}
    found: dict[str, Tensor] = network.state_dict()
    known = {_fingerprint(tensor) for tensor in state.values()}
    same = sum(tensor.numel() for tensor in found.values() if _fingerprint(tensor) in known)
    return found if same >= SAME * sum(tensor.numel() for tensor in found.values()) else {}


def _fingerprint(tensor: Tensor) -> tuple[object, ...]:
    """Return a tensor's shape, its first numbers and their sum."""
    return (*tensor.shape, *tensor.flatten()[:8].tolist(), float(tensor.double().sum()))
