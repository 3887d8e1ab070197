"""Which device of a study is another machine's, and which is another contract."""

from dataclasses import replace
from typing import Any

import pytest
from defaults import CPU

from search.study.terms.elsewhere import is_elsewhere, words

HERE = CPU.describe()
BOARD = replace(CPU, name="pi5", host="pi5")


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({}, False),
        ({"processor": "Another CPU"}, True),
        ({"cores": 128, "system": "Linux aarch64"}, True),
        ({"processor": "Another CPU", "runtime_version": "0.1"}, False),  # scores differ, too
        ({"processor": "Another CPU", "threads": 2}, False),  # what was asked for is another thing
        ({"processor": "Another CPU", "options": {"mode": "fast"}}, False),
        ({"processor": "Another CPU", "name": "cpu_all"}, False),
    ],
)
def test_the_machine_alone_may_differ(kept: dict[str, Any], expected: bool) -> None:
    assert is_elsewhere(CPU, HERE, {**HERE, **kept}) is expected


def test_a_board_without_a_line_is_elsewhere_unless_it_scores() -> None:
    kept = {**HERE, "name": "pi5", "model": "Raspberry Pi 5"}
    assert is_elsewhere(BOARD, None, kept)
    assert not is_elsewhere(replace(BOARD, accuracy=True), None, kept)
    assert not is_elsewhere(replace(BOARD, threads=2), None, kept)
    assert not is_elsewhere(CPU, None, HERE)
    assert "this machine does not reach it" in words("pi5", kept, None)
    assert "Raspberry Pi 5" in words("pi5", kept, None)
    assert "(processor Another CPU -> " in words("cpu", {**HERE, "processor": "Another CPU"}, HERE)
