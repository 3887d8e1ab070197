"""Images per second at the best batch: batches that are what single images are, and heads that have none."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from defaults import CPU, device_of, protocol_of
from window_detector import POOR, write_windows

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.batches import BATCH_MOST, for_a_board, made_there, with_batch
from objectives.deploy.device import Device
from objectives.deploy.export_onnx import export_onnx
from objectives.deploy.runtimes.open import open_artifact
from objectives.latency.measure import measure_latency
from objectives.latency.protocol import combine
from objectives.latency.throughput import SessionClock, Throughput, best_batch
from objectives.records.records import Latency
from spaces.candidate import Candidate
from spaces.errors import DeviceError
from spaces.network.description import describe
from spaces.network.detector import build_detector

AZURE = "AzureExecutionProvider"  # part of the usual wheels; it runs no node of a file's own
RNG = np.random.default_rng(4)
CLASSES = ("can", "jar")
FIGURE = Latency(2.0, 2.5, 1.9, 2.1, 1.5, 300, 1.2, True, "", "device", 10**8)


@pytest.fixture(scope="module")
def heads(make_candidate: Callable[..., Candidate], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, made = tmp_path_factory.mktemp("heads"), {}
    for head in ("nms", "end2end", "rtdetr"):
        model: Any = build_detector(describe(make_candidate({"head.kind": head}), CLASSES), 0)
        for branch in [*getattr(model.model[-1], "cv3", []), *getattr(model.model[-1], "one2one_cv3", [])]:
            torch.nn.init.normal_(branch[-1].weight, std=30, generator=torch.Generator().manual_seed(2))
        made[head] = export_onnx(model, ArtifactMeta(64, head, CLASSES), folder / f"{head}.onnx")
    return made


OPENVINO = device_of(name="openvino", runtime="openvino", provider="CPU", options={"INFERENCE_PRECISION_HINT": "f32"})


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("device", [CPU, OPENVINO], ids=lambda device: device.name)
@pytest.mark.parametrize("head", ["nms", "end2end"])
def test_an_image_has_the_outputs_in_a_batch_that_it_has_alone(
    heads: dict[str, Path], head: str, device: Device, tmp_path: Path
) -> None:
    blobs = RNG.random((3, 3, 64, 64), np.float32) * np.array([0, 0.5, 1], np.float32).reshape(3, 1, 1, 1)
    together = open_artifact(with_batch(heads[head], 3, tmp_path / "3.onnx"), device).run(blobs).copy()
    alone = open_artifact(heads[head], device)
    for output, blob in zip(together, blobs, strict=True):
        expected = alone.run(blob[None])[0]
        assert np.allclose(np.sort(output, axis=None), np.sort(expected, axis=None), 1e-3, 1e-3)
    assert not np.array_equal(together[0], together[1])


@pytest.mark.seconds
@pytest.mark.skipif(AZURE not in onnxruntime.get_available_providers(), reason="this ONNX Runtime has no such provider")
def test_a_provider_proves_itself_on_as_many_images_as_the_file_takes(heads: dict[str, Path], tmp_path: Path) -> None:
    """Were it run with one, no batch of more would ever be timed on CUDA, TensorRT or XNNPACK."""
    batch = with_batch(heads["nms"], 4, tmp_path / "4.onnx")
    with pytest.raises(DeviceError, match=r"ran none of the \d+ nodes of '4\.onnx'"):
        open_artifact(batch, device_of(name="cloud", provider=AZURE))


@pytest.mark.seconds
@pytest.mark.parametrize("head", ["nms", "end2end", "rtdetr"])
def test_a_board_makes_the_files_that_are_made_here(heads: dict[str, Path], head: str, tmp_path: Path) -> None:
    """Of one file and some bytes, without onnx."""
    content, differences = for_a_board(heads[head])
    (tmp_path / "base.onnx").write_bytes(content)
    for size in (2, 4, 8, 16, 32, 64):
        there = made_there(tmp_path / "base.onnx", differences[size], tmp_path / f"{size}.onnx").read_bytes()
        assert there == with_batch(heads[head], size, tmp_path / "here.onnx").read_bytes()
    assert len(json.dumps(differences)) < 20_000


def images() -> list[np.ndarray]:
    return [RNG.integers(0, 256, (90, 120, 3), dtype=np.uint8) for _ in range(3)]


class Clock:
    """Seconds that pass at will: of an image alone, and what each batch saves."""

    def __init__(self, gain: float) -> None:
        self.gain, self.now = gain, 0.0

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> SessionClock:
        from objectives.latency import throughput

        real = throughput._Batch.run

        def run(batch: "throughput._Batch") -> None:
            real(batch)
            self.now += 0.01 * batch.size / self.gain ** np.log2(batch.size)

        monkeypatch.setattr(throughput._Batch, "run", run)
        return SessionClock(lambda: self.now, lambda: 2.0, 1.0)


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize(
    ("gain", "expected"), [(1.0, Throughput(200.0, 1)), (1.5, Throughput(200 * 1.5**6, BATCH_MOST))]
)
def test_batches_grow_while_they_bring_more(
    heads: dict[str, Path], monkeypatch: pytest.MonkeyPatch, gain: float, expected: Throughput
) -> None:
    """By a made clock and a reference that runs at half its calm speed, figures are twice as good."""
    found = best_batch(heads["nms"], CPU, images(), lambda meta: 0.25, Clock(gain).watch(monkeypatch))
    assert found == Throughput(pytest.approx(expected.images_per_s), expected.batch)


@pytest.mark.seconds
def test_a_head_that_has_no_batches_is_timed_alone_and_says_so(heads: dict[str, Path]) -> None:
    found = best_batch(heads["rtdetr"], CPU, images(), lambda meta: 0.25, SessionClock(perf_counter, lambda: 1.0, None))
    assert found.batch == 1
    assert found.images_per_s > 1
    assert found.note.startswith("no batch of 2: device=cpu: cannot load")


@pytest.mark.seconds
def test_a_graph_whose_batch_mixes_images_does_not_count(heads: dict[str, Path], tmp_path: Path) -> None:
    """A batch that the runtime takes, and in which the images add up: alone, the sum is the image."""
    model = onnx.load(str(heads["nms"]))
    (node,) = [node for node in model.graph.node if "output0" in node.output]
    node.output[0] = "each"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0], np.int64), "batch"))
    sums = onnx.helper.make_node("ReduceSum", ["each", "batch"], ["sum"], keepdims=1)
    shape = onnx.helper.make_node("Shape", ["each"], ["shape"])
    model.graph.node.extend([sums, shape, onnx.helper.make_node("Expand", ["sum", "shape"], ["output0"])])
    onnx.save(model, str(tmp_path / "mixed.onnx"))
    watch = SessionClock(perf_counter, lambda: 1.0, None)
    found = best_batch(tmp_path / "mixed.onnx", CPU, images(), lambda meta: 0.25, watch)
    assert (found.batch, found.note) == (1, "no batch of 2: its graph gives other outputs there")


def test_what_is_no_onnx_file_has_no_batches(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"no onnx at all")
    with pytest.raises(DeviceError, match=r"throughput: 'model\.tflite' is timed at batch 1 alone \("):
        with_batch(tmp_path / "model.tflite", 2, tmp_path / "2")


def test_of_several_processes_the_one_in_the_middle_counts() -> None:
    rates = ((300.0, 2), (500.0, 8), (400.0, 4))
    figures = [FIGURE.with_batches(*rate, "") for rate in rates]
    combined = combine(figures, protocol_of())
    assert (combined.images_per_s, combined.best_batch) == (400.0, 4)
    assert combine([FIGURE] * 3, protocol_of()).images_per_s is None


@pytest.mark.slow
@pytest.mark.seconds
def test_throughput_is_measured_beside_the_latency_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, image = write_windows(tmp_path / "model.onnx", POOR), tmp_path / "image.png"
    cv2.imwrite(str(image), images()[0])
    protocol = protocol_of(images_min=10, cap_s=0.5, warmup_s=0.05).quick()
    plain = measure_latency(model, CPU, [image], protocol)
    assert (plain.images_per_s, plain.best_batch) == (None, 0)
    found = measure_latency(model, CPU, [image], replace(protocol, throughput=True))
    assert found.images_per_s is not None
    assert found.best_batch >= 1
    assert 0.5 < found.images_per_s * found.p50_ms / 1e3 < 20
    assert 0.5 < found.peak_bytes / plain.peak_bytes < 1.2  # of single images, as without
