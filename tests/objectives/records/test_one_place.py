"""What is stored is read and written in one place: no other module uses the keys of attributes."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
READERS = {"objectives/records/trial_record.py", "objectives/records/study_record.py"}
WRITERS = {"search/study/stored_trial.py"}
USED = re.compile(
    r"user_attr|objectives\.records import attributes|records\.attributes import (?!VERSION\b)|\"automl\.\w"
)
KEYS = "objectives/records/attributes.py"


def modules() -> Iterator[tuple[str, str]]:
    """Yield the path of each module of the product, from the root, and its text."""
    for package in ("spaces", "objectives", "reports", "search"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_keys_of_attributes_are_used_where_records_are_read_and_written() -> None:
    users = {path for path, text in modules() if USED.search(text)}
    assert users - {KEYS} == READERS | WRITERS
