"""Children of an elastic training: cut from its network, batch-norm statistics taken anew, never trained."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from objectives.data.dataset import LabelledImage
from objectives.data.pictures.decode import read_image
from objectives.deploy.accuracy import SCORE_CONFIDENCE, look
from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.detector import Detections, letterbox, read_output, stretch
from objectives.deploy.export_onnx import deployed_network
from objectives.network.depth import shallow, stages
from objectives.network.slim import Slimmer
from objectives.records.even_sample import evenly
from objectives.records.records import Accuracy
from objectives.training.statistics import CALIBRATION_IMAGES, calibration_batches, retake_statistics
from spaces.dimension import Value
from spaces.network.detector import is_rtdetr
from spaces.network.family import SIZE, slim_ratios

KEPT_BYTES = 1_000_000_000  # of decoded images
LOOK_BATCH = 16  # images of a batch where children are looked at


class Children:
    """Makes children of one trained network."""

    def __init__(
        self,
        network: nn.Module,
        slimmer: Slimmer | None,
        size_px: int,
        training: Sequence[Path],
        train_device: str = "cpu",
    ) -> None:
        """Take the network; it stays as it is.

        Args:
            network: the whole one, trained.
            slimmer: made of the network before it was trained; None if no part of it can lose channels.
            size_px: of the network's own input, which a child has whose choices name none.
            training: image files that it was trained on.
            train_device: "cpu", "0", "0,1", ...: where statistics are taken and children looked at.
        """
        self._network, self._slimmer, self._size_px = network, slimmer, size_px
        self._stages = stages(network)
        self._training = evenly(sorted(training), CALIBRATION_IMAGES)
        first = train_device.split(",")[0]
        self._device = torch.device(f"cuda:{first}" if first.isdecimal() else first)
        self._batches: dict[int, list[Tensor]] = {}

    @property
    def network(self) -> nn.Module:
        """The whole network, as it was trained."""
        return self._network

    def make(self, choices: Mapping[str, Value]) -> nn.Module:
        """Return a child, in evaluation mode, on the device; `choices` name its size, depth and ratios."""
        child = deepcopy(self._network)
        if (ratios := slim_ratios(choices)) and self._slimmer is not None:
            self._slimmer.cut(child, ratios)
        shallow(child, choices, self._stages)
        return retake_statistics(child.to(self._device), self._calibration(int(choices.get(SIZE, self._size_px))))

    def _calibration(self, size_px: int) -> list[Tensor]:
        if size_px not in self._batches:
            self._batches[size_px] = calibration_batches(self._training, size_px, stretched=is_rtdetr(self._network))
        return self._batches[size_px]


class LookedAt:
    """Images that many children are looked at on: read once, batched, without an exported file."""

    def __init__(self, images: Sequence[LabelledImage], classes: Sequence[str], split: str) -> None:
        """Take the images; they are read when the first child is looked at."""
        self.images, self.classes, self.split = images, classes, split
        self._pixels: dict[int, NDArray[np.uint8]] = {}  # of the first images, as many as may be kept
        self._bytes = 0

    def accuracy(self, child: nn.Module, meta: ArtifactMeta) -> Accuracy:
        """Return the accuracy of a child as the deployed program would find it, run by torch."""
        device = next(child.parameters()).device
        network = deployed_network(child, meta).to(device)
        return look(list(self._found(network, meta, device)), self.images, self.classes, self.split)

    def _found(self, network: nn.Module, meta: ArtifactMeta, device: torch.device) -> Iterator[Detections]:
        for i in range(0, len(self.images), LOOK_BATCH):
            some = range(i, min(i + LOOK_BATCH, len(self.images)))
            fit = stretch if meta.stretched else letterbox
            parts = [fit(self._read(k), meta.size_px) for k in some]
            blobs = torch.from_numpy(np.concatenate([blob for blob, _, _ in parts])).to(device)
            with torch.no_grad():
                outputs = network(blobs)
            output = (outputs[0] if isinstance(outputs, tuple | list) else outputs).float().cpu().numpy()
            for k, (_, scale, pad) in enumerate(parts):
                yield read_output(output[k : k + 1], meta, SCORE_CONFIDENCE, scale, pad)

    def _read(self, i: int) -> NDArray[np.uint8]:
        """Return image number i, decoded; kept for the next child as long as there is room."""
        if i in self._pixels:
            return self._pixels[i]
        pixels = read_image(self.images[i].path)
        if self._bytes + pixels.nbytes <= KEPT_BYTES:
            self._pixels[i] = pixels
            self._bytes += pixels.nbytes
        return pixels
