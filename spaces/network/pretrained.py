"""Pretrained weights: timm's hub, Ultralytics' files, a checkpoint on disk. A checkpoint never runs code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spaces.errors import SpaceError
from spaces.network.backbones import ULTRALYTICS
from spaces.network.timm_backbone import TimmBackbone, create_features

NONE, HUB = "none", "hub"


class HubUnreachable(Exception):
    """Published weights could not be fetched; the message is one line for people."""


def load_pretrained(model: nn.Module, backbone: str, source: str, scale: tuple[float, float] | None = None) -> int:
    """Load pretrained weights into a detector as far as names and shapes agree.

    Args:
        model: as built by `spaces.network.detector.build_detector`.
        backbone: its backbone's name.
        source: "none", "hub" (timm's hub or Ultralytics' published files) or the path of a checkpoint: a detector of
            this project's (`weights.pt`), a state dict of the timm backbone, or an Ultralytics `.pt` file.
        scale: depth and width of an Ultralytics backbone; published files exist for some.

    Returns:
        Number of tensors loaded.

    Raises:
        HubUnreachable: the hub could not be reached, or publishes nothing for this network.
        SpaceError: the checkpoint is missing, unreadable or fits nowhere.
    """
    if source == NONE:
        return 0
    if source == HUB:
        return _load_into(model, _from_hub(backbone, scale))
    count = _load_into(model, _from_file(Path(source).expanduser()))
    if count == 0:
        raise SpaceError(f"train.pretrained: no tensor of '{source}' fits {backbone}; name a checkpoint of it, or none")
    return count


def _from_hub(backbone: str, scale: tuple[float, float] | None) -> Mapping[str, Tensor]:
    try:
        if backbone in ULTRALYTICS:
            return _ultralytics_state(_published(backbone, scale))
        return create_features(backbone, pretrained=True).state_dict()  # type: ignore[no-any-return]  # a state dict
    except HubUnreachable:
        raise
    except Exception as error:  # hub clients raise their own, the network's and the file system's errors
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise HubUnreachable(f"no published weights for {backbone} ({reason})") from error


def _published(backbone: str, scale: tuple[float, float] | None) -> str:
    for letter, (depth, width, _) in ULTRALYTICS[backbone].scales.items():
        if (depth, width) == scale:
            return f"{backbone}{letter}.pt"
    raise HubUnreachable(f"Ultralytics publishes no {backbone} of depth and width {scale}")


def _ultralytics_state(name_or_path: str) -> Mapping[str, Tensor]:
    from ultralytics.nn.tasks import torch_safe_load

    checkpoint, _ = torch_safe_load(name_or_path, safe_only=True)
    network = checkpoint.get("ema") or checkpoint["model"]
    return network.float().state_dict()  # type: ignore[no-any-return]  # a state dict


def _from_file(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise SpaceError(f"train.pretrained: '{path}' is not a file; name a checkpoint, or take none or hub")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # not plain tensors: an Ultralytics file holds a network, read with an allow-list
        try:
            return _ultralytics_state(str(path))
        except Exception as error:  # unpickling refuses in many ways
            reason = (str(error) or type(error).__name__).splitlines()[0][:100]
            raise SpaceError(f"train.pretrained: '{path}' cannot be read safely ({reason})") from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    return {k: v for k, v in content.items() if isinstance(v, Tensor)} if isinstance(content, dict) else {}


def _load_into(model: Any, state: Mapping[str, Tensor]) -> int:
    """Load what fits the detector, or else what fits its backbone; return the number of tensors."""
    first = model.model[0]
    targets = [model, *([first.m] if isinstance(first, TimmBackbone) else [])]
    fitting = []
    for target in targets:
        own = target.state_dict()
        fitting.append({k: v for k, v in state.items() if k in own and v.shape == own[k].shape})
    best = max(range(len(targets)), key=lambda i: len(fitting[i]))
    targets[best].load_state_dict(fitting[best], strict=False)
    return len(fitting[best])
