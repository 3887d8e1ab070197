"""Latency in processes of their own: what they measure, how they fail, that they have the device alone."""

import os
import re
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from defaults import CPU, PROTOCOL, device_of, protocol_of

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.export_onnx import export_onnx
from objectives.latency.measure import measure_latencies, measure_latency
from objectives.latency.probe import is_relative
from objectives.machine.cores import on_cores
from objectives.machine.device_locks import Patience, SharedDevices
from objectives.records.records import Latency
from spaces.candidate import Candidate
from spaces.errors import DeviceError
from spaces.network.description import describe
from spaces.network.detector import build_detector

RNG = np.random.default_rng(4)


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
@pytest.mark.slow
def test_a_file_is_measured_in_a_process_of_its_own(
    artifact: Path, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    protocol = protocol_of(processes=2, processes_max=2, images_min=20, cap_s=0.5, warmup_s=0.1, others_cores_max=99)
    figure = measure_latency(artifact, CPU, images, protocol)
    assert 0 < figure.network_ms < figure.p50_ms <= figure.p95_ms < 1000
    assert figure.p50_low_ms <= figure.p50_ms <= figure.p50_high_ms
    assert figure.samples >= 5
    assert figure.device == CPU.fingerprint
    assert 30e6 < figure.peak_bytes < 400e6  # of the runtime, without torch
    (calm,) = (tmp_path / "cache" / "automl").glob(f"reference-*-{figure.device}.txt")
    assert figure.calm_ms == pytest.approx(float(calm.read_text()), abs=1e-5)
    assert 0 < figure.raw_p50_ms <= figure.raw_p95_ms
    assert 0.3 < figure.p50_ms / figure.raw_p50_ms * figure.reference_ms / figure.calm_ms < 1.5


def measuring() -> list[psutil.Process]:
    """Return this process's children that measure, or are just being started to: fork servers of other tests do not."""
    return [child for child in psutil.Process().children() if child.pid not in BEFORE]


BEFORE: set[int] = set()


@pytest.fixture(autouse=True)
def _others() -> None:
    BEFORE.clear()
    BEFORE.update(child.pid for child in psutil.Process().children())


@pytest.mark.seconds
def test_files_share_a_process_and_a_bad_one_spoils_none(artifact: Path, images: list[Path], tmp_path: Path) -> None:
    seen: set[int] = set()

    def look() -> None:
        seen.update(child.pid for child in measuring())

    (tmp_path / "bad.onnx").write_bytes(b"no onnx at all")
    files = [artifact, tmp_path / "bad.onnx", artifact, tmp_path / "missing.onnx"]
    protocol = protocol_of(images_min=20, interval=0.0, cap_s=1.5, warmup_s=0.1).quick()
    first, bad, second, missing = measure_latencies(files, CPU, images, protocol, patience=Patience(look))
    assert isinstance(first, Latency)
    assert isinstance(second, Latency)
    assert len(seen) == 1
    assert 0.7 < first.p50_ms / second.p50_ms < 1.4
    assert first.calm_ms == second.calm_ms > 0
    assert first.peak_bytes == 0  # of the process, not of a file
    for error, name in ((bad, "bad"), (missing, "missing")):
        assert isinstance(error, DeviceError)
        assert re.search(rf"device=cpu: measuring '{name}\.onnx' failed: .*(cannot load|is not a file)", str(error))
    assert measure_latencies([], CPU, images, protocol) == []


@pytest.mark.seconds
@pytest.mark.slow
def test_each_file_has_as_many_processes_as_it_needs(artifact: Path, images: list[Path]) -> None:
    protocol = protocol_of(processes=2, processes_max=3, images_min=10, cap_s=0.1, warmup_s=0.05)
    for agreement, most in ((9.0, 2), (-9.0, 3)):
        chosen = replace(protocol, agreement=agreement, interval=9.0)
        figures = measure_latencies([artifact, artifact], CPU, images, chosen)
        assert [figure.samples for figure in figures if isinstance(figure, Latency)] == [10 * most] * 2


@pytest.mark.slow
@pytest.mark.seconds
def test_a_process_that_dies_takes_no_other_file_with_it(artifact: Path, images: list[Path]) -> None:
    """The process that measures two files dies; they are measured anew, one each, and the second one dies again."""
    seen: list[int] = []

    def kill() -> None:
        for child in measuring():
            if child.pid not in seen:
                seen.append(child.pid)
            if seen.index(child.pid) in (0, 2):
                child.kill()

    protocol = protocol_of(interval=0.0, cap_s=3, warmup_s=2).quick()
    good, bad = measure_latencies([artifact, artifact], CPU, images, protocol, patience=Patience(kill))
    assert len(seen) == 3
    assert isinstance(good, Latency)
    assert isinstance(bad, DeviceError)
    assert str(bad) == "device=cpu: measuring 'model.onnx' failed: its process was ended by SIGKILL"


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.usefixtures("all_cores")
def test_what_others_take_of_the_core_is_not_counted(
    make_candidate: Callable[..., Candidate], images: list[Path], tmp_path: Path
) -> None:
    """An image takes longer than a time slice: it has to wait in between, the short reference never."""
    model = build_detector(describe(make_candidate(), ("can", "jar")), 0)
    artifact = export_onnx(model, ArtifactMeta(480, "nms", ("can", "jar")), tmp_path / "model.onnx")
    core = [min(os.sched_getaffinity(0))]
    protocol = protocol_of(cap_s=4.5, warmup_s=0.2).quick()
    calm = measure_latency(artifact, CPU, images, protocol, cores=core)
    busy = "import os, sys\nos.sched_setaffinity(0, [int(sys.argv[1])])\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", busy, str(core[0])]) for _ in range(2)]
    try:
        loaded = measure_latency(artifact, CPU, images, protocol, cores=core)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert loaded.raw_p50_ms > 1.5 * loaded.p50_ms  # it waited
    assert 0.7 < loaded.p50_ms / calm.p50_ms < 1.4


