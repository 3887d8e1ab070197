"""The reference network: its calm time on a device is measured once, and kept."""

import time
from itertools import chain, count, repeat
from pathlib import Path

import pytest

from objectives.latency import reference as module
from objectives.latency.reference import CALM_RUNS, Reference, settle


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "SETTLE_S", 0.3)
    return tmp_path / "automl"


def kept(cache: Path, text: str | None = None) -> str:
    (path,) = cache.glob("reference-*-d3vice.txt")
    if text is not None:
        path.write_text(text)
    return path.read_text()


def test_the_calm_time_is_measured_once_and_kept(cache: Path) -> None:
    calm_ms = Reference("d3vice").calm_ms()
    assert calm_ms == pytest.approx(float(kept(cache)), abs=1e-5)
    kept(cache, "0.123")  # no later session shifts it, whether faster or slower
    assert Reference("d3vice").calm_ms() == 0.123
    kept(cache, "99")
    reference = Reference("d3vice")
    assert (reference.calm_ms(), reference.calm_ms()) == (99, 99)
    assert 0 < reference.time_ms() < 99
    assert float(kept(cache)) == 99


@pytest.mark.slow
@pytest.mark.parametrize("text", ["damaged", "", "-1", "inf", "nan", "0"])
def test_a_damaged_one_is_measured_again(cache: Path, text: str) -> None:
    Reference("d3vice").calm_ms()
    kept(cache, text)
    assert 0 < Reference("d3vice").calm_ms() < 10_000
    assert 0 < float(kept(cache)) < 10_000


def test_devices_do_not_share_one(cache: Path) -> None:
    Reference("d3vice").calm_ms()
    kept(cache, "99")
    assert Reference("another").calm_ms() != 99


def test_a_cache_that_cannot_be_written_is_no_obstacle(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert 0 < Reference("d3vice").calm_ms() < 10_000


def test_the_calm_time_is_that_of_the_calmest_moments() -> None:
    """A tenth of the runs is calm; one that is too fast to be true does not count."""
    times = chain([0.1], repeat(2.0, CALM_RUNS // 10), repeat(3.0))

    def run() -> float:
        time.sleep(0.01)  # more runs than the least take longer than the seconds
        return next(times)

    assert settle(run) == 2.0


def test_the_calm_time_takes_its_seconds() -> None:
    runs = count(1)

    def run() -> float:
        time.sleep(0.0005)
        return float(next(runs))

    began = time.perf_counter()
    assert settle(run) >= 1
    assert time.perf_counter() - began >= module.SETTLE_S
    assert next(runs) > CALM_RUNS
