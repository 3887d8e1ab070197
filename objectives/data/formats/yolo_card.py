"""A YOLO data.yaml or darknet .data file: names and splits, wherever its paths once led."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import yaml

from objectives.data.class_names import clean_name
from objectives.data.dataset import SPLIT_ALIASES, SPLITS
from objectives.data.files.folder import is_file, is_folder, shown
from objectives.data.files.split_names import split_of
from objectives.data.files.text import read_text
from objectives.data.files.yaml_names import add_gap, names_in_yaml, yaml_pairs
from objectives.data.findings import Findings
from objectives.data.formats.contract import Gathered
from spaces.errors import DataError

NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels", "names.txt", "labels.txt", "predefined_classes.txt")
CLASSES_MOST = 100_000  # that a count alone may stand for
_SPLIT_FOLDERS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class Card:
    """What a data.yaml says.

    Attributes:
        path: the file.
        pairs: its keys and values, as nodes.
    """

    path: Path
    pairs: tuple[tuple[str, yaml.Node], ...]

    @classmethod
    def read(cls, path: Path) -> "Card":
        """Read the file.

        Raises:
            DataError: it cannot be read.
        """
        text = read_text(path)
        if path.suffix == ".data":
            found = re.findall(r"^[ \t]*(\w+)[ \t]*=[ \t]*(.*?)[ \t]*$", text, re.MULTILINE)
            pairs = [
                ("nc" if key == "classes" else key, yaml.ScalarNode("tag:yaml.org,2002:str", v)) for key, v in found
            ]
            return cls(path, tuple(pairs))
        return cls(path, tuple(yaml_pairs(path, text)))

    @property
    def keys(self) -> set[str]:
        """Its keys."""
        return {key for key, _ in self.pairs}

    def texts(self, key: str) -> list[str]:
        """Return the text of a key, or the texts of its list."""
        node = dict(self.pairs).get(key)
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node] if node else []
        return [str(n.value) for n in nodes if isinstance(n, yaml.ScalarNode) and n.value and n.tag != _NULL]

    @property
    def roots(self) -> tuple[Path, ...]:
        """Folders that paths may be relative to: `path`, the file's own, the working folder, and two parents."""
        folder, path = self.path.parent, (*self.texts("path"), "")[0].replace("\\", "/")
        found = (folder / path, folder, Path.cwd() / path, Path.cwd(), folder.parent / path, folder.parent)
        return tuple(dict.fromkeys((*found, folder.parent.parent)))

    def splits(self) -> dict[str, list[str]]:
        """Return the paths of each split, in the order of the file.

        Raises:
            DataError: a split is there under two names.
        """
        found: dict[str, list[str]] = {}
        for key in dict(self.pairs):
            split = SPLIT_ALIASES.get(key, key)
            if split in SPLITS and (texts := self.texts(key)):
                if split in found:
                    raise DataError(f"data.root: '{self.path}' names the {split} split twice; keep one of the two keys")
                found[split] = texts
        return found

    @property
    def numbers_of_keypoints(self) -> int:
        """How many numbers follow the box in a line of a pose data set; 0 for others."""
        sizes = [int(text) for text in self.texts("kpt_shape") if re.fullmatch(r"[0-9]{1,4}", text)]
        return sizes[0] * sizes[1] if len(sizes) == 2 else 0

    def names(self, findings: Findings, highest: Callable[[], int]) -> dict[int, str]:
        """Return class names by index.

        Args:
            findings: takes what is found.
            highest: returns the highest index of the labels, which is asked where nothing gives names or their number.

        Raises:
            DataError: there are none, or they are unusable.
        """
        if "names" in self.keys:
            for text in self.texts("names")[:1] if isinstance(dict(self.pairs)["names"], yaml.ScalarNode) else []:
                for root in self.roots:
                    if is_file(root / text):
                        return names_in_file(root / text, findings)
            names = names_in_yaml(self.pairs, self.path, findings)
            add_gap(names, self.path, findings)
            return names
        if not self.keys:
            raise DataError(f"data.root: '{self.path}' is not a YOLO data.yaml: it lacks names; list the class names")
        count = (*self.texts("nc"), "")[0]
        given = int(count) - 1 if re.fullmatch(r"[0-9]{1,9}", count) else -1
        return self.names_beside(self.path.parent, findings, highest if given < 0 else lambda: given)

    @staticmethod
    def names_beside(folder: Path, findings: Findings, highest: Callable[[], int]) -> dict[int, str]:
        """Return the names that a text file lists beside the rest; else the indices up to `highest` as names.

        Raises:
            DataError: an index is too high to be one of a class.
        """
        for place in (folder, folder / "labels", folder / "train", folder / "train" / "labels"):
            for name in NAME_FILES:
                if is_file(place / name):
                    return names_in_file(place / name, findings)
        last = highest()
        if last >= CLASSES_MOST:
            raise DataError(f"data.root: '{folder}' has {last + 1} classes and no names; list them in a data.yaml")
        if last >= 0:
            findings.add("classes.unnamed", f"0 to {last}", last + 1)
        return {index: str(index) for index in range(last + 1)}


def names_in_file(path: Path, findings: Findings) -> dict[int, str]:
    """Return the names of a text file, one a line, by the number of the line.

    Raises:
        DataError: it cannot be read, or a line between others is empty.
    """
    lines = re.split(r"\r\n|\n|\r", read_text(path).rstrip())
    return {i: clean_name(line, f"class {i}", path, findings) for i, line in enumerate(lines)}


def split_source(card: Card, split: str, text: str, gathered: Gathered) -> Path | None:
    """Return the folder or list of a split; None, and a finding, for a test split that is not there.

    Raises:
        DataError: a training or validation split is not there.
    """
    folder = card.path.parent
    base = (*card.texts("path"), "")[0]
    # Roboflow writes `../train/images` for a folder beside data.yaml, hence the last one.
    tries = [folder / base / text, folder / text, folder / text.removeprefix("../")]
    for path in tries:
        if is_file(path) or is_folder(path):
            return path
    for path in _elsewhere(card, split, text):
        if is_file(path) or is_folder(path):
            gathered.findings.add("files.moved", f"{text} -> {shown(path, folder)}")
            return path
    if split == "test":
        gathered.findings.add("splits.missing", f"test: {text}")
        return None
    tried = ", ".join(dict.fromkeys(map(str, tries)))
    raise DataError(
        f"data.root: '{card.path}' names '{text}' for {split}, which does not exist (tried {tried}, and folders named "
        f"{' or '.join(_SPLIT_FOLDERS[split])} beside it); correct the path"
    )


def _elsewhere(card: Card, split: str, text: str) -> Iterator[Path]:
    """Yield where a split may lie when its path leads nowhere: likeliest first."""
    plain = text.replace("\\", "/")
    for root in card.roots:
        yield root / plain
    parts = PureWindowsPath(plain).parts if re.match(r"[A-Za-z]:", plain) else PurePosixPath(plain).parts
    parts = tuple(part for part in parts if part not in ("..", "."))
    folder = card.path.parent
    for length in range(len(parts) - 1, 0, -1):
        rest = parts[-length:]
        if any(split_of(part) for part in parts) and not any(split_of(part) for part in rest):
            break  # `images` alone would be the same for all splits
        yield folder.joinpath(*rest)
        yield folder.parent.joinpath(*rest)
    for place in (folder, folder.parent):
        for name in _SPLIT_FOLDERS[split]:
            yield from (place / name / "images", place / "images" / name, place / name)
