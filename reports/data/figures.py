"""Figures of a data set by split: images, boxes, and boxes of each class."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One quantity by split.

    Attributes:
        label: what is counted.
        values: by split, in the order of the card.
        is_class: whether it is the boxes of a class.
    """

    label: str
    values: tuple[int, ...]
    is_class: bool = False

    @property
    def total(self) -> int:
        """All splits together."""
        return sum(self.values)


def split_rows(card: Mapping[str, Any]) -> list[Row]:
    """Return the figures of a data card, the commonest class first."""
    splits = list(card["splits"].values())
    rows = [
        Row(label, tuple(split.get(key, 0) for split in splits))
        for key, label in (("images", "images"), ("background", "without boxes"), ("boxes", "boxes"))
    ]
    return [*rows, *sorted(_classes(card), key=lambda row: -row.total)]


def _classes(card: Mapping[str, Any]) -> Iterator[Row]:
    for name in card["classes"]:
        yield Row(name, tuple(split["per_class"].get(name, 0) for split in card["splits"].values()), is_class=True)
