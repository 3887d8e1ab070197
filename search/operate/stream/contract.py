"""What the steps of the stream come to, as plain records that the journal keeps."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class TakenIn:
    """What one look has found in the stream's folder.

    Attributes:
        new: images that are kept now.
        duplicates: files whose bytes were known, under another name.
        near_duplicates: images left out, since one that came before looks the same.
        unreadable: paths of files that are no image that can be decoded, at most ten of them.
        unreadable_count: of all.
        problems: lines about files that were left for a later look, and why.
    """

    new: int
    duplicates: int
    near_duplicates: int
    unreadable: tuple[str, ...]
    unreadable_count: int
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class LabelsBack:
    """What has come back of what was handed over, and labels that came unasked.

    Attributes:
        labelled: images that are labelled now and were not before.
        asked: images of the round's hand-over.
        back: how many of these are labelled by now.
        unknown: labelled images that the stream does not know, which are taken in with them.
        problems: lines about what could not be read.
    """

    labelled: int
    asked: int
    back: int
    unknown: int
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class DataVersion:
    """A version of the data set; its folder is never changed once it has its name.

    Attributes:
        number: of the round that made it.
        folder: relative to the pipeline's: train, val and test, of which val and test are those of the first version,
            byte by byte.
        recent: folder of the recent validation set, relative to the pipeline's, a data set whose split `val` is scored;
            empty where no image is in it.
        fingerprint: of the data set that the round searches, as studies know it.
        frozen: fingerprint of its val split alone, as `automl compare frozen=...` takes it.
        images: split -> images, `recent` among them.
        classes: class names.
        new_classes: those that the version before did not have.
        searched: `data.root` of the round's search, relative to the pipeline's folder: the same with the recent images
            in val; `folder` itself where there are none.
    """

    number: int
    folder: str
    recent: str
    fingerprint: str
    frozen: str
    images: dict[str, int]
    classes: tuple[str, ...]
    new_classes: tuple[str, ...]
    searched: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)
