"""Which reading of a folder is meant: the one there is, or the one that holds the others; else the user says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.files.folder import Folder, is_file, shown
from objectives.data.findings import Finding, Findings
from objectives.data.formats.contract import Format, Reading
from objectives.data.frame import read_header
from objectives.data.mend import joined
from objectives.data.raw import RawImage, RawSet
from spaces.errors import DataError, nearest

DEPTH_READ = 2  # folders below the one that is named, in which a data set is found without being named
ALL = "all"
SAME_SHARE = 0.01  # of a side: boxes that differ less are the same box in another file
DIFFERING_SHARE = 0.05  # of the images: more that differ, and it is another data set


@dataclass(frozen=True, eq=False)
class Option:
    """A reading that can be chosen.

    Attributes:
        label: what `data.reading` calls it.
        format: name of its format.
        reading: the reading.
    """

    label: str
    format: str
    reading: Reading


def options_of(folder: Folder, formats: Mapping[str, Format]) -> list[Option]:
    """Return all readings of a folder, each with a name of its own."""
    found = [(name, reading) for name, format_ in formats.items() for reading in format_.sniff(folder)]
    places = [_place(name, reading) for name, reading in found]
    labels = [
        f"{place}{'/' if ':' in place else ':'}{reading.part}" if places.count(place) > 1 and reading.part else place
        for place, (_, reading) in zip(places, found, strict=True)
    ]
    return [Option(label, name, reading) for label, (name, reading) in zip(labels, found, strict=True)]


def _place(format_: str, reading: Reading) -> str:
    base, root = reading.base, reading.folder.root
    return format_ if base == root or not base.is_relative_to(root) else f"{format_}:{shown(base, root)}"


def choose(options: Sequence[Option], formats: Mapping[str, Format], root: Path, which: str | None) -> RawSet:
    """Read what is meant.

    Args:
        options: readings of the folder, one or more.
        formats: by name.
        root: the folder, for messages.
        which: label of an option, ALL, or None for the only one.

    Raises:
        DataError: several readings differ and none was chosen, or what was chosen is not there or cannot be read.
    """
    usable = [option for option in options if option.reading.problem is None]
    if which not in (None, ALL):
        named = [option for option in options if option.label == which]
        if not named:
            known = ", ".join(option.label for option in options)
            hint = nearest(str(which), [option.label for option in options])
            raise DataError(f"data.reading: '{root}' has no '{which}'{hint}; known: {known}, {ALL}")
        return joined([_read(option, formats) for option in named], root)
    if not usable:
        raise DataError(str(options[0].reading.problem))
    near, deep = _near(usable, root)
    findings = Findings()
    for option in deep:
        findings.add("files.deeper", option.reading.what)
    for option in options:
        if option.reading.problem:
            findings.add("files.unreadable", option.reading.problem.removeprefix("data.root: "))
    if which == ALL or len(near) == 1:
        chosen = joined([_read(option, formats) for option in near], root)
    else:
        chosen = _largest(near, formats, root, findings)
    return replace(chosen, findings=_with(chosen.findings, findings))


def _with(first: tuple[Finding, ...], more: Findings) -> tuple[Finding, ...]:
    together = Findings()
    together.extend(first)
    together.extend(more.made())
    return together.made()


def _read(option: Option, formats: Mapping[str, Format]) -> RawSet:
    if option.reading.problem:
        raise DataError(option.reading.problem)
    return formats[option.format].read(option.reading)


def _near(usable: Sequence[Option], root: Path) -> tuple[list[Option], list[Option]]:
    """Return the readings that lie near, and those further down.

    Raises:
        DataError: all lie further down.
    """
    depths = [option.reading.folder.depth(option.reading.base) for option in usable]
    near = [option for option, depth in zip(usable, depths, strict=True) if depth <= DEPTH_READ]
    deep = [option for option in usable if option not in near]
    if not near:
        first, down = deep[0].reading, depths[0]
        raise DataError(
            f"data.root: '{root}' holds no data set itself; seen: {first.what}, {down} folders down"
            f"{f', and {len(deep) - 1} more' if len(deep) > 1 else ''}; give data.root={first.base}"
        )
    return near, deep


# Several readings


def _largest(near: Sequence[Option], formats: Mapping[str, Format], root: Path, findings: Findings) -> RawSet:
    """Return the reading that holds all others.

    Raises:
        DataError: there is none.
    """
    order = list(formats)
    read = {option: _read(option, formats) for option in near}
    keyed = {option: _by_picture(raw) for option, raw in read.items()}
    ranked = sorted(near, key=lambda o: (-len(keyed[o]), not _has_splits(read[o]), order.index(o.format)))
    best, others = ranked[0], ranked[1:]
    codes = [_compared(read[best], keyed[best], read[other], keyed[other]) for other in others]
    if any(code is None for code in codes):
        listed = "; ".join(f"{o.label} ({o.reading.what}, {len(keyed[o])} images)" for o in near)
        raise DataError(
            f"data.root: '{root}' can be read in {len(near)} ways; choose one by data.reading=NAME, "
            f"or {ALL} to put them together: {listed}"
        )
    for other, code in zip(others, codes, strict=True):
        findings.add(str(code), f"{other.reading.what} beside {best.reading.what}")
    return read[best]


def _has_splits(raw: RawSet) -> bool:
    return len({image.split for image in raw.images} - {None}) > 1


Shares = tuple[list[str], NDArray[np.float64]]  # class names; (n, 4) boxes as shares of the sides


def _by_picture(raw: RawSet) -> dict[Path, list[RawImage]]:
    """Return the entries of each picture that is there."""
    found: dict[Path, list[RawImage]] = {}
    for image in raw.images:
        if image.path in found or is_file(image.path):
            found.setdefault(image.path, []).append(image)
    return found


def _compared(
    best: RawSet, large: Mapping[Path, list[RawImage]], raw: RawSet, small: Mapping[Path, list[RawImage]]
) -> str | None:
    """Return the code for a reading that is held by another; None if it is not."""
    if not small.keys() <= large.keys() or (_has_splits(raw) and not _has_splits(best)):
        return None
    differing = sum(not _same(_shares(best, large[path]), _shares(raw, small[path])) for path in small)
    if differing == 0:
        return "files.same"
    return "files.differ" if differing <= DIFFERING_SHARE * len(small) else None


def _shares(raw: RawSet, images: Sequence[RawImage]) -> Shares:
    names, rows = [], []
    for image in images:
        names += [raw.classes[i] for i in image.classes]
        rows.append(image.boxes if image.relative else image.boxes / np.tile(_size(image), 2))
    return names, np.vstack(rows)


def _size(image: RawImage) -> tuple[float, float]:
    if image.claimed_px:
        return image.claimed_px
    try:
        return read_header(image.path).shown_px
    except DataError:
        return 1.0, 1.0


def _same(one: Shares, other: Shares) -> bool:
    """Whether two pictures have the same boxes, in any order."""
    (names, boxes), (other_names, other_boxes) = one, other
    if sorted(names) != sorted(other_names):
        return False
    order, other_order = (np.lexsort((*b.T, np.array(n))) for n, b in ((names, boxes), (other_names, other_boxes)))
    if np.all(np.abs(boxes[order] - other_boxes[other_order]) <= SAME_SHARE):
        return True
    free = list(range(len(other_names)))
    for name, box in zip(names, boxes, strict=True):
        fit = [i for i in free if other_names[i] == name and np.abs(other_boxes[i] - box).max() <= SAME_SHARE]
        if not fit:
            return False
        free.remove(fit[0])
    return True
