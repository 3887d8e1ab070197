"""Settings of pipelines: presets by name and path, overrides, and mistakes in one line."""

from pathlib import Path

import pytest

from search.settings.compose import compose_config
from search.settings.pipeline.pipeline_settings import load_pipeline
from spaces.errors import SettingsError

LEAST = ["pipeline=base", "name=shelves", "data.root=embedded"]
PRESET = "defaults: [base, _self_]\nname: own\ndata: {root: ~/shelves}\nrollout: {kind: shadow, hours: 48}\n"


def test_base_has_a_default_for_all_but_name_and_data() -> None:
    settings = load_pipeline(LEAST)
    assert settings.root == Path.cwd() / "pipelines" / "shelves"
    assert settings.deployed == Path.cwd() / "deployments" / "shelves"
    assert settings.triggers.drift.margins["brightness"] == 0.15
    assert settings.rollout.rules.level == 0.95


def test_a_preset_of_the_users_is_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf" / "pipeline").mkdir(parents=True)
    (tmp_path / "conf" / "pipeline" / "own.yaml").write_text(PRESET)
    monkeypatch.chdir(tmp_path)
    by_path = load_pipeline([f"pipeline={tmp_path / 'conf' / 'pipeline' / 'own.yaml'}"])
    assert by_path == load_pipeline(["pipeline=own"])
    assert by_path.data.root == str(Path("~/shelves").expanduser())
    assert (by_path.rollout.kind, by_path.rollout.hours, by_path.rollout.share) == ("shadow", 48, 0.1)


def test_texts_and_lists_of_overrides_are_taken_as_they_are_typed() -> None:
    line = ["triggers.cron=0 6 * * 1", r"stream.time=(?P<time>\d{8})", "stream.images=/a b/c,d"]
    line += ["search.first=[trial.run=quick_trainer:run_trial,space.size.pixels=range(64,257,32)]"]
    line += ["gates.critical={jar: {recall_min: 0.9}}"]
    settings = load_pipeline([*LEAST, *line])
    assert settings.triggers.cron == "0 6 * * 1"
    assert (settings.stream.time, settings.stream.images) == (r"(?P<time>\d{8})", "/a b/c,d")
    assert settings.search.first == ["trial.run=quick_trainer:run_trial", "space.size.pixels=range(64,257,32)"]
    assert settings.gates.critical == {"jar": {"recall_min": 0.9}}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["name=a"], "pipeline: names the preset, once: pipeline=NAME or a path; it was not given"),
        (["pipeline=basee"], "unknown preset 'basee'; nearest: base"),
        (["pipeline=nowhere.yaml"], "no such file 'nowhere.yaml'"),
        ([*LEAST, "rollout.hour=3"], "unknown setting 'rollout.hour'; nearest: rollout.hours"),
        ([*LEAST, "+rollout.hour=3"], "unknown setting 'rollout.hour'; nearest: hours"),
        ([*LEAST, "rollout.hours=soon"], "rollout.hours: "),
        ([*LEAST, "rollout.hours=1,2"], "sweeps a setting"),
        ([*LEAST, "rollout=3"], "rollout"),
        ([*LEAST, "often"], "'often' is no override"),
        (["pipeline=base", "name=a"], "data.root: needs a value"),
        ([*LEAST[:1], "name=a/b", "data.root=c"], "name: must be a plain folder name, got 'a/b'"),
    ],
)
def test_mistakes_are_named_in_one_line(line: list[str], words: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_pipeline(line)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_search_knows_nothing_of_pipelines() -> None:
    with pytest.raises(SettingsError, match="unknown setting 'pipeline'"):
        compose_config(["conf=smoke", "pipeline=base"])
