"""Trials that are read again and again are those that reading all of them anew gives, whoever writes in between."""

import random
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from objectives.records import attributes as keys
from objectives.records.records import Decision, Ending, Latency, Outcome, Resources, Rung
from objectives.records.stored.rows import whole_trial
from objectives.records.trial_record import Phase, read_trial, trial_records
from search.engine.observed import observe, observed
from search.study.store import open_storage

LATENCY = Latency(2.0, 2.4, 1.9, 2.1, 1.8, 60, 1.0, True, "", "d3vice", 10**8)
DIRECTIONS = ["maximize", "minimize"]


def do_something(study: optuna.Study, rng: random.Random) -> None:
    """Do one thing that a searching process does to a study."""
    running = [trial.number for trial in study.get_trials(states=(TrialState.RUNNING,))]
    kind = rng.choice(("ask", "enqueue", "add", *("write",) * 6, "tell", "tell", "step"))
    if kind == "ask" or (kind in ("write", "tell", "step") and not running):
        trial = study.ask()
        trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        if trial.suggest_categorical("backbone", ("a", "b", "é")) == "a":
            trial.suggest_int("pixels", 64, 256, step=32)
    elif kind == "enqueue":
        study.enqueue_trial({"lr": 0.01})
    elif kind == "add":
        study.add_trial(create_trial(values=[rng.random(), float("inf")], user_attrs={keys.PARENT: 3}))
    elif kind == "write":
        optuna.Trial(study, trial_id(study, rng.choice(running))).set_user_attr(*rng.choice(attributes(rng)))
    elif kind == "step":
        study._storage.set_trial_intermediate_value(trial_id(study, rng.choice(running)), 1, float("nan"))
    else:
        state = rng.choice((TrialState.COMPLETE, TrialState.FAIL))
        study.tell(rng.choice(running), [rng.random(), 2.0] if state is TrialState.COMPLETE else None, state)


def trial_id(study: optuna.Study, number: int) -> int:
    return study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)


def attributes(rng: random.Random) -> list[tuple[str, Any]]:
    """Return what may be written of a trial."""
    rungs = [Rung(epoch, rng.random(), 0.5, 1.0, 1.0, True).to_json() for epoch in range(1, rng.randint(2, 5))]
    return [
        (keys.RUNGS, rungs),
        (keys.LATENCY, LATENCY.to_json()),
        (keys.CANDIDATE, {"lr": 0.1, "backbone": "é"}),
        (keys.PAUSED, rng.random() < 0.5),
        (keys.RESOURCES, Resources(seconds={"train": rng.random()}).to_json()),
        (keys.DECISIONS, [Decision(1, "pause", "slow").to_json()]),
        (keys.ENDING, Ending(Outcome.FAILED, "so it was").to_json()),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_records_are_those_of_trials_read_anew(tmp_path: Path, seed: int) -> None:
    rng, url = random.Random(seed), f"sqlite:///{tmp_path / 'x.sqlite3'}"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study(storage=url, study_name="another", directions=DIRECTIONS).enqueue_trial({})
    study = optuna.create_study(storage=open_storage(url), study_name="s", directions=DIRECTIONS)
    other = optuna.load_study(study_name="s", storage=url)  # another process, by Optuna's own storage
    ended: dict[int, int] = {}
    for _ in range(8):
        for _ in range(rng.randint(1, 5)):
            do_something(rng.choice((study, other)), rng)
        anew = [read_trial(trial) for trial in optuna.load_study(study_name="s", storage=url).get_trials()]
        found = trial_records(study)
        assert found == anew
        assert [one.distributions for one in found] == [one.distributions for one in anew]
        assert observe(study) == [observed(one) for one in anew if one.phase is not Phase.WAITING]
        for one in found:  # an ended one is the same object each time: what is made of it stays right
            if one.phase.has_ended:
                assert ended.setdefault(one.number, id(one)) == id(one)


def test_a_trial_is_read_as_optuna_reads_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.sqlite3'}"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=url, directions=DIRECTIONS)
    study.enqueue_trial({"b": "x", "c": 1})
    trial = study.ask()
    trial.suggest_float("c", -1, 1, step=0.5)
    trial.suggest_categorical("b", ("x", "y", None, 2, True))
    trial.suggest_int("a", 1, 9)
    trial.set_user_attr("z", {"é": [1, None]})
    trial.set_user_attr("a", "b")
    study._storage.set_trial_intermediate_value(trial._trial_id, 3, float("-inf"))
    study._storage.set_trial_intermediate_value(trial._trial_id, 1, float("nan"))
    study.tell(trial, [float("-inf"), 3.5])
    backend = study._storage._backend  # type: ignore[attr-defined]  # Optuna's cache
    expected, found = backend.get_trial(trial._trial_id), whole_trial(backend, trial._trial_id)
    assert text_of(found) == text_of(expected)
    assert list(found.params) == list(expected.params) == ["c", "b", "a"]
    with pytest.raises(KeyError, match="no trial"):
        whole_trial(backend, 99)


def text_of(trial: optuna.trial.FrozenTrial) -> list[str]:
    """Return a trial as text, NaN among it, whatever the order of what has none."""
    unordered = {"_user_attrs", "_system_attrs", "intermediate_values"}
    return [f"{name} {sorted(value.items()) if name in unordered else value!r}" for name, value in vars(trial).items()]


def test_distributions_of_a_running_trial_are_its_own(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    study = optuna.create_study(storage=storage, directions=DIRECTIONS)
    trial, distributions = study.ask(), {"a": IntDistribution(1, 9), "b": CategoricalDistribution(("x", "y"))}
    for name, distribution in distributions.items():
        trial._suggest(name, distribution)
    read = storage.get_trial(trial._trial_id)
    read.distributions["c"] = FloatDistribution(0, 1)
    assert storage.get_trial(trial._trial_id).distributions == distributions == trial_records(study)[0].distributions
