"""Files of several parts, to a board over a real SSH server: sent whole, once, and measured there by their runtimes."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from defaults import device_of, protocol_of
from small_board import make_board
from ssh_server import ALIAS, SshServer, needs_ssh, ssh_server

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.artifact_files import bytes_of, files_of
from objectives.deploy.export_onnx import export_onnx
from objectives.deploy.formats.contract import Source
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.latency.hosts.inputs import send_artifact
from objectives.latency.measure import measure_latencies
from objectives.machine.remote.faults import RemoteBoard
from objectives.machine.remote.line import BoardLine
from objectives.records.records import Latency
from spaces.candidate import Candidate
from spaces.network.description import describe
from spaces.network.detector import build_detector

pytestmark = [needs_ssh, pytest.mark.seconds]
QUICK = protocol_of(
    processes=1, processes_max=1, images_min=10, interval=9.0, cap_s=3.0, warmup_s=0.05, others_cores_max=99
)
# What pip brings with each runtime; beside it there is ONNX Runtime alone, for the reference network.
PACKAGES = {
    "ncnn": ("ncnn", "tqdm", "requests", "portalocker", "urllib3", "idna", "certifi", "charset-normalizer"),
    "openvino": ("openvino", "openvino-telemetry"),
}
SUFFIXES = {"ncnn": {".param", ".bin", ".json"}, "openvino": {".xml", ".bin"}}
several_parts = pytest.mark.parametrize("name", sorted(PACKAGES))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.fixture(scope="module")
def onnx(make_candidate: Callable[..., Candidate], tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build_detector(describe(make_candidate(), ("can", "jar")), 0)
    meta = ArtifactMeta(64, "nms", ("can", "jar"))
    return export_onnx(model, meta, tmp_path_factory.mktemp("artifact") / "model.onnx")


def converted(name: str, onnx: Path, folder: Path) -> Path:
    form = DEPLOY_FORMATS[name]
    if why := form.why_not():
        pytest.skip(why)
    return form.convert(Source(onnx), folder / f"model{form.suffix}")


@pytest.mark.slow
@several_parts
def test_files_of_several_parts_are_measured_by_the_board(
    name: str, server: SshServer, onnx: Path, tmp_path: Path
) -> None:
    artifact = converted(name, onnx, tmp_path)
    python = make_board(tmp_path / "bare", ("numpy", "onnxruntime", *PACKAGES[name])).python
    there = device_of(name=name, runtime=name, provider="CPU", host=ALIAS, python=str(python))
    image = tmp_path / "image.png"
    cv2.imwrite(str(image), np.random.default_rng(4).integers(0, 256, (90, 120, 3), dtype=np.uint8))
    (figure,) = measure_latencies([artifact], there, [image], QUICK)
    assert isinstance(figure, Latency), figure
    assert 0 < figure.network_ms < figure.p50_ms < 1000
    assert figure.file_bytes == bytes_of(artifact)
    (calm,) = (server.own / "calm").glob(f"*-{figure.device}.txt")
    assert "openvino" not in calm.name  # by ONNX Runtime
    assert figure.calm_ms == pytest.approx(float(calm.read_text()), abs=1e-5)


@several_parts
def test_parts_lie_beside_each_other_and_are_sent_once(
    name: str, server: SshServer, onnx: Path, tmp_path: Path
) -> None:
    artifact = converted(name, onnx, tmp_path)
    parts = files_of(artifact)
    assert {part.suffix for part in parts} == SUFFIXES[name]
    with BoardLine(RemoteBoard(ALIAS, sys.executable)) as line:
        first = server.own / send_artifact(line, artifact)
        there = [first.with_suffix(part.suffix) for part in parts]
        assert [path.read_bytes() for path in there] == [part.read_bytes() for part in parts]
        made = [path.stat().st_ino for path in there]
        assert server.own / send_artifact(line, artifact) == first
        assert [path.stat().st_ino for path in there] == made
        weights = artifact.with_suffix(".bin")
        weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")  # the same network with other weights
        second = server.own / send_artifact(line, artifact)
    assert second != first
    assert second.with_suffix(".bin").read_bytes() == weights.read_bytes() != first.with_suffix(".bin").read_bytes()


@pytest.mark.slow
@several_parts
def test_a_part_that_is_missing_is_one_line(name: str, server: SshServer, onnx: Path, tmp_path: Path) -> None:
    artifact = converted(name, onnx, tmp_path)
    artifact.with_suffix(".bin").unlink()
    there = device_of(name=name, runtime=name, provider="CPU", host=ALIAS, python=sys.executable)
    image = tmp_path / "image.png"
    cv2.imwrite(str(image), np.zeros((64, 64, 3), np.uint8))
    (found,) = measure_latencies([artifact], there, [image], QUICK)
    assert isinstance(found, Exception)
    assert f"measuring '{artifact.name}' failed: " in str(found)
    assert str(artifact.parent) in str(found)
    assert "\n" not in str(found)
