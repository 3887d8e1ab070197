"""The three worked examples: each composes on the base, asks for what the user alone knows, and says what it is for."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from search.settings.compose import CONF

ASKED = {  # of each preset, what is to be filled in
    "retail-weekly": {"data.root", "stream.images", "stream.labels", "stream.predictions"},
    "defects-brightness": {
        *("data.root", "stream.images", "stream.labels", "stream.predictions"),
        "rollout.rules.classes",
    },
    "signs-precision": {"data.root", "stream.images", "stream.labels", "stream.predictions"},
}
PRESETS = sorted(path.stem for path in (CONF / "pipeline").glob("*.yaml") if path.stem != "base")


def composed(name: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF / "pipeline"), version_base="1.3"):
        return OmegaConf.to_container(compose(name))  # type: ignore[return-value]  # a mapping with text keys


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        yield f"{prefix}{key}", value
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")


def test_there_are_the_three_that_the_docs_work_out() -> None:
    assert set(ASKED) == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_asks_for_what_the_user_alone_knows_and_adds_no_setting(name: str) -> None:
    base, own = dict(flat(composed("base"))), dict(flat(composed(name)))
    assert {key for key, value in own.items() if value == "???"} == ASKED[name]
    assert own["name"] == name
    free = ("gates.critical.", "triggers.drift.margins.")
    assert {key for key in own.keys() - base.keys() if not key.startswith(free)} == set()


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
    own = dict(flat(composed(name)))
    assert {key: own[key] for key in said} == said
