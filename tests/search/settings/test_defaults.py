"""Defaults: they stand in `conf/` alone, for a search, a user's own group, and what an older automl wrote."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from defaults import CPU, protocol_of

from objectives.data.dataset import Dataset
from objectives.trial.job import TrialJob
from search.commands.train import _defaults, _job
from search.settings.choices import PrunerSettings
from search.settings.compose import CONF, base_values, default_values
from search.settings.settings import (
    SECTIONS,
    Settings,
    load_settings,
)
from search.workers.places import Place


def own_defaults(record: Any) -> dict[str, object]:
    """Return what a record itself takes where nothing is given."""
    missing = dataclasses.MISSING
    factories = {f.name for f in dataclasses.fields(record) if f.default_factory is not missing}
    assert not factories
    return {f.name: f.default for f in dataclasses.fields(record) if f.default is not missing}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_record_has_no_default_but_none_and_conf_says_the_same(section: str) -> None:
    found = own_defaults(SECTIONS[section])
    assert set(found.values()) <= {None}
    assert found.items() <= default_values(section).items()


def test_every_section_is_looked_at() -> None:
    names = {f.name for f in dataclasses.fields(Settings)}
    others = {"name", "seed", "space", "start", "workers", "experience", "sampler", "pruner", "baseline"}
    others |= {"devices", "steer", "logger", "carry"}
    assert names - set(SECTIONS) == others
    assert own_defaults(Settings) == {}
    assert default_values("trial")["run"] == TrialJob.run


@pytest.mark.parametrize("path", [path for group in ("data", "device") for path in (CONF / group).glob("*.yaml")])
def test_every_option_of_a_group_is_whole(path: Path) -> None:
    group = path.parent.name
    assert list(yaml.safe_load(path.read_text())) == [f.name for f in dataclasses.fields(SECTIONS[group])]


def test_what_a_group_of_the_users_own_leaves_out_is_as_conf_has_it(tmp_path: Path) -> None:
    (tmp_path / "pruner").mkdir()
    (tmp_path / "pruner" / "strict.yaml").write_text("name: dominated\ntolerance: 0.9\n")
    own = tmp_path / "own.yaml"
    own.write_text("defaults: [base, override pruner: strict, _self_]\nname: own\n")
    dominated = load_settings(["conf=smoke", "pruner=dominated"]).pruner
    assert load_settings([f"conf={own}"]).pruner == dataclasses.replace(
        dominated, arguments={**dominated.arguments, "tolerance": 0.9}
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "key", ["pruner.grace", "latency", "device.threads", "trial.silence_s", "workers", "experience"]
)
def test_what_a_line_takes_away_is_as_conf_has_it(key: str) -> None:
    assert load_settings(["conf=retail", f"~{key}"]) == load_settings(["conf=retail"])


def test_an_unknown_option_is_filled_from_the_one_that_base_names() -> None:
    chosen = {group: option for line in base_values()["defaults"] if line != "_self_" for group, option in line.items()}
    mine = PrunerSettings.from_config({"name": "mine"})
    assert dataclasses.replace(mine, name=chosen["pruner"]) == PrunerSettings.from_config(None)


def test_an_export_of_an_older_automl_is_trained(blocks: Dataset, tmp_path: Path) -> None:
    """Its device and its protocol have fewer keys."""
    config = {
        "trial": 3,
        "candidate": {"backbone.name": "lcnet_050", "size.pixels": 64},
        "epochs": 8,
        "seed": 1,
        "data": {"root": "blocks", "format": "auto", "split": "val"},
        "device": {"name": "cpu", "runtime": "onnxruntime"},
        "latency": {"confidence": 0.3, "images_min": 100},
        "train_device": "cpu",
        "workers": 2,
    }
    job = _job({**_defaults(), **config}, blocks, tmp_path, Place((), "cpu", lambda: None), None)
    assert (job.device, job.protocol) == (CPU, protocol_of(confidence=0.3, images_min=100))
