"""Gates from the command line, through a search of quick trials to the pick and the export."""

import json
from pathlib import Path

import pytest
from command_line import Done, automl
from small_data import CARD, yolo

QUICK = ("trial.run=quick_trainer:run_trial", "trial.epochs=2", "store.free_mb_min=1", "budget.trials=3", "pruner=none")
MODULE = "def wobble(detections, limit):\n    return 0.5\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gates")
    labels = {f"{split}/{i}": "0 0.5 0.5 0.4 0.4\n1 0.3 0.3 0.2 0.2" for split in ("train", "val") for i in range(4)}
    yolo(place / "data", labels, CARD)
    (place / "metrics_of_a_line.py").write_text(MODULE)
    return place


def searched(place: Path, *line: str) -> Done:
    return automl("search", "conf=smoke", "data=folder", "data.root=data", *QUICK, *line, folder=place)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("gate.recall_of.cann=0.9",), "gate.recall_of: the data set has no class 'cann'; nearest: can"),
        (("gate.misses_of.jarr=0.9", "--plan"), "gate.misses_of: the data set has no class 'jarr'; nearest: jar"),
        (("gate.f1_mn=0.9",), "unknown setting 'gate.f1_mn'; nearest: gate.f1_min"),
        (
            ("gate.own=[{_target_:metrics_of_a_line.wobble,min:0}]",),
            "gate.own: 'metrics_of_a_line.wobble' takes 'limit', which it is not given; ",
        ),
        (
            ("gate.own=[{_target_:metrics_of_a_line.wobbel,min:0}]",),
            "gate.own: cannot import 'metrics_of_a_line.wobbel'",
        ),
    ],
)
def test_a_slip_in_the_gate_is_one_line_before_the_first_trial(place: Path, line: tuple[str, ...], told: str) -> None:
    done = searched(place, "name=slips", *line)
    assert done.returncode == 2
    assert done.stderr.startswith("automl: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert not (place / "runs" / "slips" / "trials").exists()


@pytest.mark.seconds
def test_the_bounds_of_the_line_are_judged_shown_and_exported(place: Path) -> None:
    line = ("name=judged", "gate.map_min=0.0", "gate.recall_of.can=0.5", "gate.throughput_min=0.001")
    done = searched(place, *line, "gate.own=[{_target_:metrics_of_a_line.wobble,min:0,limit:3}]")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "gate mAP >= 0 and throughput >= 0.001 images/s and recall of can >= 0.5 and wobble >= 0" in said
    assert (
        "recall of can unknown (no such object, or scored by an older automl or before a fork)" in said
    )  # quick trials score nothing
    again = searched(place, *line, "gate.own=[{_target_:metrics_of_a_line.wobble,min:0,limit:3}]")
    assert again.returncode == 0  # the same line, the same study
    shown = automl("show", "judged", "0", folder=place).stdout
    assert "throughput" in shown
    assert "recall of can unknown, >= 0.5: missed" in shown
    refused = automl("export", "judged", "--to", "out", folder=place)
    assert refused.returncode == 2
    assert "passes the gate (mAP >= 0 and throughput >= 0.001 images/s and recall of can" in refused.stderr


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize(("bound", "stopped"), [("gate.throughput_min=1e9", 3), ("gate.throughput_min=0.001", 0)])
def test_a_bound_that_needs_no_training_stops_trials_before_it(place: Path, bound: str, stopped: int) -> None:
    name = f"throughput{stopped}"
    done = searched(place, f"name={name}", bound, "sampler=random")
    assert done.returncode == 0, done.stderr
    report = automl("studies", folder=place).stdout
    assert name in report
    trained = list((place / "runs" / name / "trials").glob("*/epochs.log"))
    assert len(trained) == 3 - stopped


@pytest.mark.slow
def test_an_export_says_what_it_has_of_each_bound(place: Path) -> None:
    real = ("trial.run=objectives.trial.trial:run_trial", "budget.trials=1", "latency.confidence=best_f1")
    done = searched(place, "name=real", *real, "gate.f1_min=0", "gate.file_mb_max=100", "gate.memory_mb_max=9000")
    assert done.returncode == 0, done.stderr
    assert automl("export", "real", "--to", "out", folder=place).returncode == 0
    lineage = json.loads((place / "out" / "lineage.json").read_text())
    assert [(one["bound"], one["kept"]) for one in lineage["gate"]] == [
        ("F1 >= 0", True),
        ("memory <= 9000 MB", True),
        ("file <= 100 MB", True),
    ]
    assert lineage["gate"][2]["value"] == (place / "out" / "model.onnx").stat().st_size / 1e6
    assert lineage["settings"]["latency"]["confidence"] == "best_f1"


@pytest.mark.slow
@pytest.mark.seconds
def test_a_slip_in_the_gate_of_a_fork_leaves_no_fork(place: Path) -> None:
    assert searched(place, "name=forked", "sampler=random").returncode == 0
    fork = ("name=forked", "sampler=random", "--fork", "slipped")
    slip = searched(place, *fork, "gate.recall_of.cann=0.9")
    assert slip.returncode == 2
    assert "gate.recall_of: the data set has no class 'cann'; nearest: can" in slip.stderr
    assert not (place / "runs" / "slipped").exists()
    mended = searched(place, *fork, "gate.recall_of.can=0.9")
    assert mended.returncode == 0, mended.stderr
    assert "slipped is forked from forked and keeps 3 of 3 trials" in " ".join(mended.stdout.split())
