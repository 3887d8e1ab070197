"""The benchmark of experience on small tables, and the command that turns ended studies into recorded trainings."""

import csv
import random
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.trial import TrialState, create_trial

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from search.engine.models.experience.recorded import Training, read_trainings
from search.settings.settings import load_settings
from search.study.store import create_study, open_storage, storage_url

HERE = Path(__file__).parent


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(HERE / script), *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def write_table(path: Path) -> Path:
    """Two data sets, on which the same networks do well, and a third latency's worth of noise."""
    rng = random.Random(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["net", "width", "ms", "map_one", "map_two"])
        for number in range(60):
            net, width = f"n{number % 6}", 8 * (1 + number // 6)
            top = 0.1 + 0.1 * (number % 6) + 0.001 * width
            writer.writerow([net, width, width + number / 100, top + rng.gauss(0, 0.01), top / 2 + rng.gauss(0, 0.005)])
    return path


@pytest.mark.slow
def test_experience_is_worth_something_where_data_sets_agree(tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv")
    options = ("--accuracy", "map_one,map_two", "--latency", "ms", "--features", "net,width", "--seeds", "3")
    done = run("experience.py", "--table", str(table), *options)
    assert (done.returncode, done.stderr) == (0, "")
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()]
    assert head == ["data set", "trainings", "without", "with", "shuffled", "reversed"]
    assert [line[:2] for line in lines] == [[f"map_{n}", str(k)] for n in ("one", "two") for k in (1, 3, 5, 10, 20)]
    shares = [[float(cell.partition(" ")[0]) for cell in line[2:]] for line in lines if line[1] == "5"]
    assert all(reverse < without < informed <= 100.0 for without, informed, _, reverse in shares)


def test_a_users_mistake_is_one_line(tmp_path: Path) -> None:
    options = ("--accuracy", "map_three", "--latency", "ms", "--features", "net")
    done = run("experience.py", "--table", str(write_table(tmp_path / "table.csv")), *options)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "map_three" in done.stderr
    done = run("record_experience.py", str(tmp_path / "none"), "--to", str(tmp_path / "to.csv"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.slow
def test_an_ended_study_becomes_rows(tmp_path: Path, blocks: Dataset) -> None:
    settings = load_settings(["conf=smoke", f"store.folder={tmp_path}", "name=mine"])
    settings.folder.mkdir()
    study = create_study(settings, blocks, open_storage(storage_url(settings.folder, None)))
    candidate = {"backbone.name": "lcnet_050", "slim.neck": 0.5, "prune.importance": "none"}
    attrs = {keys.CANDIDATE: candidate}
    study.add_trial(create_trial(state=TrialState.COMPLETE, values=[0.25, 2.0], user_attrs=attrs))
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=attrs))
    done = run("record_experience.py", str(tmp_path / "mine"), "--to", str(tmp_path / "to.csv"))
    assert (done.returncode, done.stderr) == (0, "")
    assert read_trainings(tmp_path / "to.csv") == [Training("mine", candidate, 2, 0.25)]
