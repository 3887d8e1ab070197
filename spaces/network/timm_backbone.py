"""A timm network as a layer of an Ultralytics model description: image in, three feature maps out."""

from typing import Any

import timm
import torch
from timm.layers import Format
from torch import Tensor, nn

from spaces.errors import SpaceError, first_line
from spaces.network.residual import leave_out, residual_blocks
from spaces.vocabulary import STRIDES

CHECK_PX = 256  # Ultralytics builds each detector with a forward pass at this size, too


class TimmBackbone(nn.Module):
    """Feature maps at strides 8, 16 and 32 of a timm network, with random weights.

    Args:
        name: timm's name of the network.
        without: residual blocks that each stage is built without, the last ones.

    Raises:
        SpaceError: the network has no feature maps at these strides.
    """

    def __init__(self, name: str, without: int = 0) -> None:
        super().__init__()
        self.name = name
        self.m: Any = create_features(name)
        if without:
            leave_out(self, residual_blocks(self), without)

    @property
    def channels(self) -> list[int]:
        """Channels of the three feature maps."""
        return [int(c) for c in self.m.feature_info.channels()]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map images (batch, 3, H, W) to features [(batch, c, H/8, W/8), (..., H/16, W/16), (..., H/32, W/32)]."""
        features: list[Tensor] = self.m(image)
        if getattr(self.m, "output_fmt", Format.NCHW) == Format.NHWC:  # Swin's, MambaOut's
            return [feature.permute(0, 3, 1, 2).contiguous() for feature in features]
        return features


def create_features(name: str, **options: Any) -> Any:
    """Create timm's network with the last three feature maps as its outputs; options go to timm.

    `out_indices` count from the end because networks differ in their number of levels. A network of a fixed input size
    is made to take any size where timm knows how.

    Raises:
        SpaceError: timm cannot build it, or its feature maps have other strides.
    """
    try:
        network = _create(name, options)
    except Exception as error:  # as each network's author chose: assertions, key errors, ...
        raise SpaceError(
            f"backbone: timm cannot build '{name}' with feature maps ({first_line(error)}); take another"
        ) from error
    strides = tuple(network.feature_info.reduction())
    if strides != STRIDES:
        raise SpaceError(f"backbone: '{name}' has strides {strides}, a neck needs {STRIDES}; take another")
    return network


def check_features(name: str) -> None:
    """Check that a network gives its feature maps for images of a size that is not its own.

    Raises:
        SpaceError: it does not.
    """
    network = TimmBackbone(name).eval()
    try:
        with torch.no_grad():
            features = network(torch.zeros(1, 3, CHECK_PX, CHECK_PX))
    except Exception as error:  # as each network's author chose
        raise SpaceError(
            f"backbone: '{name}' takes no images of {CHECK_PX} px ({first_line(error)}), a search tries several sizes; "
            "take another"
        ) from error
    shapes = [tuple(feature.shape[1:]) for feature in features]
    needed = [(c, CHECK_PX // s, CHECK_PX // s) for c, s in zip(network.channels, STRIDES, strict=True)]
    if shapes != needed:
        raise SpaceError(f"backbone: '{name}' gives feature maps {shapes}, a neck needs {needed}; take another")


def _create(name: str, options: dict[str, Any]) -> Any:
    levels = {"features_only": True, "out_indices": (-3, -2, -1), **options}
    config = timm.get_pretrained_cfg(name)
    if config is not None and config.fixed_input_size:
        try:
            return timm.create_model(name, strict_img_size=False, **levels)
        except TypeError:  # only some networks know how to
            pass
    return timm.create_model(name, **levels)
