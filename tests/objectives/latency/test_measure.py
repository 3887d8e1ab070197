"""Latency in processes of their own: what they measure, how they fail, that they have the device alone."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from defaults import CPU, PROTOCOL, protocol_of

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.export_onnx import export_onnx
from objectives.latency.measure import measure_latency
from objectives.machine.cores import on_cores
from objectives.machine.device_locks import Patience, SharedDevices
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
    assert float((tmp_path / "cache" / "automl" / f"reference-3-{figure.device}.txt").read_text()) > 0


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
def test_it_is_measured_on_all_cores_with_signs_of_life(artifact: Path, images: list[Path]) -> None:
    """The trial has only its share of the cores; the deployed detector has them all."""
    seen: list[list[int]] = []

    def look() -> None:
        seen.extend(child.cpu_affinity() for child in psutil.Process().children())

    protocol = protocol_of(processes=1, processes_max=1, interval=0.0, cap_s=3.5, warmup_s=0.1)
    with on_cores([min(os.sched_getaffinity(0))]) as all_cores:
        measure_latency(artifact, CPU, images, protocol, patience=Patience(look), cores=all_cores)
    assert len(seen) >= 3
    assert seen[-1] == sorted(all_cores)


@pytest.mark.seconds
def test_a_killed_measurement_is_told(artifact: Path, images: list[Path]) -> None:
    def kill() -> None:
        for child in psutil.Process().children():
            child.kill()

    protocol = protocol_of(processes=1, interval=0.0, cap_s=60)
    with pytest.raises(DeviceError, match="failed: its process was ended by SIGKILL"):
        measure_latency(artifact, CPU, images, protocol, patience=Patience(kill))


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
