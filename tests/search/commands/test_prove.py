"""`automl prove` as a command: its sentence, its JSON, its exit code; and what an export ships after it."""

import json
from pathlib import Path

import pytest
import yaml
from command_line import automl
from small_data import CARD, yolo

from objectives.records.study_record import StudyRecord
from reports.table.proof.contestants import read_proof
from reports.table.table import StudyTable, read_study
from search.study.shipped import find_shipped, remember_look
from search.study.store import load_study

SEARCH = (
    "search",
    "conf=smoke",
    "name=s",
    "budget.trials=4",
    "trial.epochs=2",
    "pruner=none",
    "trial.run=quick_trainer:run_trial",
    "trial.backend=inline",
    "trial.train_device=cpu",
    "store.free_mb_min=1",
    "space.size.pixels=range(64,257,32)",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that is proven."""
    folder = tmp_path_factory.mktemp("place")
    labels = {f"{split}/{i}": "0 0.5 0.5 0.4 0.4" for split in ("train", "val") for i in range(4)}
    yolo(folder / "data", labels, CARD)
    searched = automl(*SEARCH, "data.root=data", "data.check=off", folder=folder)
    assert searched.returncode == 0, searched.stderr
    done = automl("prove", "s", "proof.epochs=trial", folder=folder)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout)
    return folder


def table_of(folder: Path) -> StudyTable:
    return read_study(load_study(folder / "runs", "s", None))


@pytest.mark.slow
@pytest.mark.seconds
def test_it_ends_with_a_sentence_and_writes_the_page(place: Path) -> None:
    said = " ".join((place / "said.txt").read_text().split())
    proof = read_proof(table_of(place))
    assert proof is not None
    assert proof.winner is not None
    assert f"Trial {proof.winner.number} wins the proof: mAP 0." in said
    assert "the study has no baseline to compare it with" in said
    assert "Means over 3 seeds (1042, 2042, 3042), 2 epochs each as in the search; intervals at 95 %" in said
    assert ": so hopeful was the search." in said
    page = (place / "runs" / "s" / "report.html").read_text()
    assert '<h2 id="proof-title">Proof</h2>' in page
    assert "wins the proof" in page
    summary = automl("report", "s", folder=place).stdout
    assert "wins the proof" in " ".join(summary.split())
    number = proof.winner.trainings[0].number
    assert f"of trial {proof.winner.number}: trained again with seed 1042" in automl(
        "show", "s", str(number), folder=place
    ).stdout.replace("\n", " ")


@pytest.mark.seconds
def test_as_json_it_is_one_object(place: Path) -> None:
    done = automl("prove", "s", "proof.epochs=trial", "format=json", folder=place)
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert said["verdict"] == "no baseline"
    assert said["seeds"] == [1042, 2042, 3042]
    assert said["trainings_ended"] == said["trainings"] == 9
    first = next(one for one in said["finalists"] if one["trial"] == said["winner"])
    assert set(first["map"]) == {"mean", "low", "high", "level", "n"}
    assert first["trained_as_in_the_search"] is True
    assert said["optimism"] == pytest.approx(sum(one["optimism"] for one in said["finalists"]) / 3)


@pytest.mark.seconds
def test_an_export_ships_the_first_seeds_files_with_the_proven_figures(place: Path, tmp_path: Path) -> None:
    proof = read_proof(table_of(place))
    assert proof is not None
    assert proof.winner is not None
    for number in (proof.winner.number, proof.winner.trainings[0].number):  # what the quick trainer leaves out
        folder = place / "runs" / "s" / "trials" / f"{number:05d}"
        (folder / "model.yaml").write_text("{backbone: [[-1, 1, TimmBackbone, []]], head: []}")
        (folder / "arguments.yaml").write_text("{epochs: 2, warmup_epochs: 1, close_mosaic: 0}")
        (folder / "detections.jpg").write_bytes(b"")
    done = automl("export", "s", "--to", str(tmp_path / "out"), folder=place)
    assert done.returncode == 0, done.stderr
    assert "proven: mAP 0." in done.stdout
    lineage = json.loads((tmp_path / "out" / "lineage.json").read_text())
    assert lineage["trial"] == proof.winner.trainings[0].number
    assert lineage["proves"] == proof.winner.number
    assert lineage["chain"] == [{"trial": lineage["trial"], "how": "trained again"}]
    assert lineage["proof"]["map"]["n"] == 3
    assert lineage["proof"]["winner"] == proof.winner.number
    config = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    assert config["epochs"] == 8  # four times the search's, not the proof's
    own = automl("export", "s", "--pick", str(proof.winner.number), "--to", str(tmp_path / "own"), folder=place)
    assert own.returncode == 0, own.stderr
    assert "these are the search's own files" in own.stdout
    assert json.loads((tmp_path / "own" / "lineage.json").read_text())["proof"]["map"]["n"] == 3


@pytest.mark.seconds
def test_the_gates_pick_is_the_proven_winner_everywhere(place: Path) -> None:
    proof = read_proof(table_of(place))
    assert proof is not None
    assert proof.shipped is not None
    shipped = find_shipped("s", None, str(place / "runs"), None)
    assert shipped.model.parent.name == f"{proof.shipped.number:05d}"
    assert shipped.trial == proof.shipped.proves


@pytest.mark.seconds
def test_other_commands_looks_at_a_test_split_are_remembered(place: Path) -> None:
    folder = place / "runs" / "s"
    for split in ("train", "val"):  # the search's own
        remember_look(folder, None, "data errors", split, 4, 0)
    assert StudyRecord.of(load_study(place / "runs", "s", None)).test_looks == ()
    remember_look(folder, None, "data errors", "test", 4, 0)
    (look,) = StudyRecord.of(load_study(place / "runs", "s", None)).test_looks
    assert (look.by, look.split, look.numbers) == ("data errors", "test", (0,))
    said = " ".join(automl("report", "s", folder=place).stdout.split())
    assert "The test split was looked at once, by automl data errors on " in said
    proof = read_proof(table_of(place))
    assert proof is not None
    assert proof.winner is not None
    assert f"Trial {proof.winner.number} was not scored on it; --test-again does." in said


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["proof.seeds=1"], "proof.seeds: must be 2 or more, or there is no interval, got 1"),
        (["proof.epochs=0"], "proof.epochs: must be a whole number of 1 or more, trial or null, got '0'"),
        (["proof.level=1.2"], "proof.level: must lie in 0.5..1, 1 left out, got 1.2"),
        (["proof.finalists=0"], "proof.finalists: must be 1 or more, got 0"),
        (["proof.seed=3"], "prove: unknown setting 'proof.seed'; nearest: proof.seeds"),
        (["space.size.pixels=64"], "prove: unknown setting 'space.size.pixels'"),
        (["workers"], "prove: workers needs a value, got 'workers'; give workers=..."),
        (["format=xml"], "prove: format must be one of lines, json, got xml"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(place: Path, words: list[str], said: str) -> None:
    done = automl("prove", "s", *words, folder=place)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_study_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    done = automl("prove", "nothing", folder=tmp_path)
    assert (done.returncode, "study: there is no 'nothing'" in done.stderr) == (2, True)
