"""Detectors in int8 from search to export, of trainings that learn: by the console."""

import json
from pathlib import Path

import optuna
import pytest
import yaml
from command_line import Done, automl, script

from objectives.deploy.precision.convert import Converted
from objectives.records.paths import StudyPaths
from reports.table.table import StudyTable, read_study
from spaces.network.family import precision_of

pytestmark = pytest.mark.slow
# What docs/precision.md measures, smaller and shorter: it comes to a mAP of .1 to .2 on the embedded shelves.
LEARNS = (
    *("conf=smoke", "space/deploy=int8", "trial.train_device=cpu", "trial.epochs=8", "budget.trials=2", "pruner=none"),
    *("space.backbone.name=lcnet_050", "space.neck.width=32", "space.head.kind=nms", "space.size.pixels=160"),
    *("space.train.batch=4", "space.train.nbs=4", "space.train.lr0=0.004"),
)
ELASTIC = ("space/slim=elastic", "space.size.pixels=choice(128, 160)", "budget.trials=5")


def well(done: Done) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def table_of(folder: Path) -> StudyTable:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    store = f"sqlite:///{StudyPaths(folder / 'runs' / 'smoke').store}"
    return read_study(optuna.load_study(study_name="smoke", storage=store))


@pytest.mark.parametrize("more", [(), ELASTIC], ids=["plain", "elastic"])
def test_int8_from_search_to_export(tmp_path: Path, more: tuple[str, ...]) -> None:
    well(script("search", *LEARNS, *more, folder=tmp_path, timeout_s=900))
    table = table_of(tmp_path)
    child = next(row for row in table.finished if row.is_child and precision_of(row.candidate) == "int8")
    parent = table.row(child.parent or 0)
    assert parent.map is not None
    assert child.map is not None
    assert parent.map > (
        0.1 if not more else 0
    )  # an elastic one learns slowly: .09 to .16, by the processor's rounding
    assert child.map > (parent.map - 0.05 if not more else 0)  # of the elastic one it may be a small one
    number = str(child.number)
    assert "deploy.precision: int8" in well(automl("show", "smoke", number, folder=tmp_path))
    well(automl("export", "smoke", "--pick", number, "--to", "out", folder=tmp_path))
    said = Converted.read(tmp_path / "out" / "model.onnx")
    assert said is not None
    assert said.precision == "int8"
    assert said.calibration_images > 0
    refused = automl("export", "smoke", "--pick", number, "--to", "no", "--format", "torchscript", folder=tmp_path)
    assert refused.returncode == 2
    assert "'model.onnx' is int8 for onnxruntime, which this format does not keep; export the same" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "no").exists()
    lineage = json.loads((tmp_path / "out" / "lineage.json").read_text())
    assert lineage["automl.accuracy"]["map"] == child.map
    assert "int8" in lineage["origin"]
    config = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    assert config["candidate"]["deploy.precision"] == "int8"
    if not more:
        assert f"detector in fp32, trial {parent.number}\n" in refused.stderr
    assert ("weights" in config) == bool(more)  # `automl train` begins a plain training anew, as its parent
