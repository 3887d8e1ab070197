"""Latency: an interval that covers, an end that comes, figures that tell when they are not to be trusted."""

import itertools
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest

from objectives.deploy.device import Device
from objectives.deploy.export_onnx import export_onnx
from objectives.deploy.inference import ArtifactMeta
from objectives.latency.measure import (
    LatencyProtocol,
    Samples,
    combine,
    measure_latency,
    median_interval,
    sample,
    summarise,
)
from objectives.latency.reference import Reference, cache_folder
from objectives.machine.cores import on_cores
from objectives.machine.turns import Patience, Turn
from objectives.records.records import Latency
from spaces.candidate import Candidate
from spaces.errors import DeviceError
from spaces.network.description import describe
from spaces.network.detector import build_detector

PROTOCOL = LatencyProtocol()
RNG = np.random.default_rng(4)


@pytest.mark.parametrize("count", [30, 100, 301])
@pytest.mark.parametrize("law", ["exponential", "normal"])
def test_the_interval_covers_the_median(count: int, law: str) -> None:
    median = {"exponential": np.log(2), "normal": 0.0}[law]
    draws = np.sort(getattr(RNG, f"standard_{law}")((2000, count)), axis=1)
    intervals = np.array([median_interval(row) for row in draws])
    covered = ((intervals[:, 0] <= median) & (median <= intervals[:, 1])).mean()
    assert 0.93 <= covered <= 0.985


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_samples_give_their_whole_range(count: int) -> None:
    row = np.arange(float(count))
    low, high = median_interval(row)
    assert (low, high) == (0, count - 1) or count == 5
    assert 0 <= low <= high <= count - 1


def samples(total: Any, reference: float = 2.0, others: float = 0.0) -> Samples:
    total = np.asarray(total, dtype=np.float64)
    return Samples(total, 0.8 * total, np.full(len(total), reference), others)


STEADY = 10 + 0.001 * np.arange(200)


def test_a_steady_session_is_stable() -> None:
    figure = summarise(samples(STEADY), PROTOCOL, best_reference_ms=1.98, device="d")
    assert figure.stable
    assert figure.note == ""
    assert figure.p50_ms == pytest.approx(10.0995)
    assert figure.p95_ms == pytest.approx(np.quantile(STEADY, 0.95))
    assert figure.p50_low_ms < figure.p50_ms < figure.p50_high_ms < figure.p95_ms
    assert (figure.samples, figure.reference_ms, figure.device) == (200, 2.0, "d")
    assert figure.network_ms == pytest.approx(0.8 * figure.p50_ms)


@pytest.mark.parametrize(
    ("session", "best", "note"),
    [
        (samples(np.linspace(5, 15, 200)), 2.0, r"the median is known to \d+\.\d% only"),
        (samples(STEADY, reference=2.2), 2.0, "the reference network ran 10% slower than at its best"),
        (samples(STEADY, others=1.2), 2.0, "other processes used 1.2 cores"),
        (samples(np.linspace(5, 15, 200), 2.2, 1.2), 2.0, ".*only; the reference .*; other processes .*"),
    ],
)
def test_a_doubtful_session_says_why(session: Samples, best: float, note: str) -> None:
    figure = summarise(session, PROTOCOL, best, "d")
    assert not figure.stable
    assert re.fullmatch(note, figure.note)


def test_the_first_session_is_its_own_reference() -> None:
    assert summarise(samples(STEADY), PROTOCOL, float("inf"), "d").stable
    assert summarise(samples(STEADY, reference=1.5), PROTOCOL, 2.0, "d").stable  # a new best


# When sampling ends


def steady(i: int) -> tuple[float, float]:
    time.sleep(0.0005)
    return 10 + 0.001 * (i % 7), 8.0


def test_sampling_ends_when_the_median_is_known() -> None:
    protocol = LatencyProtocol(images_min=50, cap_s=20, warmup_s=0)
    began = time.perf_counter()
    found = sample(steady, lambda: 2.0, protocol)
    assert len(found.total) == 50
    assert time.perf_counter() - began < 10
    assert len(found.total) == len(found.network) == len(found.reference)


