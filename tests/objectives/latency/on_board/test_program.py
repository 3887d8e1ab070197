"""The program on a board: figures from a bare Python, and an end at once when the line breaks."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from defaults import CPU, protocol_of
from fake_boards import PI, write_root
from numpy.typing import NDArray
from small_board import QUICK, Board, make_board
from window_detector import write_windows

from objectives.latency.measure import measure_latency
from objectives.latency.protocol import combine
from objectives.records.records import Latency

ENDLESS = replace(protocol_of(cap_s=100.0, warmup_s=0.1).quick(), interval=0.0)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return make_board(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_windows(tmp_path_factory.mktemp("model") / "model.onnx")


@pytest.fixture(scope="module")
def image() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)


@pytest.mark.seconds
def test_a_bare_python_measures(board: Board, model: Path, image: NDArray[np.uint8], tmp_path: Path) -> None:
    """Without OpenCV, psutil, onnx, Pillow and msgspec; a bad file spoils no other."""
    (tmp_path / "bad.onnx").write_bytes(b"no onnx at all")
    done = board.run("probe", board.job([model, tmp_path / "bad.onnx"], [image]))
    good, bad = done["done"]
    figure = Latency.from_json(good["latency"])
    assert 0 < figure.network_ms < figure.p50_ms <= figure.p95_ms < 1000
    assert (figure.device, figure.samples) == ("b0ard", figure.samples)
    assert figure.samples >= 5
    assert "cannot load" in bad["error"]
    (calm,) = (board.root / "calm").iterdir()  # of the board, and kept there
    assert figure.calm_ms == pytest.approx(float(calm.read_text()), abs=1e-5)
    assert board.left() == {board.folder.name, "inputs", "calm"}


@pytest.mark.slow
@pytest.mark.seconds
def test_why_there_are_no_batches_is_in_the_note(board: Board, model: Path, image: NDArray[np.uint8]) -> None:
    """As of a LiteRT file: whoever sends it says why."""
    job = board.job([model], [image], protocol=replace(QUICK, throughput=True))
    (found,) = board.run("probe", {**job, "batches": [{"why": "throughput: no ONNX file"}]})["done"]
    figure = Latency.from_json(found["latency"])
    assert (figure.best_batch, figure.batch_note) == (1, "no batch of 2: throughput: no ONNX file")


@pytest.mark.seconds
@pytest.mark.slow
def test_its_network_is_as_fast_as_here(board: Board, model: Path, image: NDArray[np.uint8], tmp_path: Path) -> None:
    """The same modules measure; letterbox and NMS are NumPy's there, so the network alone is compared."""
    import cv2

    cv2.imwrite(str(tmp_path / "image.png"), image)
    protocol = replace(QUICK, cap_s=1.5, interval=0.0)
    (there,) = board.run("probe", board.job([model], [image], protocol=protocol))["done"]
    figure = Latency.from_json(there["latency"])
    here = measure_latency(model, CPU, [tmp_path / "image.png"], protocol)
    ratio = (figure.network_ms / figure.calm_ms) / (here.network_ms / here.calm_ms)
    assert 0.7 < ratio < 1.4
    assert 20e6 < figure.peak_bytes < here.peak_bytes  # of its process alone, which has no OpenCV


@pytest.mark.seconds
@pytest.mark.parametrize(
    "how",
    ["end of file", *(pytest.param(how, marks=pytest.mark.slow) for how in ("output", signal.SIGHUP, signal.SIGKILL))],
)
def test_a_broken_line_ends_all_at_once(
    board: Board, model: Path, image: NDArray[np.uint8], how: str | signal.Signals
) -> None:
    process = board.start("probe")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(board.job([model], [image], protocol=ENDLESS)) + "\n")
    process.stdin.flush()
    assert set(json.loads(process.stdout.readline())) == {"alive"}
    inner = psutil.Process(process.pid).children(recursive=True)
    assert len(inner) == 1
    if how == "end of file":
        process.stdin.close()
    elif how == "output":
        process.stdout.close()  # seen at the next sign of life
    else:
        process.send_signal(how)
    began = time.monotonic()
    status = process.wait(timeout=10)
    _, alive = psutil.wait_procs(inner, timeout=5)
    assert alive == []
    assert time.monotonic() - began < 2.5
    assert status == (-9 if how == signal.SIGKILL else 3)
    if how != signal.SIGKILL:  # what it leaves is small, and is removed when the board is cleaned
        assert "work" not in board.left()
    assert not list(board.root.rglob("*.partial"))
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream and not stream.closed:
            stream.close()


