"""The reference network: its best median on a device is remembered."""

from pathlib import Path

import pytest

from objectives.latency.reference import Reference


def test_the_best_reference_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    reference = Reference("d3vice")
    assert reference.best_ms() == float("inf")
    for median, best in ((3.0, 3.0), (4.0, 3.0), (2.5, 2.5)):
        reference.remember(median)
        assert Reference("d3vice").best_ms() == best
    assert Reference("another").best_ms() == float("inf")
    assert [p.name for p in (tmp_path / "automl").iterdir()] == ["reference-3-d3vice.txt"]
    assert 0 < reference.time_ms() < 10_000
    (tmp_path / "automl" / "reference-3-d3vice.txt").write_text("damaged")
    assert reference.best_ms() == float("inf")
