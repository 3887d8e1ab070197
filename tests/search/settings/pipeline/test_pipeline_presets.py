"""The three worked examples: each asks for what the user alone knows, and is what its example says."""

from pathlib import Path
from typing import Any

import pytest

from search.settings.pipeline.compose_pipeline import PIPELINES
from search.settings.pipeline.pipeline_settings import PipelineSettings, load_pipeline
from search.settings.settings import load_settings
from spaces.errors import SettingsError

FOLDERS = ["data.root=embedded", "stream.images=in", "stream.labels=back", "stream.predictions=logs"]
GIVEN = {  # of each preset, what is to be filled in
    "retail-weekly": FOLDERS,
    "defects-brightness": [*FOLDERS, "rollout.rules.classes=[crack]"],
    "signs-precision": FOLDERS,
}
PRESETS = sorted(path.stem for path in PIPELINES.glob("*.yaml") if path.stem != "base")


def value(settings: PipelineSettings, key: str) -> Any:
    found: Any = settings
    for part in key.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    return found


def test_there_are_the_three_that_the_docs_work_out() -> None:
    assert sorted(GIVEN) == PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_asks_for_what_the_user_alone_knows(name: str) -> None:
    settings = load_pipeline([f"pipeline={name}", *GIVEN[name]])
    assert settings.name == name
    load_settings([f"conf={settings.search.conf}", *settings.search.first, *settings.gates.overrides])
    for left_out in GIVEN[name]:
        key = left_out.partition("=")[0]
        with pytest.raises(SettingsError, match=rf"^{key}: needs a value; .* give {key}=\.\.\.$"):
            load_pipeline([f"pipeline={name}", *(line for line in GIVEN[name] if line != left_out)])
    with pytest.raises(SettingsError, match=r"data\.root, stream\.images, .*: need values"):
        load_pipeline([f"pipeline={name}"])


def test_a_preset_on_another_gives_what_that_one_asks_for(tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text("defaults: [retail-weekly, _self_]\ndata: {root: embedded}\nstream: {images: in, labels: back}\n")
    with pytest.raises(SettingsError, match=r"^stream\.predictions: needs a value"):
        load_pipeline([f"pipeline={own}"])
    assert load_pipeline([f"pipeline={own}", "stream.predictions=logs"]).triggers.cron == "0 6 * * 1"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "retail-weekly",
            {
                "triggers.cron": "0 6 * * 1",
                "gates.overrides": ["gate.map50_min=0.55", "gate.p95_ms_max=25"],
                "rollout.kind": "canary",
                "rollout.share": 0.1,
            },
        ),
        (
            "defects-brightness",
            {
                "triggers.drift.watch": ["brightness"],
                "triggers.drift.margins.brightness": 0.15,
                "rollout.kind": "shadow",
                "rollout.hours": 48,
                "rollout.rules.false_negative_rate_max": 0.06,
            },
        ),
        (
            "signs-precision",
            {
                "triggers.performance.metric": "precision",
                "triggers.performance.bound": 0.9,
                "triggers.performance.window_days": 7,
                "rollout.kind": "canary",
                "rollout.share": 0.2,
                "rollout.hours": 24,
            },
        ),
    ],
)
def test_a_preset_is_what_its_example_says(name: str, said: dict[str, Any]) -> None:
    settings = load_pipeline([f"pipeline={name}", *GIVEN[name]])
    assert {key: value(settings, key) for key in said} == said
