"""Batches without a lone image: every image once an epoch, no batch of one."""

import pytest
from torch import nn
from torch.utils.data import BatchSampler, SequentialSampler

from objectives.training.loading import NoLoneImage, trains_on_one


def batches_of(images: int, size: int) -> NoLoneImage:
    return NoLoneImage(BatchSampler(SequentialSampler(range(images)), size, drop_last=False))


@pytest.mark.parametrize("size", [2, 3, 8])
@pytest.mark.parametrize("images", range(2, 18))
def test_every_image_comes_once_and_none_alone(images: int, size: int) -> None:
    batches = batches_of(images, size)
    found = list(batches)
    assert [i for batch in found for i in batch] == list(range(images))
    assert all(2 <= len(batch) <= size + 1 for batch in found)
    assert len(batches) == len(found)


def test_the_only_image_is_seen_twice() -> None:
    assert list(batches_of(1, 2)) == [[0, 0]]
    assert len(batches_of(1, 2)) == 1


def test_networks_that_need_two_images_are_found() -> None:
    pooled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4))
    before = pooled[2].running_mean.clone()
    assert not trains_on_one(pooled, 32)
    assert trains_on_one(pooled[:2], 32)
    assert (pooled[2].running_mean == before).all(), "the network was changed"
    with pytest.raises(ValueError, match="no such"):
        trains_on_one(nn.Sequential(nn.Conv2d(3, 4, 3), Broken()), 32)


class Broken(nn.Module):
    def forward(self, _: object) -> None:
        raise ValueError("no such thing")