def test_sampling_ends_at_the_cap() -> None:
    numbers = itertools.cycle([1.0, 100.0, 3.0, 50.0])
    protocol = LatencyProtocol(images_min=20, cap_s=0.3, warmup_s=0)

    def wild(_: int) -> tuple[float, float]:
        time.sleep(0.0005)
        return next(numbers), 1.0

    began = time.perf_counter()
    found = sample(wild, lambda: 2.0, protocol)
    assert 0.3 <= time.perf_counter() - began < 5
    assert len(found.total) > 20
    assert not summarise(found, protocol, 2.0, "d").stable


def test_a_slow_network_is_still_timed_a_few_times() -> None:
    def slow(_: int) -> tuple[float, float]:
        time.sleep(0.02)
        return 20.0, 20.0

    assert len(sample(slow, lambda: 2.0, LatencyProtocol(cap_s=0.01, warmup_s=0)).total) >= 5


def test_images_are_taken_in_turn_after_the_warm_up() -> None:
    seen: list[int] = []

    def run(i: int) -> tuple[float, float]:
        seen.append(i)
        return 1.0, 1.0

    sample(run, lambda: 1.0, LatencyProtocol(images_min=10, warmup_s=0))
    assert seen[3:] == list(range(10))  # three to warm up


def test_own_work_is_not_that_of_others() -> None:
    def busy(_: int) -> tuple[float, float]:
        end = time.perf_counter() + 0.01
        while time.perf_counter() < end:
            pass
        return 10.0, 10.0

    began, used = time.perf_counter(), time.process_time()
    found = sample(busy, lambda: 2.0, LatencyProtocol(images_min=20, cap_s=2, warmup_s=0))
    share = (time.process_time() - used) / (time.perf_counter() - began)
    assert found.others_cores <= max(0.3, (os.cpu_count() or 1) - share + 0.3)


def test_the_quick_protocol_is_shorter() -> None:
    quick = LatencyProtocol(confidence=0.4, cap_s=9, warmup_s=0.1).quick()
    assert (quick.interval, quick.images_min, quick.cap_s, quick.processes) == (0.05, 30, 3, 1)
    assert (quick.confidence, quick.warmup_s) == (0.4, 0.1)


# The reference network


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


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "automl"


# A process of its own


