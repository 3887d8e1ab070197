"""Image files that are unusual: undecodable, turned, of another mode than the rest, animated, tiny, or flat."""

from collections import Counter
from collections.abc import Iterator

from objectives.data.check.spots import Mark, Spot
from objectives.data.check.subject import CheckedImage, Subject
from objectives.data.pictures.hashes import FLAT
from objectives.data.pictures.picture import Picture

SMALL_SIDE_PX = 32  # of the shorter side
STRETCHED_RATIO = 20.0  # of the longer side to the shorter
KIND_OF_MODE = {
    "RGBA": "alpha",
    "RGBa": "alpha",
    "LA": "alpha",
    "La": "alpha",
    "PA": "alpha",
    "L": "grey",
    "1": "grey",
    "I": "grey",
    "F": "grey",
    "CMYK": "CMYK",
}
CODE_OF_KIND = {"alpha": "images.alpha", "grey": "images.grey", "CMYK": "images.cmyk", "colour": "images.colour"}


def check_images(subject: Subject) -> Iterator[Spot]:
    """Yield images whose file is not like the others, or not fit to be learnt from."""
    pictures = [(entry, entry.picture) for entry in subject.entries if entry.picture is not None]
    usual = Counter(_colour(p.mode) for _, p in pictures if p.problem is None).most_common(1)
    for entry, picture in pictures:
        for code, words in _kinds(picture, usual[0][0] if usual else "colour"):
            yield _spot(subject, entry, code, words)
    for entry in subject.entries:
        if entry.size_px is not None:
            size = "{} x {} px".format(*entry.size_px)
            if min(entry.size_px) < SMALL_SIDE_PX:
                yield _spot(subject, entry, "images.small", size)
            if max(entry.size_px) > STRETCHED_RATIO * min(entry.size_px):
                yield _spot(subject, entry, "images.stretched", size)


def _kinds(picture: Picture, usual: str) -> Iterator[tuple[str, str]]:
    """Yield the codes of one file, and words on it."""
    if picture.problem is not None:
        if picture.problem != "images.missing":  # of pairs: see files.py
            yield picture.problem, ""
        return
    colour = _colour(picture.mode)
    if colour != usual:
        yield CODE_OF_KIND[colour], picture.mode
    if ";16" in picture.mode or picture.mode in ("I", "F"):
        yield "images.deep", picture.mode
    if picture.looks == FLAT:
        yield "images.flat", ""
    if picture.frames > 1:
        yield "images.animated", f"{picture.frames} frames"
    if picture.header is not None and picture.header.orientation > 1:
        yield "images.turned", f"EXIF orientation {picture.header.orientation}"


def _colour(mode: str) -> str:
    return KIND_OF_MODE.get(mode.partition(";")[0], "colour")


def _spot(subject: Subject, entry: CheckedImage, code: str, words: str) -> Spot:
    text = f"{subject.place(entry.path)}: {words}" if words else subject.place(entry.path)
    return Spot(code, text, 1, (Mark(entry.path, entry.split),))
