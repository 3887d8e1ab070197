"""The label file of a picture in a YOLO data set, and the boxes in it: lines of boxes, polygons and turned boxes."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from objectives.data.files.folder import is_file
from objectives.data.files.split_names import split_of_path
from objectives.data.files.text import number, read_text
from objectives.data.formats.contract import Gathered, Reading, around
from objectives.data.formats.yolo_card import NAME_FILES
from spaces.errors import DataError

_PICTURE_FOLDERS = frozenset({"images", "image", "imgs", "img", "jpegimages"})
_LABEL_FOLDERS = ("labels", "Labels", "LABELS", "label", "Label")
Line = tuple[int, tuple[float, float, float, float]]  # class index; left, top, width, height as shares


class LabelFiles:
    """Finds and reads the label files of pictures."""

    def __init__(self, reading: Reading, names: Mapping[int, str], keypoint_numbers: int, gathered: Gathered) -> None:
        """Prepare.

        Args:
            reading: what is read.
            names: class names by the index in the lines.
            keypoint_numbers: how many numbers follow a box in a pose data set.
            gathered: takes what is found.
        """
        self.reading, self.gathered, self.keypoint_numbers = reading, gathered, keypoint_numbers
        self.index = {key: i for i, key in enumerate(names)}

    def of(self, picture: Path) -> Path | None:
        """Return the label file of a picture: in `labels` for `images`, beside it, or in a labels folder near it.

        One that lies in any other folder of the same split is taken too, and said.
        """
        if found := self._expected(picture):
            return found
        split = split_of_path(picture, self.reading.base)
        apart = [p for p in self._by_stem.get(picture.stem, ()) if split_of_path(p, self.reading.base) == split]
        if len(apart) != 1 or not is_file(picture):
            return None
        self.gathered.findings.add("labels.apart", f"{self.gathered.place(picture)}: {self.gathered.place(apart[0])}")
        return apart[0]

    def _expected(self, picture: Path) -> Path | None:
        return next((path for path in self._places(picture) if is_file(path)), None)

    def _places(self, picture: Path) -> list[Path]:
        name, parts = f"{picture.stem}.txt", picture.parts
        images = [i for i in range(len(parts) - 2, 0, -1) if parts[i].lower() in _PICTURE_FOLDERS]
        images.sort(key=lambda i: parts[i] != "images")  # as the trainer does, first
        found = [Path(*parts[:i], word, *parts[i + 1 : -1], name) for i in images for word in _LABEL_FOLDERS]
        found.append(picture.parent / name)
        for word in _LABEL_FOLDERS:
            found += [picture.parent / word / name, picture.parent.parent / word / name]
            found.append(picture.parent.parent / word / picture.parent.name / name)
        return found

    def record_missing(self, picture: Path, split: str | None) -> None:
        """Record that a picture has no label file, or that it lies in the folder of another split."""
        place = self.gathered.place
        for path in self._by_stem.get(picture.stem, ()):
            found = split_of_path(path, self.reading.base)
            if found != split:
                self.gathered.findings.add("labels.elsewhere", f"{place(picture)}: {place(path)}")
                return
        self.gathered.findings.add("labels.missing", place(picture))

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        """Label files that belong to no picture beside them, by the name without suffix."""
        found: dict[str, list[Path]] = {}
        own = {self._expected(picture) for picture in self.reading.folder.pictures}
        for path in self.reading.folder.files:
            if path.suffix == ".txt" and path not in own and path.name not in NAME_FILES:
                found.setdefault(path.stem, []).append(path)
        return found

    def lines(self, source: Path) -> list[str] | None:
        """Return the lines of a label file that are not blank; None, and a finding, if it cannot be read."""
        try:
            return [line for line in read_text(source).splitlines() if line.strip()]
        except DataError as error:
            self.gathered.unreadable(source, error)
            return None

    def boxes(self, source: Path) -> list[Line] | None:
        """Return the boxes of a label file; None if it cannot be read."""
        lines = self.lines(source)
        if lines is None:
            return None
        found = [self._box(line, source) for line in lines]
        return [box for box in found if box is not None]

    def _box(self, line: str, source: Path) -> Line | None:
        findings, place = self.gathered.findings, self.gathered.place
        try:
            label, *numbers = (number(text) for text in line.split())
            is_box = len(numbers) in (4, 4 + self.keypoint_numbers)
            if is_box:
                cx, cy, w, h = numbers[:4]
            else:
                left, top, w, h = around(list(zip(numbers[::2], numbers[1::2], strict=True)))
                cx, cy = (left + left + w) / 2, (top + top + h) / 2
        except ValueError:
            findings.add("labels.not_a_box", place(source, repr(line[:60])))
            return None
        if label not in self.index:  # 3.0 is 3 to a mapping
            findings.add("labels.unknown_class", place(source, f"class {label:g}"))
            return None
        if not is_box:
            findings.add("labels.polygon", place(source))
        return self.index[int(label)], (cx - w / 2, cy - h / 2, w, h)
