"""`export` and `train` of an elastic training and its children: really trained and scored, small."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from command_line import automl
from quick_search import Begun, begun

from objectives.deploy.export_onnx import deployed_network, meta_of
from objectives.network.assembly import assemble, load_weights, read_weights
from objectives.network.slim import built_slim
from objectives.records.children import ChildrenOrder, ChildrenReport, Choices
from objectives.records.gate import Gate
from objectives.records.paths import ExportPaths
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import trial_records
from objectives.trial.job import SilentListener
from search.settings.dataset import load_data
from search.settings.settings import BudgetSettings, load_settings
from search.study.store import load_study
from search.workers.registry import make_backend
from spaces.candidate import Candidate
from spaces.network.family import Family, slim_ratios

SLIM = {"size.pixels": 64, "neck.depth": 1, "slim.p4": 0.5, "slim.neck": 0.5}
SMALLER = {"size.pixels": 64, "neck.depth": 1}
LINE = (
    *("conf=smoke", "space/slim=elastic", "budget.trials=1", "trial.epochs=1", "trial.train_device=cpu"),
    *("space.size.pixels=choice(64, 96)", "space.neck.depth=choice(1, 2)", "space.backbone.name=lcnet_050"),
    *("start=[{size.pixels: 96, neck.depth: 2}]", "trial.backend=inline", "trial.full_epochs=1"),
)

pytestmark = pytest.mark.slow  # real trainings and searches; CI runs them
WHOLE, CUT, SMALL = "0", "1", "2"  # numbers of the training, and of its children


class Orders(SilentListener):
    """Orders files of some children, and records what comes of that, as a search does."""

    def __init__(self, search: Begun, *wanted: Choices) -> None:
        self.search, self.orders = search, [ChildrenOrder(score=(choices,)) for choices in wanted]

    def children(self, report: ChildrenReport) -> ChildrenOrder | None:
        assert not report.failed
        self.search.chooser.families.record(0, report)
        return self.orders.pop(0) if self.orders else None


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, shelves: Path) -> Path:
    """Folder `runs` with the study `smoke`: an elastic training of one epoch and two of its children."""
    runs = tmp_path_factory.mktemp("family") / "runs"
    settings = load_settings([*LINE, f"data.root={shelves}", f"store.folder={runs}"])
    with begun(settings, load_data(settings.data)) as search:
        search.run()
    with begun(replace(settings, budget=BudgetSettings(3)), load_data(settings.data)) as search:
        (parent,) = trial_records(search.study)
        family = Family.from_json(parent.family)
        whole = {name: values[0] for name, values in family.axes.items()}
        job = replace(search.jobs.scorer(0, Candidate.of(parent.candidate), family), train_device="cpu")
        orders = Orders(search, whole | SLIM, whole | SMALLER)
        make_backend("inline", search.paths.ultralytics).run(job, orders)
    return runs


@pytest.fixture
def place(tmp_path: Path, searched: Path) -> Path:
    """A copy of it, to be changed."""
    shutil.copytree(searched, tmp_path / "runs")
    return tmp_path


def export(place: Path, number: str, *, code: int = 0) -> tuple[ExportPaths, str]:
    done = automl("export", "smoke", "--pick", number, "--to", "out", folder=place)
    assert done.returncode == code, done.stderr
    return ExportPaths(place / "out"), done.stdout + done.stderr


def train(place: Path, *more: str) -> str:
    """Train by a seed that would draw other new weights than the search has drawn."""
    done = automl("train", "out", "backend=inline", "seed=7", *more, folder=place)
    assert done.returncode == 0, done.stderr
    return done.stdout


def config_of(exported: ExportPaths) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(exported.config.read_text())
    return content


def lineage_of(exported: ExportPaths) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(exported.lineage.read_text())
    return content


def network_of(exported: ExportPaths) -> torch.nn.Module:
    """Build the exported network from its config and its weights alone."""
    config = config_of(exported)
    candidate = Candidate.from_json(config["candidate"])
    description, model = assemble(candidate, config["classes"], seed=9)
    assert yaml.safe_load(exported.description.read_text()) == description
    built_slim(model, slim_ratios(candidate), ranked=False)
    load_weights(model, exported.folder / "weights.pt")
    return model.eval()


@pytest.mark.seconds
@pytest.mark.parametrize("number", [WHOLE, CUT, SMALL])
def test_config_description_and_weights_build_the_network_of_the_file(place: Path, number: str) -> None:
    exported, _ = export(place, number)
    config = config_of(exported)
    candidate = Candidate.from_json(config["candidate"])
    network = network_of(exported)
    pixels = int(candidate.number("size.pixels"))
    image = np.random.default_rng(0).random((1, 3, pixels, pixels), dtype=np.float32)
    session = onnxruntime.InferenceSession(exported.folder / "model.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: image})
    with torch.no_grad():
        output = deployed_network(network, meta_of(network, candidate, config["classes"]))(torch.from_numpy(image))
    wanted = (output[0] if isinstance(output, tuple | list) else output).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-3 * np.abs(wanted).max())


@pytest.mark.seconds
def test_a_child_says_where_it_comes_from_and_how_it_is_cut(place: Path) -> None:
    exported, told = export(place, CUT)
    names = {path.name for path in exported.folder.iterdir()}
    texts = {"config.yaml", "model.yaml", "train_arguments.yaml", "data_card.yaml", "lineage.json"}
    assert names == {*texts, "weights.pt", "model.onnx", "detections.jpg"}
    config, lineage = config_of(exported), lineage_of(exported)
    assert (config["trial"], config["parent"], config["weights"]) == (1, 0, "weights.pt")
    assert config["search_epochs"] == 1  # its training's
    assert config["candidate"]["train.elastic"] is False
    assert {name: config["candidate"][name] for name in SLIM} == SLIM
    assert lineage["parent"] == 0
    assert lineage["origin"].startswith("a child of the elastic training of trial 0: cut from its weights")
    cut = "the weights are of this network without 50% of p4, 50% of neck (channels, in multiples of 8)"
    assert lineage["network"] == cut
    assert exported.description.read_text().startswith(f"# The whole network: {cut}.")
    assert "; child of trial 0) written to" in told
    assert f"not with Ultralytics alone: `yolo detect train` builds model.yaml whole, and {cut}" in told
    arguments = yaml.safe_load(exported.train_arguments.read_text())
    assert (arguments["imgsz"], arguments["epochs"]) == (64, 1)


@pytest.mark.seconds
def test_a_child_that_keeps_all_channels_is_described_whole(place: Path) -> None:
    exported, told = export(place, SMALL)
    assert "network" not in lineage_of(exported)
    assert not exported.description.read_text().startswith("#")
    assert "Ultralytics alone" not in told  # which cannot build timm's backbones anyway


@pytest.mark.seconds
def test_an_elastic_training_is_exported_as_one_detector(place: Path) -> None:
    exported, told = export(place, WHOLE)
    config, lineage = config_of(exported), lineage_of(exported)
    assert config["candidate"]["train.elastic"] is False
    assert config["weights"] == "weights.pt"
    assert "parent" not in config
    assert lineage["origin"].startswith("the whole network of an elastic training of ")
    assert lineage["latency_full"] == lineage["automl.latency"]  # it stood on the front when the search ended
    assert "full protocol" not in told


# Latency


@pytest.mark.seconds
def test_a_childs_latency_is_measured_by_the_full_protocol_before_it_ships(place: Path) -> None:
    exported, told = export(place, CUT)
    lineage = lineage_of(exported)
    assert lineage["latency_full"]["p50_ms"] > 0
    assert lineage["latency_full"] != lineage["automl.latency"]
    assert lineage["latency_full"]["device"] == lineage["automl.latency"]["device"]
    assert "latency by the full protocol: p50 " in told
    assert "warning" not in told


@pytest.mark.seconds
def test_a_child_that_breaks_the_gate_by_that_figure_is_exported_with_a_warning(place: Path) -> None:
    study = load_study(place / "runs", "smoke", None)
    StudyWriter(study).contract(Gate(p50_ms_max=0.001), dict(StudyRecord.of(study).fingerprints))
    _, told = export(place, CUT)
    assert "warning: with that figure trial 1 breaks the gate (p50 " in told
    assert "it is exported all the same" in told


@pytest.mark.seconds
def test_a_child_whose_images_are_gone_is_exported_with_a_warning(place: Path) -> None:
    study = load_study(place / "runs", "smoke", None)
    StudyWriter(study).data({**StudyRecord.of(study).data, "root": str(place / "gone")})
    exported, told = export(place, CUT)
    lineage = lineage_of(exported)
    assert lineage["latency_full"] is None
    assert "gone" in lineage["latency_full_missing"]
    assert "warning: its latency is the search's quick figure, measured by one process: " in told


@pytest.mark.seconds
def test_files_of_a_child_that_were_removed_are_told(place: Path) -> None:
    study = load_study(place / "runs", "smoke", None)
    (row,) = (trial for trial in trial_records(study) if trial.number == 1)
    shutil.rmtree(place / "runs" / "smoke" / str(row.folder))
    StudyWriter(study).removed({1: ("model.onnx", "model.yaml", "weights.pt")})
    _, told = export(place, CUT, code=2)
    assert "model.onnx, model.yaml, weights.pt of trial 1 were removed to keep" in told
    assert "or since 200 children nearer the front have files" in told
    assert len(told.splitlines()) == 1


# Training


def standing_still(exported: ExportPaths) -> None:
    """Let a training move its weights by next to nothing."""
    config = config_of(exported)
    config["candidate"] |= {"train.lr0": 1e-8, "train.optimizer": "SGD", "train.weight_decay": 0.0}
    exported.config.write_text(yaml.safe_dump(config))


def moved(exported: ExportPaths) -> float:
    """Return how far a training has moved the weights of convolutions, at most."""
    before = read_weights(exported.folder / "weights.pt")
    after = read_weights(exported.trained.weights)
    kernels = [name for name, weight in before.items() if weight.ndim == 4]
    assert {name: after[name].shape for name in kernels} == {name: before[name].shape for name in kernels}
    return max(float((after[name] - before[name]).abs().max()) for name in kernels)


@pytest.mark.seconds
@pytest.mark.parametrize("number", [WHOLE, CUT])
@pytest.mark.slow
def test_train_goes_on_from_own_weights_and_fresh_starts_anew(place: Path, number: str) -> None:
    exported, _ = export(place, number)
    standing_still(exported)
    told = train(place)
    assert "goes on from its own weights (weights.pt); --fresh starts anew" in told
    assert "epoch 1/1" in told
    assert moved(exported) < 1e-4
    shutil.rmtree(exported.trained.folder)
    assert "own weights" not in train(place, "--fresh")
    assert moved(exported) > 0.01


@pytest.mark.seconds
def test_an_export_that_names_no_weights_starts_anew_as_before(place: Path) -> None:
    exported, _ = export(place, CUT)
    standing_still(exported)
    config = config_of(exported)
    exported.config.write_text(yaml.safe_dump({name: v for name, v in config.items() if name != "weights"}))
    assert "own weights" not in train(place)
    assert moved(exported) > 0.01


@pytest.mark.seconds
def test_weights_of_another_network_are_refused(place: Path) -> None:
    exported, _ = export(place, CUT)
    config = config_of(exported)
    config["candidate"]["slim.p4"] = 0.0
    exported.config.write_text(yaml.safe_dump(config))
    done = automl("train", "out", "backend=inline", folder=place)
    assert done.returncode == 2
    assert "are another network's" in done.stderr