def test_a_line_that_breaks_before_the_job_does_nothing(board: Board) -> None:
    with board.start("probe") as process:
        out, complaints = process.communicate('{"device": ', timeout=20)
    assert (process.returncode, out, complaints) == (3, "", "")


@pytest.mark.seconds
@pytest.mark.slow
def test_a_killed_process_is_a_fault(board: Board, model: Path, image: NDArray[np.uint8]) -> None:
    with board.start("probe") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(board.job([model], [image], protocol=ENDLESS)) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        (inner,) = psutil.Process(process.pid).children()
        inner.kill()
        last = process.stdout.read().splitlines()[-1]
        process.stdin.close()
    assert json.loads(last) == {
        "fault": "DeviceError",
        "text": "its process on the board was ended by SIGKILL",
    }


@pytest.mark.seconds
def test_a_missing_runtime_is_a_fault_of_one_line(board: Board, model: Path, image: NDArray[np.uint8]) -> None:
    job = board.job([model], [image])
    (found,) = board.run("probe", job | {"device": job["device"] | {"runtime": "openvino", "provider": "CPU"}})["done"]
    assert "needs openvino; install" in found["error"]
    assert board.run("probe", {**job, "images": ["../inputs/none.npy"]}) == {
        "fault": "FileNotFoundError",
        "text": "[Errno 2] No such file or directory: '../inputs/none.npy'",
    }


def test_a_wrong_verb_is_one_line(board: Board) -> None:
    with board.start("measure") as process:
        out, complaints = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert complaints == "run.py: needs one of probe, detect, describe; got 'measure'\n"


@pytest.mark.seconds
@pytest.mark.slow
def test_openvino_alone_is_enough(model: Path, image: NDArray[np.uint8], tmp_path: Path) -> None:
    """The reference runs in the asked runtime, and the file's own words are read without onnx."""
    lean = make_board(tmp_path, ("numpy", "openvino", "openvino-telemetry"))
    job = lean.job([model], [image], replace(CPU, name="openvino", runtime="openvino", provider="CPU"))
    (found,) = lean.run("probe", job)["done"]
    figure = Latency.from_json(found["latency"])
    assert 0 < figure.network_ms < figure.p50_ms < 1000
    (calm,) = (lean.root / "calm").iterdir()
    assert calm.name.startswith("reference-4-openvino-20")
    assert figure.calm_ms == pytest.approx(float(calm.read_text()), abs=1e-5)


@pytest.mark.seconds
@pytest.mark.slow
def test_a_board_that_throttles_marks_its_figures(
    board: Board, model: Path, image: NDArray[np.uint8], tmp_path: Path
) -> None:
    """The clock is capped in the middle, and the firmware says so afterwards."""
    root, program = write_root(tmp_path / "root", PI), tmp_path / "bin" / "vcgencmd"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho throttled=0x$(cat {tmp_path}/flags)\n")
    program.chmod(0o755)
    (tmp_path / "flags").write_text("10000")
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    protocol = replace(QUICK, cap_s=3.0, interval=0.0)  # looked at more than twice, whatever the first look saw
    job = {**board.job([model], [image], protocol=protocol), "root": str(root), "calm_ms": 1.0}
    with board.start("probe", path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        write_root(root, {name: "1800000\n" for name in PI if name.endswith(("scaling_max_freq", "scaling_cur_freq"))})
        write_root(root, {"sys/class/thermal/thermal_zone0/temp": "83100\n"})
        (tmp_path / "flags").write_text("50004")
        (found,) = json.loads(process.stdout.read().splitlines()[-1])["done"]
        process.stdin.close()
    figure = Latency.from_json(found["latency"])
    assert not figure.stable
    assert figure.throttled == "the board throttled: throttled, the clock was capped at 1800 of 2400 MHz"
    assert figure.note.endswith(figure.throttled)
    assert figure.health == "48 -> 83 °C, 1800 of 2400 MHz, load 0.1"


def test_a_throttled_process_marks_the_figure_of_all() -> None:
    """One of three is no majority, and the others ran on a hot board."""
    well = Latency(1, 2, 1, 1, 0.5, 30, 1, True, "", "d", 0, health="48 -> 50 °C")
    why = "the board throttled: under-voltage"
    bad = replace(well, stable=False, note=why, throttled=why, health="50 -> 80 °C")
    figure = combine([well, bad, well], protocol_of())
    assert (figure.stable, figure.note, figure.throttled, figure.health) == (False, why, why, "48 -> 50 °C")
    assert combine([bad, bad, bad], protocol_of()).note == why
    assert combine([well, well, well], protocol_of()).stable
