"""`automl latency`: files measured or looked up, several in a table, a device described, mistakes in one line."""

import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from command_line import automl
from small_data import CARD, yolo
from window_detector import POOR, write_windows

LINE = (
    *("data=folder", "data.root=data", "latency.processes=1", "latency.processes_max=1"),
    *("latency.interval=9", "latency.images_min=10", "latency.cap_s=1", "latency.warmup_s=0.05"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set and two files, small and large."""
    folder = tmp_path_factory.mktemp("latency")
    yolo(folder / "data", {f"{split}/{i}": "0 0.5 0.5 0.4 0.4" for split in ("train", "val") for i in range(2)}, CARD)
    write_windows(folder / "large.onnx")
    write_windows(folder / "small.onnx", POOR)
    return folder


@pytest.fixture(autouse=True)
def _own_book(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))


@pytest.mark.seconds
def test_what_was_measured_is_answered_with_its_time(place: Path) -> None:
    first = automl("latency", "small.onnx", *LINE, folder=place)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("p50 ")
    assert ", stable, measured now\n" in first.stdout
    second = automl("latency", "small.onnx", *LINE, folder=place)
    figures = first.stdout.partition(", measured now")[0]
    assert second.stdout.startswith(f"{figures}, kept since 2")
    assert " UTC\n" in second.stdout
    assert "in the book of latencies; --again measures anew" in second.stdout
    found = json.loads(automl("latency", "small.onnx", *LINE, "--format", "json", folder=place).stdout)
    (one,) = found["latencies"]
    assert (one["kept"], one["file"], len(one["sha256"])) == (True, "small.onnx", 64)
    assert one["device"] == found["device"]["fingerprint"]
    assert (found["timed"]["images"], found["timed"]["split"]) == (2, "val")
    again = automl("latency", "small.onnx", *LINE, "--again", folder=place)
    assert ", measured now\n" in again.stdout
    described = json.loads(automl("latency", "--format", "json", folder=place).stdout)
    assert described["device"]["fingerprint"] == one["device"]
    assert "CPUExecutionProvider" in described["offers"]
    assert (described["missing"], described["book"]["figures"], described["book"]["files"]) == ([], 1, 1)


@pytest.mark.slow
@pytest.mark.seconds
def test_several_files_are_a_table_the_fastest_first_and_a_broken_one_is_named(place: Path) -> None:
    (place / "broken.onnx").write_bytes(b"no onnx at all")
    done = automl("latency", "large.onnx", "broken.onnx", "small.onnx", *LINE, folder=place)
    assert done.returncode == 2
    assert done.stderr.startswith("automl: device=cpu: measuring 'broken.onnx' failed: ")
    rows = [line.split()[0] for line in done.stdout.splitlines() if ".onnx" in line]
    assert rows == ["small.onnx", "large.onnx", "broken.onnx"]


def test_a_device_is_described_without_a_file(place: Path) -> None:
    done = automl("latency", "device=cpu_all", folder=place)
    assert (done.returncode, done.stderr) == (0, "")
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if len(line.split(maxsplit=1)) == 2)
    assert (said["name"], said["threads"]) == ("cpu_all", "0")
    assert said["kept"].startswith("0 figures of 0 files (")


def test_what_a_device_lacks_is_said(place: Path) -> None:
    done = automl("latency", "device.provider=TensorrtExecutionProvider", folder=place)
    assert done.returncode == 2
    assert done.stderr.startswith("automl: device=cpu: onnxruntime has no 'TensorrtExecutionProvider' here; it has ")
    assert "TensorrtExecutionProvider" in done.stdout  # the description is shown all the same


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_runtime_that_is_not_installed_is_one_line(place: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("objectives.deploy.device.version", version)
    monkeypatch.setattr("objectives.deploy.device.find_spec", lambda name: None)
    done = automl("latency", "device=litert", "--format", form, folder=place)
    expected = "automl: device=litert: needs litert; install automl[litert]\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["nosuch.onnx"],
            "automl: artifact: 'nosuch.onnx' is not a file; name an ONNX file that this project exported",
        ),
        (["--again"], "automl: --again: measures files anew; name one: automl latency FILE --again"),
        (["small.onnx", "devise=cpu"], "automl: "),
        (
            ["small.onnx", "--clean", "device=ssh", "device.host=pi5"],
            "automl: --clean: cleans a board and measures nothing, got 'small.onnx' beside it; measure with a line of ",
        ),
        (
            ["--again", "--clean", "device=ssh", "device.host=pi5"],
            "automl: --clean: cleans a board and measures nothing, got --again beside it; measure with a line of its ",
        ),
    ],
)
def test_a_mistake_is_one_line(place: Path, arguments: list[str], told: str) -> None:
    done = automl("latency", *arguments, folder=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1
