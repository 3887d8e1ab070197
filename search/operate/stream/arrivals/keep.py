"""An image of the stream, kept: whole, by the hash of the file as it arrived, after the privacy hook."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from objectives.data.pictures.decode import Pixels, decode
from objectives.data.pictures.kinds import HEAD_BYTES, kind_of
from objectives.drift.figures import image_figures
from objectives.machine.files import whole
from search.operate.paths import PipelinePaths
from search.operate.stream.arrivals.privacy import PrivacyHook


class NotKept(Exception):
    """An image cannot be kept; the text says why."""


@dataclass(frozen=True)
class KeptImage:
    """What is kept of an image: its file, its size in pixels, EXIF turn applied, and its figures for drift."""

    path: Path
    width_px: int
    height_px: int
    figures: dict[str, float]


def keep_image(source: Path, sha256: str, paths: PipelinePaths, hook: PrivacyHook | None) -> KeptImage:
    """Keep an image; one that is kept already is written again, with the same bytes.

    Args:
        source: the file as it arrived.
        sha256: of it, when it was examined.
        paths: of the pipeline.
        hook: writes what may be kept; None: the file itself is.

    Raises:
        NotKept: the file has changed since, cannot be decoded, or the hook failed; nothing of it is kept.
    """
    data = _read(source)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotKept("still being written")
    pixels = _decoded(data, "cannot be decoded")
    suffix = kind_of(data[:HEAD_BYTES]) or source.suffix.lower()
    if hook is not None:
        data, pixels = _passed(source, suffix, hook, pixels)
    target = paths.kept_image(sha256, suffix)
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole(target) as partial:
        partial.write_bytes(data)
    return KeptImage(target, pixels.shape[1], pixels.shape[0], image_figures(pixels).to_json())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotKept(f"cannot be read ({error.strerror})") from None


def _decoded(data: bytes, why: str) -> Pixels:
    pixels = decode(np.frombuffer(data, np.uint8))
    if pixels is None:
        raise NotKept(why)
    return pixels


def _passed(source: Path, suffix: str, hook: PrivacyHook, before: Pixels) -> tuple[bytes, Pixels]:
    """Return what the hook wrote for an image, and its pixels."""
    with tempfile.TemporaryDirectory(prefix="automl-privacy-") as folder:
        target = Path(folder) / f"{source.stem}{suffix}"
        try:
            hook(source, target)
            data = target.read_bytes()
        except Exception as error:  # whatever the user's code raises; nothing of the image is kept then
            reason = " ".join(str(error).split())[:120]
            raise NotKept(f"stream.privacy failed ({type(error).__name__}: {reason})") from error
    pixels = _decoded(data, "stream.privacy wrote no image that can be decoded")
    if pixels.shape != before.shape:
        raise NotKept("stream.privacy changed the size, in which logged boxes lie")
    return data, pixels
