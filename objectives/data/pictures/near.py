"""Near-identical pictures: clusters of perceptual hashes, found without comparing every two.

Two hashes of BANDS bytes that differ in RADIUS = BANDS - 2 bits at most agree in two whole bytes (pigeonhole;
M. Norouzi, A. Punjani and D. Fleet, Fast search in Hamming space with multi-index hashing, 2012). So hashes are sorted
once for each pair of bytes, and each is compared with the next ones of equal bytes: one or two of 100,000 random
hashes, and never more than WINDOW.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from objectives.data.pictures.hashes import FLAT

BANDS = 8  # bytes of a hash
# Bits. In four public sets, 1,787 photos, 4 pairs of other scenes are as near; photos of one series begin at 8.
RADIUS = BANDS - 2
# Next hashes of two equal bytes that one is compared with. Only where thousands of different hashes look almost alike
# are there more; there neighbours link the cluster, and each pair of bytes sorts it anew.
WINDOW = 512

Hashes = NDArray[np.uint64]
Labels = NDArray[np.int64]


def near_clusters(looks: Sequence[int | None]) -> list[list[int]]:
    """Return the clusters of two pictures and more that look the same, as indices in rising order.

    A cluster is linked: each of its pictures is near another one, the first and the last may differ more. Pictures that
    cannot be decoded, or that show nothing, are in no cluster; equal ones of these are found by their content.

    Args:
        looks: perceptual hashes, as of `Picture.looks`.
    """
    index = np.array([i for i, hash_ in enumerate(looks) if hash_ is not None and hash_ != FLAT], dtype=np.int64)
    found, place = np.unique(np.array([looks[i] for i in index], dtype=np.uint64), return_inverse=True)
    labels = np.arange(len(found), dtype=np.int64)
    for high, low in combinations(range(BANDS), 2):
        labels = _link(_brought_up(found, high, low), labels)
    order = np.argsort(labels[place], kind="stable")
    ends = np.flatnonzero(np.diff(labels[place][order], prepend=-1, append=-1))
    return sorted(index[order[a:b]].tolist() for a, b in pairwise(ends.tolist()) if b - a > 1)


def _brought_up(hashes: Hashes, high: int, low: int) -> Hashes:
    """Return hashes with two of their bytes moved to the top; distances stay."""
    rest = [band for band in range(BANDS) if band not in (high, low)]
    parts = hashes.astype("<u8").view(np.uint8).reshape(-1, BANDS)
    return np.ascontiguousarray(parts[:, [*rest, low, high]]).view("<u8").ravel()


def _link(hashes: Hashes, labels: Labels) -> Labels:
    """Return labels of which those of near hashes with equal top bytes are the same."""
    order = np.argsort(hashes)
    ordered, top = hashes[order], hashes[order] >> np.uint64(48)
    first = np.flatnonzero(top[:-1] == top[1:])
    for step in range(1, WINDOW + 1):
        if not len(first):
            break
        near = first[np.bitwise_count(ordered[first] ^ ordered[first + step]) <= RADIUS]
        one, other = labels[order[near]], labels[order[near + step]]
        if (one != other).any():
            labels = _merged(labels, one, other)
        first = first[first + step + 1 < len(top)]
        first = first[top[first] == top[first + step + 1]]
    return labels


def _merged(labels: Labels, one: Labels, other: Labels) -> Labels:
    """Return labels of which each of `one` is the same as that of `other`."""
    count = len(labels)
    links = coo_matrix((np.ones(len(one), np.int8), (one, other)), (count, count))
    return np.asarray(connected_components(links, directed=False)[1][labels], dtype=np.int64)
