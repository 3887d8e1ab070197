"""Scores by a board's own runtime, over a real SSH server: those of the same file here."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from defaults import device_of
from process_words import words_of
from small_board import make_board
from small_jobs import QUICK_STEPS, quick_job, tiny_candidate
from ssh_server import ALIAS, SshServer, needs_ssh, ssh_server
from window_detector import write_windows

from objectives.data.dataset import Dataset
from objectives.deploy.accuracy import SCORE_CONFIDENCE, score_file
from objectives.deploy.board.description import describe, device_description
from objectives.deploy.device import Device
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.deploy.kept_detections import read_kept
from objectives.latency.hosts.detections import score_on
from objectives.latency.hosts.ssh import OverSsh
from objectives.machine.device_locks import Patience
from objectives.records.paths import TrialPaths
from objectives.records.records import Latency
from objectives.trial.deployed import DeployedFile
from objectives.trial.job import Half
from spaces.errors import DeviceError

pytestmark = [needs_ssh, pytest.mark.seconds]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Device:
    """A board with NumPy and ONNX Runtime alone, whose own runtime scores."""
    python = make_board(tmp_path_factory.mktemp("python")).python
    return device_of(name="pi5", host=ALIAS, python=str(python), accuracy=True)


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_board_scores_what_is_scored_here(there: Device, server: SshServer, blocks: Dataset, tmp_path: Path) -> None:
    model, images = write_windows(tmp_path / "model.onnx"), blocks.splits["val"][:6]
    signs: list[int] = []
    found = score_on(model, there, images, blocks.classes, "val", 0.25, lambda: signs.append(1))
    here = score_file(model, there.here(), images, blocks.classes, "val", 0.25)
    assert 0.1 < here.map < 1
    assert found.map == pytest.approx(here.map, abs=1e-6)
    assert (found.precision, found.recall, found.images) == (here.precision, here.recall, 6)
    sent = sorted(path.name for path in (server.own / "inputs").iterdir())
    assert len([name for name in sent if name.endswith(".npy")]) == 6
    assert score_on(model, there, images, blocks.classes, "val").map == found.map
    assert sorted(path.name for path in (server.own / "inputs").iterdir()) == sent  # sent once
    assert not server.partials()


@pytest.mark.slow
def test_a_trials_file_is_scored_by_the_board(
    there: Device, server: SshServer, blocks: Dataset, tmp_path: Path
) -> None:
    job = quick_job(blocks, tmp_path / "trial", tiny_candidate(QUICK_STEPS), device=there)
    paths = TrialPaths(job.folder)
    paths.folder.mkdir(parents=True)
    write_windows(paths.model)
    on = Half(blocks.splits["val"][6:9], "val")
    latency = Latency(1, 2, 1, 1, 0.5, 30, 1, True, "", "d", 0)
    scores, sent = [], len(list(server.own.glob("inputs/*.npy")))
    for device in (there, there.here()):
        file = DeployedFile(replace(job, device=device), paths, on, lambda _: None, lambda: None)
        file.settle()
        scores.append(file.score(latency))
        assert sum(len(one.scores) for one in read_kept(paths.found).found) > 0  # kept, wherever it is scored
    assert scores[0].map == pytest.approx(scores[1].map, abs=1e-6)
    assert 0 < scores[0].map < 1
    assert len(list(server.own.glob("inputs/*.npy"))) == sent + 3  # the images went there, and were sent once


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_board_of_another_format_scores_what_is_converted_of_the_file(
    blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The board is this Python, which has the runtime."""
    if why := DEPLOY_FORMATS["ncnn"].why_not():
        pytest.skip(why)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pi = device_of(name="pi5", runtime="ncnn", provider="CPU", host=ALIAS, python=sys.executable, accuracy=True)
    model, images = write_windows(tmp_path / "model.onnx"), blocks.splits["val"][:3]
    found = score_on(model, pi, images, blocks.classes, "val", 0.25)
    here = score_file(model, pi.here(), images, blocks.classes, "val", 0.25)
    assert 0.1 < here.map < 1
    assert found.map == pytest.approx(here.map, abs=1e-6)


@pytest.mark.usefixtures("server")
def test_a_file_that_the_board_cannot_run_is_one_line(there: Device, blocks: Dataset, tmp_path: Path) -> None:
    model = write_windows(tmp_path / "model.onnx")
    host = OverSsh(replace(there, provider="AzureExecutionProvider"))
    with (
        host.alone(Patience()),
        pytest.raises(DeviceError, match="'AzureExecutionProvider' was asked for and ran none"),
    ):
        host.detect(model, [blocks.splits["val"][0].path], SCORE_CONFIDENCE)


def test_who_scores_is_a_part_of_the_boards_description(there: Device) -> None:
    board = describe()
    assert device_description(there, board)["accuracy"] == "by the board"
    assert "accuracy" not in device_description(replace(there, accuracy=False), board)
    assert there.scores_there
    assert not device_of(accuracy=True).scores_there  # here the same runtime scores anyway
    assert device_of(accuracy=True).describe() == device_of().describe()


@pytest.mark.slow
def test_a_split_may_be_larger_than_what_the_board_holds(
    there: Device, server: SshServer, blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model stays, images make room for those that follow; a line that breaks costs a piece of the split."""
    model, images = write_windows(tmp_path / "model.onnx"), blocks.splits["val"][:7]
    each = 3 * 160**2
    monkeypatch.setattr("objectives.latency.hosts.split.PIECE_BYTES", 2 * each)
    most = model.stat().st_size + 3 * (each + 200)
    monkeypatch.setattr("objectives.machine.remote.copying.INPUTS_BYTES_MOST", most)
    runs: list[int] = []

    def cut_once() -> None:
        for process in server.processes():
            if words_of(process)[-1:] == ["detect"] and process.pid not in runs:
                runs.append(process.pid)
                if len(runs) == 2:
                    server.cut()

    found = score_on(model, there, images, blocks.classes, "val", 0.25, cut_once)
    here = score_file(model, there.here(), images, blocks.classes, "val", 0.25)
    assert found.map == pytest.approx(here.map, abs=1e-6)
    assert found.images == 7
    left = list((server.own / "inputs").iterdir())
    assert sum(path.stat().st_size for path in left) <= most
    assert len([path for path in left if path.suffix == ".npy"]) < 7
    assert len(runs) <= 5  # four pieces, and the one that was cut
