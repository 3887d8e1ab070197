"""A timm network as a layer of an Ultralytics model description: image in, three feature maps out."""

from typing import Any

import timm
from torch import Tensor, nn

from spaces.errors import SpaceError
from spaces.vocabulary import STRIDES


class TimmBackbone(nn.Module):
    """Feature maps at strides 8, 16 and 32 of a timm network, with random weights.

    Args:
        name: timm's name of the network.

    Raises:
        SpaceError: the network has no feature maps at these strides.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.m: Any = create_features(name)

    @property
    def channels(self) -> list[int]:
        """Channels of the three feature maps."""
        return [int(c) for c in self.m.feature_info.channels()]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map images (batch, 3, H, W) to features [(batch, c, H/8, W/8), (..., H/16, W/16), (..., H/32, W/32)]."""
        features: list[Tensor] = self.m(image)
        return features


def create_features(name: str, **options: Any) -> Any:
    """Create timm's network with the last three feature maps as its outputs; options go to timm.

    `out_indices` count from the end because networks differ in their number of levels.
    """
    try:
        network = timm.create_model(name, features_only=True, out_indices=(-3, -2, -1), **options)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError) as error:  # as each network's author chose
        raise SpaceError(f"backbone: timm cannot build '{name}' with feature maps ({error}); take another") from None
    strides = tuple(network.feature_info.reduction())
    if strides != STRIDES:
        raise SpaceError(f"backbone: '{name}' has strides {strides}, a neck needs {STRIDES}; take another")
    return network
