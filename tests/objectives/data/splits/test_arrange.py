"""Splits as the settings want them: given ones kept, missing ones made, copies on one side, all anew."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from objectives.data.findings import Findings
from objectives.data.pictures.picture import Picture
from objectives.data.splits.arrange import arranged
from objectives.data.splits.splitting import SPLIT_WAYS, Splitting
from spaces.errors import DataError

ROOT = Path("/set")
CLASSES = ("can", "box")


@dataclass(frozen=True, eq=False)
class Image:
    path: Path
    classes: NDArray[np.int64]


def images(count: int, first: int = 0, place: str = "a") -> list[Image]:
    return [
        Image(ROOT / place / f"shot_{i:03d}.jpg", np.array([i % 7 == 0], dtype=np.int64))
        for i in range(first, first + count)
    ]


def pictures(*same: tuple[Path, ...]) -> dict[Path, Picture]:
    """Return pictures of equal bytes."""
    return {path: Picture(path, None, str(i), None) for i, group in enumerate(same) for path in group}


def run(
    splits: dict[str, list[Image]], how: Splitting, known: dict[Path, Picture] | None = None
) -> tuple[dict[str, list[str]], Counter[str]]:
    findings = Findings()
    made = arranged(splits, CLASSES, known or {}, ROOT, how, findings)
    assert sorted(i.path for found in made.values() for i in found) == sorted(
        i.path for found in splits.values() for i in found
    )
    counts = Counter({finding.code: finding.count for finding in findings.made()})
    return {split: [i.path.name for i in found] for split, found in made.items()}, counts


def test_given_splits_stay_whatever_leaks() -> None:
    train, val = images(8), images(4, 8)
    leak = pictures((train[0].path, val[0].path))
    made, found = run({"train": train, "val": val}, Splitting(), leak)
    assert made == {"train": [i.path.name for i in train], "val": [i.path.name for i in val]}
    assert not found


def test_repair_moves_copies_to_one_side() -> None:
    train, val = images(8), images(4, 8)
    leak = pictures((train[0].path, val[0].path), (train[1].path, train[2].path, val[1].path))
    made, found = run({"train": train, "val": val}, Splitting("repair"), leak)
    assert train[0].path.name in made["val"]  # of equally many, what is scored stays
    assert val[1].path.name in made["train"]
    assert found["splits.moved"] == 2


def test_a_missing_validation_split_is_a_fifth_and_the_same_as_ever() -> None:
    """What older studies were begun with, as long as it is sound: their fingerprints hang on it."""
    shots = images(40)
    made, found = run({"train": shots}, Splitting())
    ranked = sorted((i.path.stem for i in shots), key=lambda stem: hashlib.sha256(stem.encode()).digest())
    assert {f"{stem}.jpg" for stem in ranked[:8]} == set(made["val"])
    assert found == {"splits.validation": 8}


def test_copies_never_lie_on_both_sides_of_a_made_split() -> None:
    shots = images(40)
    pairs = [(shots[i].path, shots[i + 1].path) for i in range(0, 40, 2)]
    made, _ = run({"train": shots}, Splitting(), pictures(*pairs))
    sides = {name: split for split, names in made.items() for name in names}
    assert set(sides.values()) == {"train", "val"}
    assert all(sides[a.name] == sides[b.name] for a, b in pairs)


def test_a_class_that_could_be_scored_is() -> None:
    shots = [Image(i.path, np.array([int(k in (1, 2))])) for k, i in enumerate(images(40))]
    made, _ = run({"train": shots}, Splitting())
    rare = {shots[1].path.name, shots[2].path.name}
    assert rare & set(made["val"])
    assert rare & set(made["train"])


def test_all_anew_by_scenes() -> None:
    shots = [image for camera in range(12) for image in images(5, place=f"cam{camera:02d}")]
    made, _ = run({"train": shots[:50], "val": shots[50:]}, Splitting("group", group=r"cam\d+"))
    assert set(made) == {"train", "val", "test"}
    findings = Findings()
    again = arranged({"train": shots}, CLASSES, {}, ROOT, Splitting("group", group=r"cam\d+"), findings)
    sides: dict[str, set[str]] = {}
    for split, found in again.items():
        for image in found:
            sides.setdefault(image.path.parent.name, set()).add(split)
    assert all(len(found) == 1 for found in sides.values())


def test_by_time_nothing_that_is_trained_on_is_newer_than_what_is_scored() -> None:
    made, _ = run({"train": images(40)}, Splitting("time", time=r"shot_(\d+)"))
    assert max(made["train"]) < min(made["val"]) <= max(made["val"]) < min(made["test"])
    assert len(made["train"]) == 28


def test_each_image_is_scored_in_one_fold_and_tests_stay_apart() -> None:
    splits = {"train": images(20), "val": images(5, 20), "test": images(5, 25)}
    scored: Counter[str] = Counter()
    for number in range(1, 6):
        made, _ = run(splits, Splitting("fold", fold=f"{number}/5"))
        assert made["test"] == [i.path.name for i in splits["test"]]
        scored.update(made["val"])
    assert scored == {i.path.name: 1 for i in (*splits["train"], *splits["val"])}
    assert (
        run(splits, Splitting("fold", fold="6/5x2"))[0]["val"] != run(splits, Splitting("fold", fold="1/5"))[0]["val"]
    )


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"way": "repare"}, "nearest: repair"),
        ({"way": "time"}, "'time' and data.time go together"),
        ({"fold": "1/5"}, "'fold' and data.fold go together"),
        *(({"way": "fold", "fold": fold}, "must be like 2/5") for fold in ("5", "0/5", "6/5", "1/1", "x")),
    ],
)
def test_what_makes_no_split_is_refused(values: dict[str, str], told: str) -> None:
    with pytest.raises(DataError, match=told):
        Splitting(**values)
    assert set(SPLIT_WAYS) == {"given", "repair", "group", "time", "fold"}
