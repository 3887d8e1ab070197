"""Groups of images that must stay on one side: copies, augmentations of one photo, scenes that the user names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from objectives.data.findings import Finding, Findings
from objectives.data.pictures.near import near_clusters
from objectives.data.pictures.picture import Picture
from spaces.errors import DataError

ROBOFLOW = re.compile(r"(?P<photo>.+)\.rf\.[0-9A-Za-z]{8,}$")
# Ends of names that tools give to augmentations: a_aug_3, a-augmented, a_flip, a_hflip, a_rot90, a_mirrored
AUGMENTED = re.compile(
    r"(?P<photo>.+?)([_\-. ](aug(mented|mentation)?|[hv]?flip(ped)?|mirror(ed)?|rot(ated?)?)[_\-]?\d*)+$",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Groups:
    """Which images belong together.

    Attributes:
        of: (n,) number of each image's group, 0 to the count of groups - 1.
        findings: images that the user's pattern did not match.
    """

    of: NDArray[np.int64]
    findings: tuple[Finding, ...] = ()

    def members(self) -> list[NDArray[np.int64]]:
        """Return the indices of each group's images, in rising order."""
        order = np.argsort(self.of, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.of[order])) + 1) if len(order) else []


def photo_of(path: Path) -> tuple[str, bool]:
    """Return the photo that an image shows, by its name, and whether the name says that it is an augmentation.

    Roboflow names augmentations `PHOTO.rf.HASH.jpg`, wherever they lie; others end in `_aug_3` and the like.
    """
    for pattern in (ROBOFLOW, AUGMENTED):
        if found := pattern.match(path.stem):
            return found["photo"], True
    return path.stem, False


def group_images(
    paths: Sequence[Path], pictures: Mapping[Path, Picture], root: Path, pattern: str | None = None
) -> Groups:
    """Return the groups of images: the same photo by name, equal bytes, near-equal looks, the user's scene.

    Args:
        paths: image files.
        pictures: what is known of them; a file that is not among them is grouped by its name alone.
        root: folder of the data set: the pattern is searched in paths below it, written with `/`.
        pattern: regular expression; what its groups match (all that it matches, if it has none) names the scene, the
            camera or the day of an image. An image that it does not match has none.

    Raises:
        DataError: the pattern is no regular expression, or matches nothing.
    """
    links = [*_by_photo(paths), *_by_content(paths, pictures)]
    looks = [pictures[path].looks if path in pictures else None for path in paths]
    links += [(cluster[0], other) for cluster in near_clusters(looks) for other in cluster[1:]]
    findings = Findings()
    if pattern is not None:
        links += _by_pattern(paths, root, compiled_pattern(pattern), findings)
    return Groups(_numbered(len(paths), links), findings.made())


def _by_photo(paths: Sequence[Path]) -> Iterable[tuple[int, int]]:
    """Yield links between augmentations of a photo, and between them and a photo of that name."""
    photos = [photo_of(path) for path in paths]
    augmented = {photo for photo, is_augmentation in photos if is_augmentation}
    yield from _linked(photo if photo in augmented else None for photo, _ in photos)


def _by_content(paths: Sequence[Path], pictures: Mapping[Path, Picture]) -> Iterable[tuple[int, int]]:
    yield from _linked((pictures[path].content if path in pictures else "") or None for path in paths)


def _by_pattern(
    paths: Sequence[Path], root: Path, pattern: re.Pattern[str], findings: Findings
) -> Iterable[tuple[int, int]]:
    scenes = []
    for path in paths:
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
        found = pattern.search(name)
        scenes.append(None if found is None else found.groups() or found[0])
        if found is None:
            findings.add("splits.no_group", name)
    if paths and not any(scene is not None for scene in scenes):
        first = findings.made()[0].examples[0]
        raise DataError(f"data.group: '{pattern.pattern}' matches none of {len(paths)} images, such as '{first}'")
    return _linked(scenes)


def compiled_pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern of the user's that names scenes.

    Raises:
        DataError: it is no regular expression.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise DataError(f"data.group: '{pattern}' is no regular expression: {error}") from None


def _linked(keys: Iterable[object]) -> Iterable[tuple[int, int]]:
    """Yield a link from each index to the first of equal key; None is equal to nothing."""
    first: dict[object, int] = {}
    for i, key in enumerate(keys):
        if key is not None and first.setdefault(key, i) != i:
            yield first[key], i


def _numbered(count: int, links: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Return the number of each index's connected component, by order of appearance."""
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(links), np.int8), tuple(ends)), (count, count))
    components = connected_components(graph, directed=False)[1] if count else np.zeros(0, np.int64)
    _, first, inverse = np.unique(components, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse], dtype=np.int64)
