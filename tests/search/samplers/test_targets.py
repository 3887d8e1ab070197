"""Samplers that are not the product's own: Optuna's, OptunaHub's and a user's, by `_target_`."""

from collections.abc import Sequence
from pathlib import Path

import optuna
import pytest

from search.engine.known_latency import KnownLatencySampler
from search.samplers.factory import SamplerFactory
from search.samplers.registry import check_sampler, make_sampler, suggest
from search.settings.choices import SamplerSettings
from search.settings.settings import load_settings
from spaces.candidate import Candidate
from spaces.errors import SettingsError
from spaces.space import SearchSpace

SPACE = SearchSpace.from_config({"size": {"pixels": "range(64, 257, 32)"}, "train": {"lr0": "interval(0.001, 0.1)"}})
HUB = """import optuna

class Stubborn(optuna.samplers.RandomSampler):
    def __init__(self, low: float = 0.0, seed: int | None = None) -> None:
        super().__init__(seed=seed)
        self.low = low
"""


class Mine(SamplerFactory):
    """A user's factory."""

    def __init__(self, startup: int) -> None:
        self.startup = startup

    def make(self, trial_seed: int, study_seed: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(n_startup_trials=self.startup, seed=trial_seed + study_seed)


def custom(target: str, **arguments: object) -> SamplerSettings:
    return SamplerSettings("custom", target, arguments)


def proposed(settings: SamplerSettings, numbers: Sequence[int], seed: int = 3) -> list[Candidate]:
    """Return what a fresh process proposes for trials of these numbers."""
    found = []
    for number in numbers:
        study = optuna.create_study(directions=["maximize", "minimize"])
        study.sampler = make_sampler(settings, seed, number, KnownLatencySampler(seed=seed, space=SPACE))
        found.append(suggest(study.ask(), SPACE))
    return found


@pytest.mark.parametrize(
    "settings",
    [
        custom("optuna.samplers.RandomSampler"),
        custom("optuna.samplers.TPESampler", multivariate=True, n_startup_trials=2),
        custom(f"{__name__}.Mine", startup=2),
    ],
    ids=["random", "tpe", "factory"],
)
def test_a_target_samples_by_the_seed_and_the_trial_alone(settings: SamplerSettings) -> None:
    check_sampler(settings)
    first = proposed(settings, [0, 1, 2])
    assert proposed(settings, [2, 0])[::-1] == [first[0], first[2]]
    assert len(set(first)) == 3
    assert proposed(settings, [0], seed=4) != first[:1]


def test_nested_targets_are_built(tmp_path: Path) -> None:
    inner = {"_target_": "optuna.samplers.RandomSampler", "seed": 1}
    settings = custom("optuna.samplers.PartialFixedSampler", fixed_params={"size.pixels": 96}, base_sampler=inner)
    assert proposed(settings, [0])[0]["size.pixels"] == 96


def test_a_package_of_optunahub(tmp_path: Path) -> None:
    package = tmp_path / "samplers" / "stubborn"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(HUB)
    hub = "search.samplers.hub.OptunaHub"
    named = {"package": "samplers/stubborn", "registry": str(tmp_path)}
    settings = custom(hub, sampler="Stubborn", arguments={"low": 0.5}, **named)
    check_sampler(settings)
    assert proposed(settings, [0, 1]) == proposed(settings, [0, 1])
    with pytest.raises(SettingsError, match="package 'samplers/stubborn' has no class 'Mild'"):
        proposed(custom(hub, sampler="Mild", **named), [0])
    with pytest.raises(SettingsError, match="cannot load 'samplers/none'"):
        proposed(custom(hub, sampler="Stubborn", package="samplers/none", registry=str(tmp_path)), [0])


def test_a_line_names_a_target() -> None:
    target = "optuna.samplers.TPESampler"
    settings = load_settings(
        ["conf=smoke", "sampler=custom", f"sampler._target_={target}", "+sampler.multivariate=true"]
    )
    assert settings.sampler == custom(target, multivariate=True)
    assert settings.to_json()["sampler"] == {"name": "custom", "_target_": target, "multivariate": True}


def test_a_preset_of_the_users_own_names_a_target(tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text(
        "defaults: [base, override sampler: custom, _self_]\nname: mine\n"
        "sampler: {_target_: optuna.samplers.RandomSampler}\n"
    )
    assert load_settings([f"conf={preset}"]).sampler == custom("optuna.samplers.RandomSampler")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (custom("optuna.samplers.TPESampeler"), "sampler._target_: cannot import 'optuna.samplers.TPESampeler'"),
        (custom("optuna.samplers.TPESampler", multivariat=True), "'sampler.multivariat'; nearest: multivariate"),
        (custom(f"{__name__}.Mine"), "sampler.startup: needs a value"),
        (SamplerSettings("random", arguments={"startup": 4}), "unknown setting 'sampler.startup'; it has none"),
        (SamplerSettings("known_latency", arguments={"startup": 4}), "unknown setting 'sampler.startup'"),
        (SamplerSettings("tpe", arguments={"startup": -1}), "sampler.startup: must be 0 or more, got -1"),
        (SamplerSettings("tpe", arguments={"startup": "many"}), "sampler.startup: expected `int`, got `str`"),
        (SamplerSettings("tpe", "optuna.samplers.TPESampler"), "'tpe' is the product's own and takes no _target_"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value.name,
)
def test_a_wrong_sampler_is_one_line(settings: SamplerSettings, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_sampler(settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_made_must_be_a_sampler() -> None:
    with pytest.raises(SettingsError, match=r"'builtins\.dict' makes a dict"):
        proposed(custom("builtins.dict"), [0])


def test_settings_that_the_target_refuses_are_one_line() -> None:
    with pytest.raises(
        SettingsError, match=r"sampler: 'optuna.samplers.NSGAIISampler' refuses its settings \(.*population"
    ):
        proposed(custom("optuna.samplers.NSGAIISampler", population_size=1), [0])
