"""Leaks between given splits: groups that lie on several sides, and how each comes to one."""

from collections import Counter
from collections.abc import Sequence

from objectives.data.findings import Finding, Findings
from objectives.data.splits.groups import Groups

KEPT_FIRST = ("test", "val", "train")  # of splits with equally many images of a group: scores stay comparable


def leaking(splits: Sequence[str], groups: Groups) -> list[list[int]]:
    """Return the groups that lie in several splits, as indices of their images.

    Args:
        splits: of each image.
        groups: which images belong together.
    """
    return [group.tolist() for group in groups.members() if len({splits[i] for i in group}) > 1]


def repaired(splits: Sequence[str], groups: Groups, names: Sequence[str]) -> tuple[list[str], tuple[Finding, ...]]:
    """Return the splits of images with each group on one side: where most of its images are.

    Args:
        splits: of each image.
        groups: which images belong together.
        names: of the images, for the finding.
    """
    found, moved = Findings(), list(splits)
    for group in leaking(splits, groups):
        counts = Counter(splits[i] for i in group)
        home = max(counts, key=lambda split: (counts[split], -_rank(split)))
        for i in group:
            if splits[i] != home:
                found.add("splits.moved", f"{names[i]}: {splits[i]} -> {home}")
                moved[i] = home
    return moved, found.made()


def _rank(split: str) -> int:
    return KEPT_FIRST.index(split) if split in KEPT_FIRST else len(KEPT_FIRST)
