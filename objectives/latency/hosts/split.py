"""A split of images for a board: decoded and fitted to the network's input here, and sent a piece at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.board.detect import FittedPlace, fitted
from objectives.latency.hosts.inputs import send_artifact
from objectives.machine.remote.copying import send_inputs
from objectives.machine.remote.line import BoardLine

IMAGES_HELD = 32  # images in memory
PIECE_BYTES = 128_000_000  # of images that the board runs at once, well under what its inputs may hold


@dataclass(frozen=True)
class SentPiece:
    """What lies on the board, by paths relative to the measuring folder, and where images lie in their squares."""

    artifact: str
    images: list[str]
    places: list[FittedPlace]


def pieces(images: Sequence[Path], meta: ArtifactMeta) -> Iterator[Sequence[Path]]:
    """Yield images in pieces that a board holds and runs at once, whatever the size of the split."""
    step = max(1, PIECE_BYTES // (3 * meta.size_px**2))
    for start in range(0, len(images), step):
        yield images[start : start + step]


def send_piece(line: BoardLine, artifact: Path, images: Sequence[Path], meta: ArtifactMeta) -> SentPiece:
    """Send a file and the images that it is to run over at once, as far as they are not there.

    Images of earlier pieces may make room for these; the file and these images do not.

    Args:
        line: to the board.
        artifact: the file.
        images: image files, a piece of `pieces`.
        meta: what the file says of itself: the side of its input, and how images come to it.

    Raises:
        DataError: an image cannot be read.
        DeviceError: it cannot be written there; a DeviceAway where that passes.
    """
    from objectives.data.pictures.decode import read_image

    sent = send_artifact(line, artifact)
    paths: list[str] = []
    places: list[FittedPlace] = []
    for start in range(0, len(images), IMAGES_HELD):
        pairs = [
            fitted(read_image(path), meta.size_px, stretched=meta.stretched)
            for path in images[start : start + IMAGES_HELD]
        ]
        paths += send_inputs(line, [(_array(square), ".npy") for square, _ in pairs], [sent, *paths])
        places += [place for _, place in pairs]
    return SentPiece(f"../{sent}", [f"../{path}" for path in paths], places)


def _array(square: NDArray[np.uint8]) -> bytes:
    stream = BytesIO()
    np.save(stream, square, allow_pickle=False)
    return stream.getvalue()
