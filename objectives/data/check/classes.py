"""Classes that no box uses, that are missing in a split, that are rare, or whose names are nearly one name."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from objectives.data.check.spots import Spot
from objectives.data.check.subject import Subject

FEW_BOXES = 10  # in the training split
RARE_SHARE = 0.1  # of the boxes of the class whose name is nearly the same: below, it is likely a slip
NEAR_FROM = 5  # letters: shorter names that differ by one are other words (car and cat)


def check_classes(subject: Subject) -> Iterator[Spot]:
    """Yield classes with too little to learn or to score, and names that may be one class."""
    total = sum(subject.counts.values(), np.zeros(len(subject.classes), dtype=np.int64))
    for index in np.flatnonzero(total == 0).tolist():
        yield Spot("classes.unused", subject.classes[index])
    for split, code in (
        ("train", "classes.not_in_train"),
        ("val", "classes.not_in_val"),
        ("test", "classes.not_in_test"),
    ):
        if split in subject.splits:
            for index in np.flatnonzero((subject.counts[split] == 0) & (total > 0)).tolist():
                yield Spot(code, f"{subject.classes[index]}: {_counted(subject, index)}")
    if "train" in subject.splits:
        train = subject.counts["train"]
        for index in np.flatnonzero((train > 0) & (train < FEW_BOXES)).tolist():
            yield Spot("classes.few", f"{subject.classes[index]}: {_counted(subject, index)}")
    yield from _near_equal(subject, total.tolist())


def _counted(subject: Subject, index: int) -> str:
    """Return the boxes of a class by split: "train 120, val 0"."""
    return ", ".join(f"{split} {subject.counts[split][index]}" for split in subject.splits)


def _near_equal(subject: Subject, total: list[int]) -> Iterator[Spot]:
    used = [index for index, count in enumerate(total) if count]
    for one, other in combinations(used, 2):
        first, second = subject.classes[one], subject.classes[other]
        if first.casefold() == second.casefold():
            continue  # classes.case
        same = folded(first) == folded(second)
        rare, frequent = sorted((total[one], total[other]))
        partial = any((counts[one] == 0) != (counts[other] == 0) for counts in subject.counts.values())
        slip = (rare < RARE_SHARE * frequent or partial) and is_slip(first, second)
        if same or slip:
            boxes = f"{_counted(subject, one)}; {_counted(subject, other)}"
            yield Spot("classes.near_equal", f"{first} and {second} ({boxes})")


def folded(name: str) -> str:
    """Return a name without case, accents, spaces, punctuation and an English plural: what is one name to people."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = re.sub(r"[\W_]+", "", "".join(char for char in plain if not unicodedata.combining(char)))
    return letters.removesuffix("s") if len(letters) > 3 and not letters.endswith("ss") else letters


def is_slip(first: str, second: str) -> bool:
    """Whether one letter was left out, put in, changed or swapped; other digits are no slip (`lane1`, `lane2`)."""
    short, long = sorted((folded(first), folded(second)), key=len)
    if len(long) < NEAR_FROM or len(long) - len(short) > 1 or short == long:
        return False
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :] and not long[start].isdigit()
    if short[start + 1 :] == long[start + 1 :]:
        return not (short[start].isdigit() or long[start].isdigit())
    swapped = short[:start] + short[start + 1 : start + 2] + short[start] + short[start + 2 :]
    return swapped == long
