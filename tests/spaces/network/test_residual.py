"""Residual blocks: found in networks of all kinds by what they do, and left out with the feature maps unharmed."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from spaces.network.residual import leave_out, residual_blocks
from spaces.network.timm_backbone import TimmBackbone


class Block(nn.Module):
    def __init__(self, *, adds: bool) -> None:
        super().__init__()
        self.conv, self.adds = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)), adds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.conv(x)) if self.adds else torch.relu(self.conv(x))


def test_what_adds_to_its_input_is_found_and_nothing_else() -> None:
    network = nn.Sequential(
        nn.Sequential(Block(adds=False), Block(adds=True), Block(adds=True)),
        nn.Sequential(nn.Conv2d(3, 3, 1), Block(adds=False)),
        Block(adds=True),
    )
    before = deepcopy(network.state_dict())
    assert residual_blocks(network) == [["0.1", "0.2"], ["2"]]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    leave_out(network, [["0.1", "0.2"]], 1)
    assert isinstance(network[0][2], nn.Identity)
    assert isinstance(network[0][1], Block)
    assert residual_blocks(leave_out(network, [["0.1", "0.2"], ["2"]], 9)) == []


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("lcnet_050", []),
        ("mobilenetv3_small_100", [1, 2, 1, 2]),
        ("regnetx_002", [3, 6]),
        ("resnet18", [2, 1, 1, 1]),
        ("convnext_atto", [2, 2, 6, 2]),
        ("ghostnet_100", [1, 1, 1, 4]),
    ],
)
def test_backbones_of_all_kinds_keep_their_feature_maps(name: str, counts: list[int]) -> None:
    whole, image = TimmBackbone(name).eval(), torch.rand(1, 3, 64, 64)
    assert [len(stage) for stage in residual_blocks(whole)] == counts
    fewer = TimmBackbone(name, 1).eval()
    assert fewer.channels == whole.channels
    with torch.no_grad():
        assert [f.shape for f in fewer(image)] == [f.shape for f in whole(image)]
    gone = whole.state_dict().keys() - fewer.state_dict().keys()
    assert bool(gone) == bool(counts)
    assert fewer.state_dict().keys() <= whole.state_dict().keys()
