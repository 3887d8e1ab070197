"""Mutated annotation files: a finding or one line each time, never a traceback, and nothing is written."""

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_formats import SAMPLE, WRITERS

from objectives.data.readers import FORMATS, read_dataset
from spaces.errors import DataError

MUTANTS, FAST = 500, 60  # of each format
SUFFIXES = (".json", ".xml", ".csv", ".txt", ".yaml")
VALUES: list[Any] = [None, True, [], {}, [1], {"a": 1}, "", "x", "nan", float("nan"), float("inf"), -1, 0, 1.5, 10**9]
VALUES += [10**30, -(10**9), 1e308, "../../../../../etc/passwd", "/dev/zero", "a\0b", "x" * 5000, "ä\udc80", "7", [[]]]
TEXTS = ["nan", "inf", "-1", "1e999", "1000000000", "9" * 400, "", " ", "\0", "\n", "../../../../etc/passwd", "{}"]
TEXTS += [
    "<a>",
    "</annotation>",
    "&a;",
    "<!DOCTYPE x>",
    "!!python/object/apply:os.getcwd []",
    "*a",
    "&a",
    "%",
    ",,,",
    '"',
]
TEXTS += ['"', "1_0", "٣", "0x10", "-", "'", "[", "\ufeff", "\x85", "\u2028", "x" * 3000]


def mutate_text(rng: random.Random, data: bytes) -> bytes:
    """Cut, flip, repeat, or put something odd in the place of a word."""
    at, length = rng.randrange(len(data)), rng.randrange(1, 40)
    words = list(re.finditer(rb"[\w.+-]+", data)) or list(re.finditer(rb".?", data))
    match rng.randrange(6):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + bytes(rng.randrange(256) for _ in range(length)) + data[at + length :]
        case 2:
            return data[:at] + data[at + length :]
        case 3:
            return data[:at] + data[at : at + length] * rng.randrange(2, 50) + data[at + length :]
        case _:
            word = rng.choice(words)
            return data[: word.start()] + rng.choice(TEXTS).encode() + data[word.end() :]


def mutate_json(rng: random.Random, data: bytes) -> bytes:
    """Put a value of another type in the place of any, or take it away."""
    content = json.loads(data)
    places: list[tuple[Any, Any]] = []
    waiting = [content]
    while waiting:
        node = waiting.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                waiting.append(node[key])
    for node, key in rng.sample(places, min(len(places), rng.choice([1, 1, 1, 3]))):
        if rng.random() < 0.2 and isinstance(node, dict):
            node.pop(key, None)
        elif isinstance(node, dict) or key < len(node):
            node[key] = rng.choice(VALUES)
    return json.dumps(content, ensure_ascii=True).encode()


def mutant(rng: random.Random, root: Path) -> None:
    """Change one to three of the annotation files of a folder."""
    files = sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES)
    for path in rng.sample(files, min(len(files), rng.choice([1, 1, 2, 3]))):
        change: Callable[[random.Random, bytes], bytes] = mutate_text
        data = path.read_bytes() or b" "
        if path.suffix == ".json" and rng.random() < 0.7:
            change = mutate_json
        path.write_bytes(change(rng, data))


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.lstat().st_size, p.lstat().st_mtime_ns) for p in root.rglob("*")}


def survives(root: Path) -> str:
    """Read a mutant; return what came of it."""
    before = snapshot(root.parent)
    try:
        lines = list(read_dataset(root).notes)
        outcome = "findings" if lines else "read"
    except DataError as error:
        lines, outcome = [str(error)], "refused"
    for line in lines:
        assert len(line.splitlines()) == 1
        assert len(line.encode()) < 5000
    assert snapshot(root.parent) == before
    return outcome


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("first", "last"), [(0, FAST), pytest.param(FAST, MUTANTS, marks=pytest.mark.slow)], ids=["fast", "whole"]
)
def test_a_mutant_is_a_finding_or_one_line(tmp_path: Path, name: str, first: int, last: int) -> None:
    pristine = WRITERS[name](tmp_path / "pristine" / "set", SAMPLE)
    outcomes = []
    for seed in range(first, last):
        root = tmp_path / f"{seed}" / "set"
        shutil.copytree(pristine, root)
        mutant(random.Random(f"{name} {seed}"), root)
        try:
            outcomes.append(survives(root))
        except Exception as error:  # whatever it is, it is raised again with the seed
            error.add_note(f"{name}, seed {seed}")
            raise
        shutil.rmtree(root.parent)
    assert {"refused", "findings", "read"} >= set(outcomes)
    assert len(set(outcomes)) > 1
