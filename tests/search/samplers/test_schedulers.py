"""Schedulers by name and by target: each with its own settings alone."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from search.engine.known_latency import KnownLatencySampler
from search.engine.observed import Observed
from search.engine.schedulers.dominated import Dominated
from search.engine.schedulers.gain_per_second import GainPerSecond
from search.engine.schedulers.mo_asha import MoAsha
from search.engine.schedulers.scheduler import NO_LIMIT, BudgetLeft, Full, Scheduler, Step
from search.samplers.schedulers import PRUNERS, check_pruner, make_scheduler, scheduler_class
from search.settings.choices import PrunerSettings
from search.settings.settings import load_settings
from spaces.errors import SettingsError
from spaces.space import SearchSpace

SPACE = SearchSpace.from_config({"size": {"pixels": "range(64, 129, 32)"}})
KNOWN = KnownLatencySampler(space=SPACE)


class Patient(Scheduler):
    """A user's own: a new trial, always."""

    pauses = False

    def __init__(self, patience: int, eta: float) -> None:
        self.patience, self.eta = patience, eta

    def next_step(
        self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None, budget_left: BudgetLeft = NO_LIMIT
    ) -> Step | None:
        return Step(None, ladder[-1], "always a new one")


def patient(**arguments: object) -> PrunerSettings:
    target = f"{__name__}.Patient"
    return PrunerSettings("mine", 3, 2.0, 0.0, target=target, arguments=arguments)


@pytest.mark.parametrize(
    ("name", "kind"), [("gain", GainPerSecond), ("mo_asha", MoAsha), ("dominated", Dominated), ("none", Full)]
)
def test_each_preset_makes_its_scheduler(name: str, kind: type[Scheduler]) -> None:
    settings = load_settings(["conf=smoke", f"pruner={name}"]).pruner
    check_pruner(settings)
    assert type(make_scheduler(settings, KNOWN)) is kind
    assert scheduler_class(settings) is kind
    assert set(PRUNERS) == {"gain", "mo_asha", "dominated", "none"}


def test_the_ladder_and_the_own_settings_reach_the_scheduler() -> None:
    halving = make_scheduler(load_settings(["conf=smoke", "pruner=mo_asha", "pruner.eta=4"]).pruner, KNOWN)
    assert isinstance(halving, MoAsha)
    assert halving.eta == 4.0
    line = ["conf=smoke", "pruner=dominated", "pruner.better_min=2", "pruner.tolerance=0.5"]
    assert make_scheduler(load_settings(line).pruner, KNOWN) == Dominated(2, 0.5)


def test_a_scheduler_of_the_user_is_given_what_it_names() -> None:
    settings = patient(patience=3)
    check_pruner(settings)
    made = make_scheduler(settings, KNOWN)
    assert isinstance(made, Patient)
    assert (made.patience, made.eta) == (3, 2.0)
    assert not scheduler_class(settings).pauses


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PrunerSettings("dominatd", 3, 2.0, 0.0), "pruner.name: unknown pruner 'dominatd'; nearest: dominated"),
        (PrunerSettings("gain", 3, 2.0, 0.0, arguments={"tolerance": 1}), "unknown setting 'pruner.tolerance'"),
        (PrunerSettings("gain", 3, 2.0, 0.0, target="a.B"), "'gain' is the product's own and takes no _target_"),
        (PrunerSettings("mine", 3, 2.0, 0.0, target="nowhere.B"), "pruner._target_: cannot import 'nowhere.B'"),
        (PrunerSettings("mine", 3, 2.0, 0.0, target="math.pi"), "'math.pi' cannot be called"),
        (PrunerSettings("mine", 3, 2.0, 0.0, target="builtins.dict"), "must make a Scheduler"),
        (PrunerSettings("dominated", 3, 2.0, 0.0), "pruner.better_min: needs a value"),
        (patient(), "pruner.patience: needs a value"),
        (patient(patience="long"), "pruner.patience: expected `int`, got `str`"),
        (patient(patience=1, patienc=2), "unknown setting 'pruner.patienc'; nearest: patience"),
    ],
    ids=lambda value: value.name if isinstance(value, PrunerSettings) else value[:30],
)
def test_a_wrong_pruner_is_one_line(settings: PrunerSettings, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_pruner(settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pruner.better_min=0", "pruner.better_min: must be 1 or more, got 0"),
        ("pruner.tolerance=nan", "pruner.tolerance: must lie in [0, 1], got nan"),
    ],
)
def test_values_are_checked_before_the_search(line: str, message: str) -> None:
    settings = load_settings(["conf=smoke", "pruner=dominated", line]).pruner
    with pytest.raises(SettingsError) as caught:
        check_pruner(settings)
    assert str(caught.value) == message


def test_a_preset_names_a_target() -> None:
    line = ["conf=smoke", "pruner=custom", f"pruner._target_={__name__}.Patient", "+pruner.patience=2"]
    settings = load_settings(line)
    assert settings.pruner == replace(patient(patience=2), name="custom")
    assert settings.to_json()["pruner"]["_target_"] == f"{__name__}.Patient"
