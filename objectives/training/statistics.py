"""Batch-norm statistics taken anew: those of an elastic training belong to no single detector of its family."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from objectives.data.pictures.decode import read_image
from objectives.deploy.detector import letterbox, stretch
from objectives.records.even_sample import evenly

CALIBRATION_IMAGES = 64  # training images that statistics are taken from
BATCH = 16


def retake_statistics(network: nn.Module, batches: Iterable[Tensor]) -> nn.Module:
    """Take running means and variances anew, in place; return the network, in evaluation mode.

    Args:
        network: as it will be deployed.
        batches: images (n, 3, size, size) in [0, 1]; each batch counts alike.
    """
    normalised = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [module.momentum for module in normalised]
    network.eval()
    device = next(network.parameters()).device
    for module in normalised:
        module.reset_running_stats()
        module.momentum = None  # the plain mean over all batches
        module.train()
    with torch.no_grad():
        for images in batches:
            network(images.to(device))
    for module, momentum in zip(normalised, momenta, strict=True):
        module.momentum = momentum
    return network.eval()


def calibration_batches(images: Sequence[Path], size_px: int, *, stretched: bool = False) -> list[Tensor]:
    """Return images as the deployed detector sees them, in batches (n, 3, size, size).

    A last batch of one image joins the one before: the variance of one is no use.
    """
    fit = stretch if stretched else letterbox
    blobs = np.concatenate([fit(read_image(path), size_px)[0] for path in images])
    parts = [torch.from_numpy(blobs[i : i + BATCH]) for i in range(0, len(blobs), BATCH)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def batches_of(dataset: Any, size_px: int, *, stretched: bool = False) -> list[Tensor]:
    """Return batches of an even sample of the images of Ultralytics' training data set, as they lie on the disk."""
    files = [Path(name) for name in sorted(dataset.im_files)]
    return calibration_batches(evenly(files, CALIBRATION_IMAGES), size_px, stretched=stretched)
