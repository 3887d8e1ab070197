"""Who goes where: groups into splits, whole, so that each split has its share of images and of every class."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from objectives.data.findings import Finding, Findings
from objectives.data.splits.groups import Groups
from spaces.errors import DataError

TRAIN = "train"
SWEEPS = 4  # times that every group is placed anew: errors of rare classes fall from a fifth to some per cent
PIECE = 0.05  # of all images: at most so many are in a piece of a group that is too large for any split


class Labelled(Protocol):
    """An image with boxes, raw or mended."""

    @property
    def path(self) -> Path:
        """Image file."""

    @property
    def classes(self) -> NDArray[np.int64]:
        """(n,) class index of each box."""


def assign(
    images: Sequence[Labelled], groups: Groups, classes: Sequence[str], shares: Mapping[str, float], seed: int
) -> tuple[list[str], tuple[Finding, ...]]:
    """Return the split of each image: the same for images of one group, and for the same images and seed.

    The groups with the rarest classes are placed first, each where images and boxes by class lack most, as a share of
    what the split shall have (after K. Sechidis, G. Tsoumakas and I. Vlahavas, On the stratification of multi-label
    data, 2011, by squared errors). Then a class that a split lacks gets there with its smallest group, as long as
    train keeps one. A group that holds more than the share of train is cut, in the order of its files' names.

    Args:
        images: of the data set, in any order.
        groups: which of them belong together.
        classes: names by index.
        shares: of each split; "train" among them; 1 in all.
        seed: of the order of groups that are alike.

    Raises:
        DataError: shares that are none, or fewer groups than splits.
    """
    _check_shares(shares)
    found = Findings()
    members = _cut_to_size(images, groups, shares[TRAIN], found)
    if len(members) < len(shares):
        raise DataError(
            f"data.root: needs {len(shares)} groups of images or more for {', '.join(shares)}, got {len(members)}: "
            "copies and augmentations of a photo count as one"
        )
    counts = _counts(images, members, len(classes))
    names = list(shares)
    placed = _place(counts, np.array([shares[name] for name in names]), _order(images, members, counts, seed))
    _fill(placed, counts, len(names), names.index(TRAIN))
    _complete(placed, counts, len(names), names.index(TRAIN))
    _note_rare(placed, counts, names, classes, found)
    splits = np.empty(len(images), dtype=np.int64)
    for group, split in zip(members, placed, strict=True):
        splits[group] = split
    return [names[i] for i in splits], found.made()


def _check_shares(shares: Mapping[str, float]) -> None:
    if TRAIN not in shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        given = ", ".join(f"{name} {share:g}" for name, share in shares.items())
        raise DataError(f"data.split: shares must be over 0 and 1 in all, train among them; got {given}")


def _cut_to_size(images: Sequence[Labelled], groups: Groups, most: float, found: Findings) -> list[NDArray[np.int64]]:
    """Return the groups; one that holds more than a share `most` of all images is cut into pieces."""
    members = []
    for group in groups.members():
        if len(group) <= most * len(images) or len(group) == 1:
            members.append(group)
            continue
        ordered = sorted(group.tolist(), key=lambda i: natural(images[i].path.as_posix()))
        pieces = min(len(group), round(len(group) / max(1.0, PIECE * len(images))))
        members += [np.sort(piece) for piece in np.array_split(np.array(ordered), max(2, pieces))]
        first, last = images[ordered[0]].path.name, images[ordered[-1]].path.name
        found.add("splits.large_group", f"'{first}' to '{last}'", len(group))
    return members


def natural(text: str) -> tuple[object, ...]:
    """Return a key that sorts texts as people do: frame9 before frame10."""
    parts = re.split(r"(\d+)", text)
    return tuple((int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts)


def _counts(images: Sequence[Labelled], members: Sequence[NDArray[np.int64]], classes: int) -> NDArray[np.float64]:
    """Return (groups, 1 + classes): images, then boxes by class."""
    counts = np.zeros((len(members), 1 + classes))
    for row, group in zip(counts, members, strict=True):
        row[0] = len(group)
        for i in group:
            row[1:] += np.bincount(images[i].classes, minlength=classes)
    return counts


def _order(
    images: Sequence[Labelled], members: Sequence[NDArray[np.int64]], counts: NDArray[np.float64], seed: int
) -> NDArray[np.int64]:
    """Return the order of placing: the groups of the rarest classes first, the larger of these first, then by chance.

    Chance goes by names, not by the order of files: sorted, then shuffled by the seed.
    """
    by_name = sorted(range(len(members)), key=lambda i: min(images[j].path.as_posix() for j in members[i]))
    chance = np.empty(len(members))
    chance[by_name] = np.random.default_rng(seed).permutation(len(members))
    holders = (counts[:, 1:] > 0).sum(axis=0)
    rarest = np.where(counts[:, 1:] > 0, holders, len(members) + 1).min(axis=1, initial=len(members) + 1)
    return np.lexsort((chance, -counts[:, 0], rarest))


def _place(counts: NDArray[np.float64], shares: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the split of each group, by least growth of the squared relative errors; all are then placed anew."""
    wanted = np.maximum(shares[:, None] * counts.sum(axis=0), 1e-9)
    have = np.zeros_like(wanted)
    placed = np.full(len(counts), -1)
    for _ in range(1 + SWEEPS):
        before = placed.copy()
        for i in order:
            if placed[i] >= 0:
                have[placed[i]] -= counts[i]
            held = np.flatnonzero(counts[i])
            lack, group = (have - wanted)[:, held], counts[i, held]
            growth = (group * (2 * lack + group) / wanted[:, held] ** 2).sum(axis=1)
            placed[i] = int(np.argmin(growth))
            have[placed[i]] += counts[i]
        if (placed == before).all():
            break
    return placed


