"""Ultralytics keeps to a folder of ours, offline."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
from pathlib import Path
from objectives.training.ultralytics_env import quiet_ultralytics
quiet_ultralytics(Path('{folder}'))
from ultralytics.utils import ONLINE, SETTINGS, USER_CONFIG_DIR, AUTOINSTALL, VERBOSE, LOGGER
from ultralytics.nn.tasks import SAFE_LOAD
print(USER_CONFIG_DIR, SETTINGS.file, ONLINE, AUTOINSTALL, VERBOSE, SAFE_LOAD, LOGGER.level, sep='|')
"""


LOGGERS = """
from collections import defaultdict
from pathlib import Path
from objectives.training.ultralytics_env import quiet_ultralytics
quiet_ultralytics(Path('{folder}'))
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils.callbacks import add_integration_callbacks
from objectives.training.trainer import _fit_class
for made in (DetectionTrainer, _fit_class(DetectionTrainer)):
    session = made.__new__(made)
    session.callbacks = defaultdict(list)
    add_integration_callbacks(session)
    print(sorted({{call.__module__.rpartition('.')[2] for calls in session.callbacks.values() for call in calls}}))
"""


@pytest.mark.seconds
@pytest.mark.slow
def test_our_trainings_report_to_no_logger_that_is_installed(tmp_path: Path) -> None:
    """Ultralytics' own trainer logs to MLflow wherever that is installed, in the working folder by default."""
    clean = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}  # by which its callbacks know a test
    line = [sys.executable, "-c", LOGGERS.format(folder=tmp_path)]
    done = subprocess.run(line, env=clean, capture_output=True, text=True, check=True)
    stock, ours = map(ast.literal_eval, done.stdout.splitlines())
    assert "mlflow" in stock
    assert not {"mlflow", "comet", "clearml", "dvc", "wb", "raytune", "tensorboard", "platform"} & set(ours)


@pytest.mark.slow
@pytest.mark.seconds
def test_ultralytics_keeps_to_its_folder(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "deep" / "ultralytics"
    home.mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO", "ULTRALYTICS"))}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", ASK.format(folder=folder)],
        env={**clean, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")},
        capture_output=True,
        text=True,
        check=True,
    )
    config, settings, *flags = done.stdout.strip().split("|")
    assert Path(config).is_relative_to(folder)
    assert Path(settings).is_relative_to(folder)
    assert flags == ["False", "False", "False", "True", "40"]
    assert not list(home.rglob("*ltralytics*"))
    assert done.stdout.count("\n") == 1  # nothing else is printed
