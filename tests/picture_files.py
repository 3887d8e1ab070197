"""Picture files of every kind that people have, sound and broken, drawn small."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = (60, 40)


def blobs(seed: int = 0, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Return a smooth picture of full contrast, (H, W, 3) RGB."""
    noise = np.random.default_rng(seed).normal(size=(size[1], size[0], 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), max(1.5, min(size) / 8))
    spread = (smooth - smooth.min()) / np.ptp(smooth)
    return np.asarray(spread * 255, dtype=np.uint8)


def turned(orientation: int = 6) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _pillow(kind: str, mode: str = "RGB", name: str = "", **options: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / (name or f"a{kind}")
        picture = Image.fromarray(blobs())
        picture = picture.quantize(16) if mode == "P" else picture.convert(mode)
        if options.get("save_all"):
            options["append_images"] = [picture.rotate(180)]
        if options.pop("turn", False):
            options["exif"] = turned()
        picture.save(path, **options)
        return path

    return write


def _opencv(kind: str, dtype: Any, grey: bool = False, shift: int = 0) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"a{kind}"
        pixels = blobs().astype(dtype)
        if dtype is np.uint16:
            pixels = (pixels * np.uint16(257)) >> shift
        options = [cv2.IMWRITE_AVIF_DEPTH, 10] if kind == ".avif" else []
        assert cv2.imwrite(str(path), pixels[..., 0] if grey else pixels, options)
        return path

    return write


def _changed(write: Callable[[Path], Path], change: Callable[[bytes], bytes], name: str = "") -> Callable[[Path], Path]:
    def again(folder: Path) -> Path:
        path = write(folder)
        data = path.read_bytes()
        path.unlink()
        path = folder / (name or path.name)
        path.write_bytes(change(data))
        return path

    return again


def _text(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)  # no more than its beginning: nothing here decodes it
jpg, png, tif = _pillow(".jpg"), _pillow(".png"), _pillow(".tif")

SOUND: dict[str, Callable[[Path], Path]] = {
    "jpg": jpg,
    "jpg grey": _pillow(".jpg", "L"),
    "jpg cmyk": _pillow(".jpg", "CMYK"),
    "jpg progressive": _pillow(".jpg", progressive=True),
    "jpg turned": _pillow(".jpg", turn=True),
    "jfif": _changed(jpg, lambda data: data, "a.jfif"),
    "jpg in capitals": _changed(jpg, lambda data: data, "A.JPG"),
    "jpg without suffix": _changed(jpg, lambda data: data, "a"),
    "jpg with a trailer": _changed(jpg, lambda data: data + b"SEFT of a telephone"),
    "mpo": _pillow(".mpo", save_all=True),
    "mpo named jpg": _pillow(".jpg", format="MPO", save_all=True),
    "png": png,
    "png named jpg": _pillow(".png", name="a.jpg", format="PNG"),
    "png transparent": _pillow(".png", "RGBA"),
    "png grey and alpha": _pillow(".png", "LA"),
    "png palette": _pillow(".png", "P"),
    "png one bit": _pillow(".png", "1"),
    "png 16 bit": _opencv(".png", np.uint16),
    "png 16 bit grey": _opencv(".png", np.uint16, grey=True),
    "png turned": _pillow(".png", turn=True),
    "png animated": _pillow(".png", save_all=True),
    "bmp": _pillow(".bmp"),
    "bmp palette": _pillow(".bmp", "P"),
    "webp": _pillow(".webp"),
    "webp transparent": _pillow(".webp", "RGBA"),
    "webp turned": _pillow(".webp", turn=True),
    "webp animated": _pillow(".webp", save_all=True),
    "avif": _pillow(".avif"),
    "avif transparent": _pillow(".avif", "RGBA"),
    "avif turned": _pillow(".avif", turn=True),
    "avif turned named jpg": _pillow(".avif", name="a.jpg", format="AVIF", turn=True),
    "avif animated": _pillow(".avif", save_all=True),
    "avif 10 bit": _opencv(".avif", np.uint16, shift=6),
    "jp2": _pillow(".jp2"),
    "jp2 grey": _pillow(".jp2", "L"),
    "jp2 16 bit": _opencv(".jp2", np.uint16),
    "jp2 codestream": _pillow(".j2k"),
    "tif": tif,
    "tif lzw": _pillow(".tif", compression="tiff_lzw"),
    "tif deflate": _pillow(".tif", compression="tiff_adobe_deflate"),
    "tif jpeg": _pillow(".tif", compression="jpeg"),
    "tif group4": _pillow(".tif", "1", compression="group4"),
    "tif grey": _pillow(".tif", "L"),
    "tif grey turned": _pillow(".tif", "L", turn=True),
    "tif turned": _pillow(".tif", turn=True),
    "tif turned named png": _pillow(".tif", name="a.png", format="TIFF", turn=True),
    "tif cmyk": _pillow(".tif", "CMYK"),
    "tif palette": _pillow(".tif", "P"),
    "tif transparent": _pillow(".tif", "RGBA"),
    "tif 16 bit": _opencv(".tif", np.uint16),
    "tif 16 bit named jpg": _changed(_opencv(".tif", np.uint16), lambda data: data, "a.jpg"),
    "tif 16 bit grey": _opencv(".tif", np.uint16, grey=True),
    "tif of two pages": _pillow(".tif", save_all=True),
    "tif of two grey pages": _pillow(".tif", "L", save_all=True),
}

# What is wrong with each: the code of the finding.
BROKEN: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "empty": ("images.empty_file", _text("a.jpg", b"")),
    "text": ("images.unreadable", _text("a.jpg", b"<html>404 Not Found</html>" * 9)),
    "heic": ("images.no_decoder", _text("a.heic", HEIC)),
    "heic named jpg": ("images.no_decoder", _text("a.jpg", HEIC)),
    "half a jpg": ("images.truncated", _changed(jpg, lambda data: data[: len(data) * 6 // 10])),
    "the head of a jpg": ("images.truncated", _changed(jpg, lambda data: data[:200])),
    "a jpg padded with zeros": ("images.truncated", _changed(jpg, lambda data: data[: len(data) // 2] + bytes(5000))),
    "half a png": ("images.truncated", _changed(png, lambda data: data[: len(data) * 6 // 10])),
    "a png with a wrong checksum": (
        "images.unreadable",
        _changed(png, lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:]),
    ),
    "half a webp": ("images.truncated", _changed(_pillow(".webp"), lambda data: data[: len(data) * 6 // 10])),
    "half a bmp": ("images.truncated", _changed(_pillow(".bmp"), lambda data: data[: len(data) * 6 // 10])),
    "half a tif": ("images.truncated", _changed(_opencv(".tif", np.uint8), lambda data: data[: len(data) * 6 // 10])),
    "tif zstd": ("images.unreadable", _pillow(".tif", compression="zstd")),
    "tif of floats": ("images.unreadable", _pillow(".tif", "F")),
    "tif of colour floats": ("images.unreadable", _opencv(".tif", np.float32)),
    "tif of 32 bit": ("images.unreadable", _pillow(".tif", "I")),
    "gif": ("images.format", _pillow(".gif")),
    "gif animated": ("images.format", _pillow(".gif", save_all=True)),
    "gif named jpg": ("images.format", _pillow(".gif", name="a.jpg", format="GIF")),
    "ppm": ("images.format", _pillow(".ppm")),
}


def mutated(data: bytes, chance: np.random.Generator, how: int) -> bytes:
    """Return a file with a fault: cut, other bytes, other bytes in its head, a piece gone or thrice."""
    if how % 4 == 0:
        return data[: int(chance.integers(1, len(data)))]
    first, last = sorted(chance.integers(0, len(data), 2).tolist())
    if how % 4 == 1:
        return data[:first] + (data[first:last] * 3 if how % 8 == 1 else b"") + data[last:]
    changed = bytearray(data)
    for at in chance.integers(0, min(200, len(data)) if how % 4 == 2 else len(data), chance.integers(1, 9)).tolist():
        changed[at] = int(chance.choice([0, 1, 127, 128, 255, int(chance.integers(0, 256))]))
    return bytes(changed)
