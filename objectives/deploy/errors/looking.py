"""Running a detector over files: those of a split, and those of a folder without labels."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from objectives.data.pictures.decode import read_image
from objectives.data.pictures.kinds import PICTURE_SUFFIXES
from objectives.deploy.detector import Detections, Detector
from objectives.deploy.errors.matching import above
from objectives.deploy.errors.next_images import Looked, features, uncertainty
from spaces.errors import DataError


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """What was found in a folder without labels.

    Attributes:
        folder: the folder.
        looked: its images, by path.
        unreadable: files that cannot be decoded.
        labelled: number of files that are in the data set already.
    """

    folder: Path
    looked: tuple[Looked, ...]
    unreadable: tuple[Path, ...]
    labelled: int


def look(detector: Detector, path: Path, confidence: float) -> tuple[Detections, Looked]:
    """Run a detector over a file; return all its detections, and the image as ranking needs it.

    Args:
        detector: opened for low scores, as for mAP.
        path: image file.
        confidence: as deployed.

    Raises:
        DataError: the file cannot be decoded.
    """
    image = read_image(path)
    found = detector(image)
    described = features(image, found, len(detector.meta.classes))
    size = image.shape[1], image.shape[0]
    return found, Looked(path, size, above(found, confidence), uncertainty(found.scores, confidence), described)


def images_to_label(folder: Path, labelled: Collection[Path]) -> tuple[list[Path], int]:
    """Return the image files in a folder and below it, sorted, and how many are labelled already and left out.

    Hidden files are left aside.

    Args:
        folder: the folder.
        labelled: image files of the data set, links resolved.

    Raises:
        DataError: there is no such folder, or no image to label in it.
    """
    if not folder.is_dir():
        raise DataError(f"unlabelled: '{folder}' is no folder; name a folder of images")
    inside = (path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file())
    found = sorted(p for p in inside if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    if not found:
        kinds = ", ".join(sorted(PICTURE_SUFFIXES))
        raise DataError(f"unlabelled: '{folder}' holds no image; looked for {kinds}, in the folder and below it")
    fresh = [path for path in found if path.resolve() not in labelled]
    if not fresh:
        raise DataError(
            f"unlabelled: all {len(found)} images of '{folder}' are in the data set already; name a folder of others"
        )
    return fresh, len(found) - len(fresh)


def look_unlabelled(
    detector: Detector, folder: Path, paths: Iterable[Path], labelled: int, confidence: float
) -> Unlabelled:
    """Look at images without labels; those that cannot be decoded are left out and kept by name.

    Args:
        detector: opened for low scores.
        folder: that holds the images.
        paths: the images.
        labelled: number of images that were left out before.
        confidence: as deployed.

    Raises:
        DataError: none of the images can be decoded.
    """
    looked, unreadable = [], []
    for path in paths:
        try:
            looked.append(look(detector, path, confidence)[1])
        except DataError:
            unreadable.append(path)
    if not looked:
        raise DataError(f"unlabelled: none of the {len(unreadable)} images of '{folder}' can be decoded; replace them")
    return Unlabelled(folder, tuple(looked), tuple(unreadable), labelled)
