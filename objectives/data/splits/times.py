"""A split by time: trained on the past, scored on what came later, as a detector is used."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from objectives.data.splits.assign import natural
from objectives.data.splits.groups import Groups
from spaces.errors import DataError


def times_of(paths: Sequence[Path], root: Path, pattern: str) -> list[str]:
    """Return what a pattern finds in each path below a data set's folder: a time, or a number that rises with it.

    Args:
        paths: image files.
        root: folder of the data set.
        pattern: regular expression; its groups are joined, such as year, month and day wherever they stand.

    Raises:
        DataError: the pattern is no regular expression, or finds nothing in some path.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise DataError(f"data.time: '{pattern}' is no regular expression: {error}") from None
    times, without = [], []
    for path in paths:
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
        found = compiled.search(name)
        times.append("" if found is None else "-".join(part or "" for part in found.groups()) or found[0])
        if not times[-1]:
            without.append(name)
    if without:
        raise DataError(
            f"data.time: '{pattern}' finds no time in {len(without)} of {len(paths)} images, such as '{without[0]}'"
        )
    return times


def assign_by_time(times: Sequence[str], groups: Groups, shares: Mapping[str, float]) -> list[str]:
    """Return the split of each image: the oldest images first, in the order of the shares; groups stay whole.

    A group counts as of its latest image: nothing that is trained on is newer than all that is scored.

    Args:
        times: of the images; numbers in them are compared as numbers.
        groups: which images belong together.
        shares: of the splits, the oldest first; 1 in all.

    Raises:
        DataError: fewer groups than splits.
    """
    members = groups.members()
    if len(members) < len(shares):
        raise DataError(f"data.time: needs {len(shares)} groups of images or more, got {len(members)}")
    keys = [natural(time) for time in times]
    members.sort(key=lambda group: max(keys[i] for i in group))
    done = np.cumsum([len(group) for group in members])
    ends = [int(np.argmin(np.abs(done - share * len(times)))) + 1 for share in np.cumsum(list(shares.values()))]
    splits = [""] * len(times)
    first = 0
    for i, (name, end) in enumerate(zip(shares, ends, strict=True)):
        last = min(max(end, first + 1), len(members) - (len(shares) - 1 - i))  # each split has a group
        for group in members[first:last]:
            for image in group:
                splits[image] = name
        first = last
    return splits