def test_what_is_a_ratio() -> None:
    assert is_relative(CPU)
    assert is_relative(device_of(runtime="openvino", provider="CPU"))
    assert not is_relative(device_of(threads=0))
    assert not is_relative(device_of(provider="CUDAExecutionProvider"))
    assert not is_relative(device_of(runtime="openvino", provider="GPU"))


@pytest.mark.slow
@pytest.mark.seconds
def test_several_threads_are_timed_as_the_time_passes(artifact: Path, images: list[Path]) -> None:
    protocol = protocol_of(images_min=20, cap_s=1, warmup_s=0.1).quick()
    figure = measure_latency(artifact, device_of(threads=0), images, protocol)
    raw = (figure.raw_p50_ms, figure.raw_p95_ms)
    assert (figure.p50_ms, figure.p95_ms) == pytest.approx(raw, rel=0.05)
    assert figure.calm_ms == 0


@pytest.mark.seconds
@pytest.mark.parametrize("content", [b"", b"no onnx at all"])
def test_a_broken_file_is_told(images: list[Path], tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.onnx").write_bytes(content)
    with pytest.raises(DeviceError, match=r"device=cpu: measuring 'broken\.onnx' failed: .*cannot load"):
        measure_latency(tmp_path / "broken.onnx", CPU, images, PROTOCOL)


def test_a_hung_measurement_is_told(artifact: Path, images: list[Path]) -> None:
    with pytest.raises(DeviceError, match=r"measuring 'model\.onnx' took over 0\.05 s"):
        measure_latency(artifact, CPU, images, PROTOCOL, timeout_s=0.05)


@pytest.mark.seconds
@pytest.mark.usefixtures("all_cores")
@pytest.mark.slow
def test_it_is_measured_on_all_cores_with_signs_of_life(artifact: Path, images: list[Path]) -> None:
    """The trial has only its share of the cores; the deployed detector has them all."""
    seen: list[list[int]] = []

    def look() -> None:
        seen.extend(child.cpu_affinity() for child in measuring())

    protocol = protocol_of(processes=1, processes_max=1, interval=0.0, cap_s=3.5, warmup_s=0.1)
    with on_cores([min(os.sched_getaffinity(0))]) as all_cores:
        measure_latency(artifact, CPU, images, protocol, patience=Patience(look), cores=all_cores)
    assert len(seen) >= 3
    assert seen[-1] == sorted(all_cores)


@pytest.mark.seconds
def test_a_killed_measurement_is_told(artifact: Path, images: list[Path]) -> None:
    def kill() -> None:
        for child in measuring():
            child.kill()

    protocol = protocol_of(processes=1, interval=0.0, cap_s=60)
    with pytest.raises(DeviceError, match="failed: its process was ended by SIGKILL"):
        measure_latency(artifact, CPU, images, protocol, patience=Patience(kill))


@pytest.mark.slow
@pytest.mark.seconds
def test_a_measurement_goes_with_its_killed_parent(artifact: Path, images: list[Path]) -> None:
    program = f"""
    from pathlib import Path
    from defaults import CPU, protocol_of
    from objectives.latency.measure import measure_latency
    from objectives.machine.device_locks import Patience
    protocol = protocol_of(processes=1, interval=0.0, cap_s=100)
    alive = lambda: print("measuring", flush=True)
    measure_latency(Path({str(artifact)!r}), CPU, [Path({str(images[0])!r})], protocol, patience=Patience(alive))
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
    protocol = protocol_of(processes=1, processes_max=1, images_min=10, cap_s=0.2, warmup_s=0.05)
    patience, devices = Patience(), SharedDevices(["cpu"])
    with devices.working():
        measurer = threading.Thread(
            target=measure_latency, args=(artifact, CPU, images, protocol), kwargs={"patience": patience}
        )
        measurer.start()
        time.sleep(0.5)
        devices.give_way()  # comes back when the measurement is over
        assert patience.waited_s >= 0.3
        assert devices.patience.waited_s > 0.1
        measurer.join(timeout=60)
        assert not measurer.is_alive()
