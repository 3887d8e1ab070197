"""The device: checked when made, told apart by a fingerprint."""

import os
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import pytest
from defaults import CPU, device_of

from objectives.deploy.device import measuring_keys, offers, training_keys
from spaces.errors import DeviceError


def test_the_same_device_has_the_same_fingerprint() -> None:
    assert device_of().fingerprint == CPU.fingerprint
    assert len(CPU.fingerprint) == 16
    CPU.check()


def test_the_fingerprint_follows_what_changes_a_latency() -> None:
    others = [
        replace(CPU, threads=0),
        replace(CPU, options={"a": "1"}),
        replace(CPU, options={"a": "2"}),
        replace(CPU, provider="XnnpackExecutionProvider"),
        *([replace(CPU, runtime="openvino", provider="CPU")] if find_spec("openvino") else []),
    ]
    prints = {device.fingerprint for device in (CPU, *others)}
    assert len(prints) == 1 + len(others)


def test_order_of_options_does_not_matter() -> None:
    one, other = device_of(options={"a": 1, "b": 2}), device_of(options={"b": 2, "a": 1})
    assert one.fingerprint == other.fingerprint


def test_a_device_of_this_machine_is_described_as_it_always_was() -> None:
    """Studies go on: what boards need is no part of it."""
    names = "name runtime provider threads options processor accelerator cores runtime_version precision system"
    assert set(CPU.describe()) == set(names.split())
    board = device_of(host="pi5")
    with pytest.raises(DeviceError, match="board 'pi5' describes itself"):
        board.describe()


def test_what_it_tells() -> None:
    told = CPU.describe()
    assert told["runtime_version"] == version("onnxruntime")
    assert told["cores"] == os.cpu_count()
    assert told["processor"]
    assert (told["accelerator"], told["precision"], told["threads"]) == ("", "fp32", 1)
    assert device_of(options={"INFERENCE_PRECISION_HINT": "f16"}).describe()["precision"] == "f16"


@pytest.mark.parametrize("threads", [-1, 100_000])
def test_threads_are_those_of_this_machine(threads: int) -> None:
    with pytest.raises(DeviceError, match=rf"device\.threads: must lie in 0\.\.{os.cpu_count()} .*, got {threads}"):
        device_of(threads=threads)


def test_an_unknown_runtime_is_told() -> None:
    with pytest.raises(DeviceError, match=r"device\.runtime: 'onnxruntim' is unknown; nearest: onnxruntime"):
        device_of(runtime="onnxruntim")


def test_a_missing_provider_is_told_with_those_there_are() -> None:
    device = device_of(name="npu", provider="NoExecutionProvider")
    with pytest.raises(DeviceError, match=r"device=npu: onnxruntime has no 'NoExecutionProvider' here; .*CPUExec"):
        device.check()


@pytest.mark.parametrize("runtime", ["litert", "torchscript", "openvino"])
def test_a_runtime_that_is_not_installed_is_named(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("objectives.deploy.device.version", version)
    with pytest.raises(DeviceError, match=rf"device: {runtime} is not installed; install (automl\[{runtime}\]|torch)$"):
        device_of(runtime=runtime, provider="CPU").describe()
    assert offers(runtime) is None


def test_trainings_and_measurements_name_what_they_keep_busy() -> None:
    assert training_keys("cpu") == ("cpu",)
    assert training_keys("0") == ("cpu", "cuda:0")
    assert training_keys("1,2") == ("cpu", "cuda:1", "cuda:2")
    assert training_keys("mps") == ("cpu", "mps")
    assert measuring_keys(CPU) == ("cpu",)
    assert measuring_keys(device_of(runtime="openvino", provider="CPU")) == ("cpu",)
    assert measuring_keys(device_of(provider="CUDAExecutionProvider")) == ("cuda:0",)
    assert measuring_keys(device_of(provider="TensorrtExecutionProvider", options={"device_id": 3})) == ("cuda:3",)
    assert measuring_keys(device_of(runtime="openvino", provider="HETERO:GPU,CPU")) == ("cpu", "HETERO:GPU_CPU")
