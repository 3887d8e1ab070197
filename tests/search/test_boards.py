"""The command line with a board: a search over a line that breaks, refusals before anything begins, the cleaning."""

import json
import random
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import optuna
import pytest
from command_line import automl, script
from defaults import CPU
from optuna.trial import TrialState
from rich.console import Console
from small_board import make_board
from ssh_server import ALIAS, SshServer, needs_ssh, ssh_server

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.export_onnx import export_onnx
from objectives.latency.hosts.open import fingerprint
from objectives.records import attributes as keys
from objectives.records.paths import StudyPaths
from objectives.records.records import Latency
from search.commands.search import _introduce as introduce
from search.settings.dataset import load_data
from search.settings.settings import load_settings
from spaces.candidate import Candidate
from spaces.network.description import describe
from spaces.network.detector import build_detector

pytestmark = [needs_ssh, pytest.mark.seconds]
BOARD = ("device=ssh", f"device.host={ALIAS}", f"device.python={sys.executable}")
CUTS = 6  # of the line, over a search; a line that breaks every few seconds for ever gives no figure
QUICK = ("latency.processes=1", "latency.processes_max=1", "latency.images_min=10", "latency.cap_s=0.5")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.mark.slow
def test_a_file_is_measured_on_a_board_and_the_board_is_cleaned(
    server: SshServer, shelves: Path, tmp_path: Path, make_candidate: Callable[..., Candidate]
) -> None:
    model = build_detector(describe(make_candidate(), ("can", "jar")), 0)
    export_onnx(model, ArtifactMeta(64, "nms", ("can", "jar")), tmp_path / "model.onnx")
    measured = automl("latency", "model.onnx", "conf=smoke", f"data.root={shelves}", *BOARD, *QUICK, folder=tmp_path)
    assert (measured.returncode, measured.stderr) == (0, "")
    assert fingerprint(replace(CPU, name="ssh", host=ALIAS, python=sys.executable)) in measured.stdout
    cleaned = automl("latency", "--clean", *BOARD, folder=tmp_path)
    assert cleaned.returncode == 0, cleaned.stderr
    assert cleaned.stdout.startswith("board 'pi5': ~/.cache/automl/board removed (")
    assert not server.own.exists()
    again = automl("latency", "--clean", *BOARD, folder=tmp_path)
    assert again.stdout == "board 'pi5': ~/.cache/automl/board removed (there was nothing)\n"
    here = automl("latency", "--clean", "device=cpu", folder=tmp_path)
    assert (here.returncode, here.stderr.count("\n")) == (2, 1)
    assert "device=cpu is this machine" in here.stderr


@pytest.mark.slow
def test_a_board_is_described_with_its_health_and_what_would_be_better(
    server: SshServer, shelves: Path, tmp_path: Path
) -> None:
    """By `automl latency` without a file, and at the start of a search; a bare Python there has no OpenCV."""
    bare = (*BOARD[:2], f"device.python={make_board(tmp_path).python}")
    done = automl("latency", *bare, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if len(line.split(maxsplit=1)) == 2)
    assert "CPUExecutionProvider" in said["offers"]
    assert re.search(r"load \d+\.\d", said["health"])
    advice = "the board has no OpenCV: letterbox and NMS are NumPy's there"
    assert said["advice"].startswith(advice)
    found = json.loads(automl("latency", *bare, "--format", "json", folder=tmp_path).stdout)
    assert ("CPUExecutionProvider" in found["offers"], found["missing"], len(found["advice"])) == (True, [], 1)
    assert "load " in found["health"]
    settings = load_settings(["conf=smoke", f"data.root={shelves}", *bare])
    shown = StringIO()
    introduce(Console(file=shown, width=200), settings, load_data(settings.data))
    assert shown.getvalue().count(f"device=ssh: {advice}") == 1
    full = automl("latency", *BOARD, folder=tmp_path)
    assert "advice" not in full.stdout  # with OpenCV


def test_what_is_the_users_to_mend_ends_the_search_before_it_begins(
    server: SshServer, shelves: Path, tmp_path: Path
) -> None:
    line = ("search", "conf=smoke", f"data.root={shelves}", *BOARD)
    try:
        (server.folder / "known_hosts").write_text("")
        done = automl(*line, folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "its host key is not in known_hosts; look at it and accept it once with: ssh pi5" in done.stderr
    finally:
        server.trust()
    missing = automl(*line, "device.runtime=openvino", "device.provider=NPU", folder=tmp_path)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "NPU" in missing.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_whole_search_over_a_line_that_breaks(server: SshServer, shelves: Path, tmp_path: Path) -> None:
    """Every figure is the board's; nothing is lost, and nothing is left there but what is kept on purpose."""
    chance, over, cuts = random.Random(5), threading.Event(), [0]

    def cut() -> None:
        wait_s = chance.uniform(0.2, 1.0)
        while cuts[0] < CUTS and not over.wait(wait_s):
            found = server.cut()  # none while there is no line: then soon again
            cuts[0] += found
            wait_s = chance.uniform(2.0, 6.0) if found else chance.uniform(0.02, 0.2)

    cutting = threading.Thread(target=cut)
    cutting.start()
    line = ("search", "conf=smoke", f"data.root={shelves}", "trial.train_device=cpu", *BOARD)
    try:
        done = script(*line, folder=tmp_path, timeout_s=1500)
    finally:
        over.set()
        cutting.join()
    assert done.returncode == 0, done.stderr
    assert cuts[0] > 0
    assert "accuracy is scored on this machine by onnxruntime's CPUExecutionProvider" in done.stdout
    device = fingerprint(replace(CPU, name="ssh", host=ALIAS, python=sys.executable))
    paths = StudyPaths(tmp_path / "runs" / "smoke")
    study = optuna.load_study(study_name="smoke", storage=f"sqlite:///{paths.store}")
    assert study.user_attrs[keys.DEVICE]["name"] == "ssh"
    assert study.user_attrs[keys.FINGERPRINTS]["device"] == device
    for trial in study.get_trials():
        assert trial.state is TrialState.COMPLETE
        for kind in (keys.LATENCY, keys.LATENCY_UNTRAINED):
            latency = Latency.from_json(trial.user_attrs[kind])
            assert (latency.device, latency.samples >= 5, latency.p50_ms > 0) == (device, True, True)
        assert keys.ATTEMPTS not in trial.user_attrs
    assert f"ssh ({ALIAS}" in paths.report.read_text()
    assert server.processes() == []
    assert server.partials() == []
    assert {path.name for path in server.own.iterdir()} >= {"calm", "inputs"}
    again = script(*line, "budget.trials=3", folder=tmp_path, timeout_s=900)
    assert again.returncode == 0, again.stderr