def _fill(placed: NDArray[np.int64], counts: NDArray[np.float64], splits: int, train: int) -> None:
    """Move groups, in place, so that no split is empty: the smallest of those whose split has another one."""
    for split in range(splits):
        if not (placed == split).any():
            spare = np.flatnonzero(np.bincount(placed, minlength=splits)[placed] > 1).tolist()
            placed[min(spare, key=lambda i: (not _train_keeps_all(i, placed, counts, train), counts[i, 0], i))] = split


def _complete(placed: NDArray[np.int64], counts: NDArray[np.float64], splits: int, train: int) -> None:
    """Move groups out of train, in place, so that each split has a box of each class of which train keeps one."""
    for split in range(splits):
        for column in range(1, counts.shape[1]):
            holders = np.flatnonzero(counts[:, column])
            if split == train or (placed[holders] == split).any():
                continue
            mine = [i for i in holders.tolist() if placed[i] == train]
            spare = [i for i in mine if _train_keeps_all(i, placed, counts, train)]
            if spare:
                placed[min(spare, key=lambda i: (counts[i, 0], i))] = split


def _train_keeps_all(group: int, placed: NDArray[np.int64], counts: NDArray[np.float64], train: int) -> bool:
    """Whether train has a box of each class of a group without that group."""
    others = placed == train
    others[group] = False
    return bool((counts[others].sum(axis=0) > 0)[counts[group] > 0].all())


def _note_rare(
    placed: NDArray[np.int64],
    counts: NDArray[np.float64],
    names: Sequence[str],
    classes: Sequence[str],
    found: Findings,
) -> None:
    """Name the classes that a split lacks."""
    for split, name in enumerate(names):
        lacks = (counts.sum(axis=0) > 0) & (counts[placed == split].sum(axis=0) == 0)
        rare = [f"'{classes[k]}'" for k in np.flatnonzero(lacks[1:]).tolist()]
        if rare:  # all are named, in one example a split
            found.add("splits.rare_class", f"{name} has no {', '.join(rare)}", len(rare))