@pytest.fixture(scope="module")
def artifact(make_candidate: Callable[..., Candidate], tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build_detector(describe(make_candidate(), ("can", "jar")), 0)
    meta = ArtifactMeta(64, "nms", ("can", "jar"))
    return export_onnx(model, meta, tmp_path_factory.mktemp("artifact") / "model.onnx")


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path in paths:
        cv2.imwrite(str(path), RNG.integers(0, 256, (90, 120, 3), dtype=np.uint8))
    return paths


@pytest.mark.seconds
def test_a_file_is_measured_in_a_process_of_its_own(
    artifact: Path, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    protocol = LatencyProtocol(
        processes=2, processes_max=2, images_min=20, cap_s=0.5, warmup_s=0.1, others_cores_max=99
    )
    figure = measure_latency(artifact, Device(), images, protocol)
    assert 0 < figure.network_ms < figure.p50_ms <= figure.p95_ms < 1000
    assert figure.p50_low_ms <= figure.p50_ms <= figure.p50_high_ms
    assert figure.samples >= 5
    assert figure.device == Device().fingerprint
    assert 30e6 < figure.peak_bytes < 400e6  # of the runtime, without torch
    assert float((tmp_path / "cache" / "automl" / f"reference-3-{figure.device}.txt").read_text()) > 0


@pytest.mark.parametrize("content", [b"", b"no onnx at all"])
def test_a_broken_file_is_told(images: list[Path], tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.onnx").write_bytes(content)
    with pytest.raises(DeviceError, match=r"device=cpu: measuring 'broken\.onnx' failed: .*cannot load"):
        measure_latency(tmp_path / "broken.onnx", Device(), images, PROTOCOL)


def test_a_hung_measurement_is_told(artifact: Path, images: list[Path]) -> None:
    with pytest.raises(DeviceError, match=r"measuring 'model\.onnx' took over 0\.05 s"):
        measure_latency(artifact, Device(), images, PROTOCOL, timeout_s=0.05)


# Several processes


def figure_of(p50_ms: float, note: str = "") -> Latency:
    return Latency(p50_ms, 1.1 * p50_ms, p50_ms, p50_ms, p50_ms, 60, 0.5, not note, note, "d3vice", 10)


def test_processes_that_agree_make_a_stable_figure() -> None:
    figure = combine([figure_of(2.0), figure_of(2.04), figure_of(2.02, "busy")], PROTOCOL)
    assert (figure.p50_ms, figure.stable, figure.samples) == (2.02, True, 180)
    figure = combine([figure_of(v) for v in (2.0, 2.5, 2.04, 1.7, 2.02)], PROTOCOL)
    assert (figure.p50_ms, figure.stable) == (2.02, True)  # three of five lie together


def test_processes_that_differ_or_were_disturbed_make_an_unstable_one() -> None:
    figure = combine([figure_of(v) for v in (2.0, 2.2, 2.4)], PROTOCOL)
    assert (figure.stable, figure.note) == (False, "3 processes differ by 20.0%")
    figure = combine([figure_of(2.0, "busy"), figure_of(2.0, "busy; late"), figure_of(2.0)], PROTOCOL)
    assert (figure.stable, figure.note) == (False, "busy; late")


@pytest.mark.seconds
@pytest.mark.usefixtures("all_cores")
def test_it_is_measured_on_all_cores_with_signs_of_life(artifact: Path, images: list[Path]) -> None:
    """The trial has only its share of the cores; the deployed detector has them all."""
    seen: list[list[int]] = []

    def look() -> None:
        seen.extend(child.cpu_affinity() for child in psutil.Process().children())

    protocol = LatencyProtocol(processes=1, processes_max=1, interval=0.0, cap_s=3.5, warmup_s=0.1)
    with on_cores([min(os.sched_getaffinity(0))]) as all_cores:
        measure_latency(artifact, Device(), images, protocol, patience=Patience(look), cores=all_cores)
    assert len(seen) >= 3
    assert seen[-1] == sorted(all_cores)


@pytest.mark.seconds
def test_a_killed_measurement_is_told(artifact: Path, images: list[Path]) -> None:
    def kill() -> None:
        for child in psutil.Process().children():
            child.kill()

    protocol = LatencyProtocol(processes=1, interval=0.0, cap_s=60)
    with pytest.raises(DeviceError, match="failed: its process was ended by SIGKILL"):
        measure_latency(artifact, Device(), images, protocol, patience=Patience(kill))


@pytest.mark.seconds
def test_a_measurement_goes_with_its_killed_parent(artifact: Path, images: list[Path]) -> None:
    program = f"""
    from pathlib import Path
    from objectives.deploy.device import Device
    from objectives.latency.measure import LatencyProtocol, measure_latency
    from objectives.machine.turns import Patience
    protocol = LatencyProtocol(processes=1, interval=0.0, cap_s=100)
    alive = lambda: print("measuring", flush=True)
    measure_latency(Path({str(artifact)!r}), Device(), [Path({str(images[0])!r})], protocol, patience=Patience(alive))
    """
    line = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(line, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        for _ in range(3):  # seconds: the measuring process has started by then
            assert parent.stdout.readline() == "measuring\n"
        (probe,) = psutil.Process(parent.pid).children()
        parent.kill()
        psutil.wait_procs([probe], timeout=5)
        assert not probe.is_running() or probe.status() == psutil.STATUS_ZOMBIE


@pytest.mark.seconds
def test_a_measurement_waits_for_the_device(artifact: Path, images: list[Path]) -> None:
    protocol = LatencyProtocol(processes=1, processes_max=1, images_min=10, cap_s=0.2, warmup_s=0.05)
    patience, turn = Patience(), Turn(["cpu"])
    with turn.working():
        measurer = threading.Thread(
            target=measure_latency, args=(artifact, Device(), images, protocol), kwargs={"patience": patience}
        )
        measurer.start()
        time.sleep(0.5)
        turn.breathe()  # comes back when the measurement is over
        assert patience.waited_s >= 0.3
        assert turn.patience.waited_s > 0.1
        measurer.join(timeout=60)
        assert not measurer.is_alive()
