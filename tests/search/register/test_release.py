"""What is registered of an export: tags and parameters as MLflow's servers take them, and a line for people."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from small_export import lineage_of, write_export

from objectives.data.dataset import Dataset
from objectives.records.paths import ExportPaths
from search.register.release import CUT_WORDS, PARAM_MOST, TAG_MOST, read_release

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> ExportPaths:
    """An export, only read."""
    return write_export(tmp_path_factory.mktemp("release"), blocks)


@pytest.fixture
def own(exported: ExportPaths, tmp_path: Path) -> ExportPaths:
    """A copy of it, to be changed."""
    shutil.copytree(exported.folder, tmp_path / "out")
    return ExportPaths(tmp_path / "out")


def test_tags_say_where_it_comes_from(own: ExportPaths) -> None:
    start = {"name": "lcnet_050.ra2_in1k", "sha256": "ab" * 32, "place": "cache", "path": "/weights"}
    lineage = {
        **lineage_of(own),
        "parent": 0,
        "start": start,
        "code": {"folder": "/mine", "commit": "c" * 40, "changed": True},
    }
    lineage["data"]["dvc"] = {"data.dvc: shelves": "d0c"}
    own.lineage.write_text(json.dumps(lineage))
    tags = read_release(str(own.folder)).tags
    assert tags["automl.parent"] == "0"
    assert (tags["automl.start"], tags["automl.start_sha256"]) == ("lcnet_050.ra2_in1k", "ab" * 32)
    assert (tags["mlflow.source.git.commit"], tags["automl.code_changed"]) == ("c" * 40, "true")
    assert json.loads(tags["automl.data_dvc"]) == {"data.dvc: shelves": "d0c"}
    assert tags["automl.device"] == "cpu"
    assert "automl.polishes" not in tags


def test_random_weights_are_said_and_older_exports_say_nothing(own: ExportPaths) -> None:
    assert read_release(str(own.folder)).tags["automl.start"] == "random"
    lineage = lineage_of(own)
    del lineage["start"], lineage["code"]
    own.lineage.write_text(json.dumps(lineage))
    assert not {"automl.start", "automl.code_changed"} & read_release(str(own.folder)).tags.keys()


def test_long_values_are_cut_and_say_so(own: ExportPaths) -> None:
    lineage = lineage_of(own)
    lineage["provenance"]["command"] = "automl search " + "x" * 9000
    lineage["settings"]["gate"]["own"] = [{"name": "y" * 9000}]
    own.lineage.write_text(json.dumps(lineage))
    found = read_release(str(own.folder))
    for text, most in ((found.tags["automl.command"], TAG_MOST), (found.params["settings.gate.own"], PARAM_MOST)):
        assert len(text) == most
        assert text.endswith(CUT_WORDS)


def test_settings_named_by_classes_are_names_that_mlflow_takes(own: ExportPaths) -> None:
    lineage = lineage_of(own)
    lineage["settings"]["gate"]["recall_of"] = {"50% off": 0.9}
    own.lineage.write_text(json.dumps(lineage))
    assert read_release(str(own.folder)).params["settings.gate.recall_of.50_ off"] == "0.9"


def test_the_description_has_figures_intervals_and_data(own: ExportPaths) -> None:
    lineage = lineage_of(own)
    end = {"mean": 0.45, "low": 0.4, "high": 0.5}
    own.lineage.write_text(json.dumps({**lineage, "proof": {"map": end}, "test": {"map": 0.43}}))
    words = read_release(str(own.folder)).description
    assert words.startswith(f"smoke-{lineage['trial']}: mAP {lineage['automl.accuracy']['map']:.3f}, proven 0.450 (0.4")
    assert "on the test split 0.430" in words
    assert words.endswith(f"; data {lineage['data']['name']} {lineage['fingerprints']['data']}")


@pytest.mark.parametrize(
    ("runtime", "provider", "used"),
    [("onnxruntime", "CUDAExecutionProvider", "CUDAExecutionProvider"), ("openvino", "GPU", "CPUExecutionProvider")],
)
def test_the_provider_is_one_of_onnx_runtime(own: ExportPaths, runtime: str, provider: str, used: str) -> None:
    config = yaml.safe_load(own.config.read_text())
    config["device"].update(runtime=runtime, provider=provider)
    own.config.write_text(yaml.safe_dump(config))
    assert read_release(str(own.folder)).provider == used
