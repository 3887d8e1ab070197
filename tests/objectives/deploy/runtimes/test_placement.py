"""Where a network ran: a provider that took nothing over is refused, and shares are said."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from defaults import CPU, device_of
from window_detector import write_windows

from objectives.deploy.runtimes.open import open_artifact
from objectives.deploy.runtimes.placement import Placement, check_devices, read_profile
from spaces.errors import DeviceError

AZURE = "AzureExecutionProvider"  # part of the usual wheels: it calls a service, and runs no node of a file's own
PROCESSOR = "CPUExecutionProvider"


@pytest.mark.skipif(AZURE not in onnxruntime.get_available_providers(), reason="this ONNX Runtime has no such provider")
def test_a_real_provider_that_falls_back_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = write_windows(tmp_path / "model.onnx")
    with pytest.raises(DeviceError) as caught:
        open_artifact(model, device_of(name="cloud", provider=AZURE))
    words = str(caught.value)
    assert words.startswith(f"device=cloud: '{AZURE}' was asked for and ran none of the ")
    assert f"of 'model.onnx': it fell back to {PROCESSOR} 100% (" in words
    assert "\n" not in words
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx"]  # no profile is left


def test_the_processor_has_nothing_to_prove(tmp_path: Path) -> None:
    runtime = open_artifact(write_windows(tmp_path / "model.onnx"), CPU)
    assert runtime.ran_on == ""


def profile(path: Path, *runs: dict[str, int]) -> Path:
    """Write what ONNX Runtime writes: for each run an event of its own, and two for each node."""
    events: list[dict[str, object]] = [{"cat": "Session", "name": "session_initialization", "ts": 0, "dur": 5}]
    for number, run in enumerate(runs):
        ts = 1000 * (number + 1)
        events.append({"cat": "Session", "name": "model_run", "ts": ts, "dur": 900})
        for i, (node, dur) in enumerate(run.items()):
            name, provider = node.split("@")
            args = {"provider": provider, "op_name": name}
            events.append({"cat": "Node", "name": f"{name}_kernel_time", "ts": ts + i, "dur": dur, "args": args})
            events.append({"cat": "Node", "name": f"{name}_fence_after", "ts": ts + i, "dur": 1, "args": {}})
    path.write_text(json.dumps(events))
    return path


def test_the_last_run_counts_and_shares_are_said(tmp_path: Path) -> None:
    first = {"a@CUDA": 90_000, "b@CUDA": 10, "c@CPU": 10}
    last = {"a@CUDA": 60, "b@CUDA": 20, "c@CPU": 20}
    found = read_profile(profile(tmp_path / "profile.json", first, last))
    assert found == Placement({"CUDA": 2, "CPU": 1}, {"CUDA": 80, "CPU": 20})
    assert found.words == "CUDA 80% (2 nodes), CPU 20% (1 node)"
    found.check(device_of(provider="CUDA"), Path("model.onnx"))
    with pytest.raises(DeviceError, match=r"'DML' was asked for and ran none of the 3 nodes of 'model\.onnx'"):
        found.check(device_of(provider="DML"), Path("model.onnx"))


def test_a_profile_of_this_onnx_runtime_is_read(tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    model = write_windows(tmp_path / "model.onnx", ((24, 24), (48, 56)))
    session = onnxruntime.InferenceSession(str(model), options, providers=[PROCESSOR])
    image = session.get_inputs()[0]

    for _ in range(3):
        session.run(None, {image.name: np.zeros(image.shape, np.float32)})
    found = read_profile(Path(session.end_profiling()))
    assert set(found.nodes) == {PROCESSOR}
    assert 5 < found.nodes[PROCESSOR] < 60  # of one run
    assert found.time_us[PROCESSOR] > 0


def test_devices_of_openvino() -> None:
    gpu = device_of(name="igpu", runtime="openvino", provider="GPU.1")
    assert check_devices(["GPU.1"], gpu, Path("model.onnx")) == "GPU.1"
    with pytest.raises(
        DeviceError, match=r"'GPU\.1' was asked for and ran nothing of 'model\.onnx': it fell back to CPU;"
    ):
        check_devices(["(CPU)"], gpu, Path("model.onnx"))
