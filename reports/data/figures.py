"""Figures of a data set by split: images, boxes, and boxes of each class."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from objectives.data.dataset import SPLITS


@dataclass(frozen=True)
class Row:
    """One quantity by split.

    Attributes:
        label: what is counted.
        values: by split, in the order of `split_names`.
        is_class: whether it is the boxes of a class.
    """

    label: str
    values: tuple[int, ...]
    is_class: bool = False

    @property
    def total(self) -> int:
        """All splits together."""
        return sum(self.values)


def split_names(card: Mapping[str, Any]) -> list[str]:
    """Return the splits of a data card: train, val, test."""
    return sorted(card["splits"], key=SPLITS.index)


def split_rows(card: Mapping[str, Any]) -> list[Row]:
    """Return the figures of a data card, the commonest class first."""
    splits = [card["splits"][name] for name in split_names(card)]
    rows = [
        Row(label, tuple(split[key] for split in splits))
        for key, label in (("images", "images"), ("background", "without boxes"), ("boxes", "boxes"))
    ]
    classes = [
        Row(name, tuple(split["per_class"][name] for split in splits), is_class=True) for name in card["classes"]
    ]
    return [*rows, *sorted(classes, key=lambda row: -row.total)]
