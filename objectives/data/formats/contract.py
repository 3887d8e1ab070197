"""The contract of a format: it looks at a folder for readings, and reads one of them as raw entries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from objectives.data.files.folder import Folder, shown
from objectives.data.files.picture_names import PictureNames
from objectives.data.files.split_names import split_of_path
from objectives.data.findings import UNPRINTABLE, Findings
from objectives.data.raw import RawImage, RawSet
from spaces.errors import DataError

RawBox = tuple[str, float, float, float, float]  # class name, left, top, width, height


@dataclass(frozen=True, eq=False)
class Reading:
    """One way to read a folder.

    Attributes:
        folder: the folder that was looked at.
        base: the folder of the data set in it.
        files: annotation files with the split that each is for; None where the entries say, or nothing does.
        what: what was seen, for people ("12 VOC XML files in Annotations/").
        problem: why it cannot be read though it looks like this format, one line; None if it can be tried.
        set_aside: files of another task that lie beside.
        part: what sets it apart from other readings of this format and folder ("small"); empty if nothing must.
    """

    folder: Folder
    base: Path
    files: tuple[tuple[str | None, Path], ...]
    what: str
    problem: str | None = None
    set_aside: tuple[Path, ...] = ()
    part: str = ""


class Format(Protocol):
    """A format: a module with these two functions, or any object that has them."""

    def sniff(self, folder: Folder) -> Sequence[Reading]:
        """Return the readings of a folder; none where nothing looks like the format."""

    def read(self, reading: Reading) -> RawSet:
        """Read one of them: nothing clipped, dropped or guessed without a finding.

        Raises:
            DataError: the whole cannot be used; one line.
        """


@dataclass(frozen=True)
class Entry:
    """One picture as annotations have it, with class names; what a reader of your own yields.

    Attributes:
        path: where the picture lies, or should lie.
        boxes: class name, left, top, width, height each; pixels of a picture of `size_px`, or shares if `relative`.
        split: "train", "val" or "test"; None where nothing says.
        size_px: width and height by the annotations; None where they give none.
        relative: whether boxes are shares of the picture's sides.
        source: the annotation file.
    """

    path: Path
    boxes: Sequence[RawBox]
    split: str | None = None
    size_px: tuple[float, float] | None = None
    relative: bool = False
    source: Path | None = None


@dataclass
class Gathered:
    """Entries and findings of one reading, on their way to a raw set.

    Attributes:
        reading: what is read.
        entries: in the order of the files.
        findings: what could not be given as an entry.
        names: finds pictures.
    """

    reading: Reading
    entries: list[Entry] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        self.names = PictureNames(self.reading.folder)
        for path in self.reading.set_aside:
            self.findings.add("files.other_task", self.place(path))

    def place(self, path: Path, detail: object = "") -> str:
        """Return a file, and a detail of it, as an example of a finding."""
        return shown(path, self.reading.folder.root) + (f": {str(detail)[:80]}" if str(detail) else "")

    def unreadable(self, path: Path, error: DataError) -> None:
        """Record a file that cannot be read, with the reason."""
        self.findings.add("files.unreadable", self.place(path, str(error).removeprefix(f"data.root: '{path}' ")))

    def picture(self, name: str, near: Path, bases: Sequence[Path] = (), split: str | None = None) -> Path | None:
        """Return where the picture of a name lies, or should lie; None if several fit, which is a finding."""
        sought = self.names.find(name, near, bases, split)
        if sought.candidates > 1:
            self.findings.add("images.ambiguous", self.place(near, name))
            return None
        if sought.renamed:
            self.findings.add("images.renamed", f"{name[:80]}: {self.place(sought.path)}")
        return sought.path

    def split(self, path: Path) -> str | None:
        """Return the split that the folders of a file name."""
        return split_of_path(path, self.reading.base)

    def name(self, text: str, place: str) -> str | None:
        """Return a class name without the spaces around it; None, and a finding, if none is left that can be shown."""
        name = text.strip()
        if not name or UNPRINTABLE.search(name):
            self.findings.add("labels.unknown_class", f"{place}: {name}" if name else place)
            return None
        if name != text:
            self.findings.add("classes.spaces", name)
        return name

    def raw(self, format_: str, classes: Iterable[str] = ()) -> RawSet:
        """Return the raw set.

        Args:
            format_: its name.
            classes: known names in their order; others follow by name.
        """
        known = list(dict.fromkeys(classes))
        used = {box[0] for entry in self.entries for box in entry.boxes}
        order = (*known, *sorted(used - set(known)))
        index = {name: i for i, name in enumerate(order)}
        images = tuple(_raw_image(entry, index) for entry in self.entries)
        return RawSet(self.reading.base, format_, order, images, self.findings.made())


def _raw_image(entry: Entry, index: Mapping[str, int]) -> RawImage:
    boxes = np.array([box[1:] for box in entry.boxes], dtype=np.float64).reshape(-1, 4)
    classes = np.array([index[box[0]] for box in entry.boxes], dtype=np.int64)
    return RawImage(entry.path, entry.split, entry.size_px, boxes, classes, entry.relative, entry.source)


def around(points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Return left, top, width, height of the upright box around points.

    Raises:
        ValueError: there are fewer than three.
    """
    if len(points) < 3:
        raise ValueError(f"a polygon has three points or more, not {len(points)}")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
