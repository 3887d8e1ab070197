"""The lineage JSON: keys, which others read, hashes of its files, start, chain, and of a training afterwards."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from small_export import lineage_of, write_export, write_trained

import search
from objectives.data.dataset import Dataset
from objectives.records.paths import ExportPaths
from reports.table.table import StudyTable
from search.register.lineage import LINEAGE_FORMAT, origins, start_card, trained_lineage
from spaces.candidate import Candidate

# Whoever reads a lineage counts on these: a key that goes or changes its meaning needs another LINEAGE_FORMAT.
KEYS = {
    *("format", "study", "trial", "artifact", "files", "candidate", "data", "code", "start", "chain", "fingerprints"),
    *("provenance", "settings", "device", "automl.accuracy", "automl.latency", "automl.resources"),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> ExportPaths:
    """An export, only read."""
    return write_export(tmp_path_factory.mktemp("lineage"), blocks)


@pytest.mark.seconds
def test_the_keys_that_others_read(exported: ExportPaths, blocks: Dataset) -> None:
    lineage = lineage_of(exported)
    assert LINEAGE_FORMAT == lineage["format"] == 1
    assert set(lineage) >= KEYS
    assert set(lineage["artifact"]) == {"file", "sha256", "bytes"}
    assert set(lineage["data"]) == {"name", "fingerprint", "root", "classes", "splits", "dvc"}
    assert lineage["data"]["fingerprint"] == blocks.fingerprint
    assert lineage["data"]["classes"] == list(blocks.classes)
    assert lineage["data"]["splits"]["val"]["images"] == len(blocks.splits["val"])
    assert set(lineage["code"]) == {"folder", "commit", "changed"}
    assert set(lineage["start"]) == {"name", "sha256", "place", "path"}
    assert lineage["chain"] == [{"trial": lineage["trial"], "how": "trained"}]
    assert lineage["candidate"]["backbone.name"] in ("tinynet_e", "lcnet_050")


@pytest.mark.seconds
def test_the_page_names_every_key(exported: ExportPaths) -> None:
    page = (Path(search.__file__).parents[1] / "docs" / "register.md").read_text()
    parts = lineage_of(exported)
    inner = {key for part in ("artifact", "data", "code", "start", "provenance") for key in parts[part]}
    assert [key for key in {*parts, *inner} if f"`{key}`" not in page] == []


@pytest.mark.seconds
def test_every_file_beside_it_has_its_hash(exported: ExportPaths) -> None:
    lineage = lineage_of(exported)
    there = {path.name for path in exported.folder.iterdir()} - {"lineage.json"}
    assert set(lineage["files"]) == there
    for name, card in lineage["files"].items():
        content = (exported.folder / name).read_bytes()
        assert card == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert lineage["artifact"] == {"file": "model.onnx", **lineage["files"]["model.onnx"]}


@pytest.mark.seconds
def test_a_training_at_full_length_has_figures_of_its_own(exported: ExportPaths, tmp_path: Path) -> None:
    export = ExportPaths(tmp_path / "out")
    shutil.copytree(exported.folder, export.folder)
    before = lineage_of(export)
    export.lineage.write_text(json.dumps({**before, "proof": {"map": {"mean": 0.4, "low": 0.3, "high": 0.5}}}))
    write_trained(export)
    lineage = trained_lineage(export, 16, now=True)
    assert lineage["artifact"]["sha256"] == hashlib.sha256(export.trained.model.read_bytes()).hexdigest()
    assert lineage["automl.accuracy"]["map"] == 0.9
    assert lineage["test"]["map"] == 0.8
    assert lineage["search"]["automl.accuracy"] == before["automl.accuracy"]
    assert lineage["search"]["proof"]["map"]["mean"] == 0.4
    assert "proof" not in lineage
    assert lineage["gate"] == [{"bound": one["bound"], "value": 0.9, "kept": True} for one in before["gate"]]
    assert lineage["search"]["gate"] == before["gate"]
    assert lineage["data"] == before["data"]
    assert lineage["chain"] == [
        {"how": "trained at full length", "epochs": 16, "from": "the start"},
        {"trial": before["trial"], "how": "trained"},
    ]
    assert lineage["training"]["seed"] == 42
    assert {"versions", "command", "code", "epochs", "data", "from"} <= set(lineage["training"])
    later = trained_lineage(export, 16, now=False)  # written when it is registered, by another process
    assert set(later["training"]) == {"seed", "epochs", "data", "from"}


@pytest.mark.seconds
def test_a_training_on_other_data_names_these(exported: ExportPaths, tmp_path: Path) -> None:
    export = ExportPaths(tmp_path / "out")
    shutil.copytree(exported.folder, export.folder)
    write_trained(export)
    begun = json.loads(export.trained.identity.read_text())
    export.trained.identity.write_text(json.dumps({**begun, "data": "another"}))
    data = trained_lineage(export, 16, now=True)["data"]
    assert data["fingerprint"] == "another"
    assert {value for name, value in data.items() if name != "fingerprint"} == {None}


def test_a_polish_names_the_trials_that_its_weights_went_through(report_table: Callable[..., StudyTable]) -> None:
    table = report_table(12, families=1)
    child = next(row for row in table.rows if row.is_child)
    polish = replace(table.rows[-1], polishes=child.number)
    assert origins(replace(table, rows=(*table.rows[:-1], polish)), polish)["chain"] == [
        {"trial": polish.number, "how": "polished"},
        {"trial": child.number, "how": "child"},
        {"trial": child.parent, "how": "trained"},
    ]


@pytest.fixture
def from_hub(report_study: Callable[..., optuna.Study], report_table: Callable[..., StudyTable]) -> StudyTable:
    """A study whose first trial starts from published weights."""
    table = report_table(3)
    first = replace(table.rows[0], candidate=Candidate.of({"backbone.name": "lcnet_050", "train.pretrained": "hub"}))
    return replace(table, rows=(first, *table.rows[1:]))


def test_published_weights_have_name_hash_and_place(from_hub: StudyTable, tmp_path: Path) -> None:
    name = "lcnet_050.ra2_in1k"
    path = tmp_path / f"{name}.safetensors"
    path.write_bytes(b"published")
    sha256 = hashlib.sha256(b"published").hexdigest()
    table = replace(
        from_hub,
        settings={**from_hub.settings, "pretrained": {"folder": str(tmp_path)}},
        fingerprints={**from_hub.fingerprints, "weights": json.dumps({name: sha256})},
    )
    row = table.rows[0]
    assert start_card(table, row) == {"name": name, "sha256": sha256, "place": "folder", "path": str(path)}
    path.write_bytes(b"another")
    assert start_card(table, row) == {"name": name, "sha256": sha256, "place": None, "path": None}
    path.unlink()
    tmp_path.rmdir()
    assert start_card(table, row) == {"name": name, "sha256": sha256, "place": None, "path": None}


def test_weights_that_the_study_began_without_are_random_ones(from_hub: StudyTable) -> None:
    began = {**from_hub.fingerprints, "weights": json.dumps({"lcnet_050.ra2_in1k": "random"})}
    table = replace(from_hub, fingerprints=began)
    nothing = {"name": None, "sha256": None, "place": None, "path": None}
    assert start_card(table, table.rows[0]) == nothing
