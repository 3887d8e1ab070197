"""Latencies of a study in its store: read by every process, barred for good only where the architecture is at fault."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from objectives.records import attributes as keys
from objectives.records.failures import Failure
from objectives.records.gate import Gate
from objectives.records.records import Ending, Latency, Outcome
from objectives.records.trial_record import trial_records
from search.engine.candidates import ListedCandidates
from search.engine.observed import observe
from search.engine.proposal.engine import Engine
from search.engine.steering import OnDevices
from search.study.latencies import DOUBTED, StudyLatencies, architecture_key

Params = Mapping[str, Any]


def of(pixels: int, lr0: float = 0.1) -> dict[str, Any]:
    return {"backbone.name": "tiny", "size.pixels": pixels, "train.lr0": lr0}


def latency_of(params: Params) -> Latency:
    p50_ms = params["size.pixels"] / 32
    return Latency(p50_ms, 1.2 * p50_ms, p50_ms, p50_ms, p50_ms, 60, 1.0, True, "", "", 0)


class Measuring:
    """Counts what is measured; sizes in `failures` fail."""

    def __init__(self, **failures: str) -> None:
        self.asked: list[int] = []
        self.failures = {int(pixels.removeprefix("of")): failure for pixels, failure in failures.items()}

    def __call__(self, params: Params) -> Latency | Ending | None:
        pixels = params["size.pixels"]
        self.asked.append(pixels)
        if pixels not in self.failures:
            return latency_of(params)
        failure = self.failures[pixels]
        return Ending(Outcome.FAILED, "it failed", failure) if failure else None


def study_at(folder: Path) -> optuna.Study:
    url = f"sqlite:///{folder / 'study.sqlite3'}"
    return optuna.create_study(storage=url, study_name="s", directions=["maximize", "minimize"], load_if_exists=True)


@pytest.mark.parametrize("failure", ["", Failure.NOT_BUILDABLE, Failure.EXPORT_FAILED])
def test_an_architecture_at_fault_is_barred_for_good(tmp_path: Path, failure: str) -> None:
    measure = Measuring(of256=failure)
    book = StudyLatencies(study_at(tmp_path), Gate(), measure)
    assert book.measure(of(256)) == math.inf
    assert book.measure(of(256, lr0=0.2)) == math.inf
    assert measure.asked == [256]
    new = StudyLatencies(study_at(tmp_path), Gate(), measure)
    assert new.lookup()(of(256)) == math.inf
    assert new.measure(of(256)) == math.inf
    assert measure.asked == [256]


PASSING = [
    Failure.OUT_OF_MEMORY,
    Failure.OUT_OF_DEVICE_MEMORY,
    Failure.TIMED_OUT,
    Failure.KILLED,
    Failure.NOT_MEASURABLE,
    Failure.CRASHED,
]


@pytest.mark.parametrize("failure", PASSING)
def test_a_failure_that_may_pass_bars_nothing(tmp_path: Path, failure: str) -> None:
    measure = Measuring(of256=failure)
    book = StudyLatencies(study_at(tmp_path), Gate(), measure)
    assert book.odds(of(256)) == 1.0
    assert book.measure(of(256)) is None
    assert book.measure(of(256)) is None
    assert measure.asked == [256]  # once a process
    assert book.lookup()(of(256)) is None
    assert (book.odds(of(256, lr0=0.3)), book.odds(of(128))) == (DOUBTED, 1.0)
    spent = book.spent_s()
    later = Measuring()
    new = StudyLatencies(study_at(tmp_path), Gate(), later)
    assert new.lookup()(of(256)) is None
    assert new.odds(of(256)) == DOUBTED
    assert new.measure(of(256)) == 8.0  # now it goes well
    assert new.odds(of(256)) == 1.0
    assert new.spent_s() >= spent
    assert book.measure(of(256)) == 8.0  # the first process reads it


def test_a_board_that_is_away_says_nothing_of_a_candidate(tmp_path: Path) -> None:
    measure = Measuring(of256=Failure.DEVICE_AWAY)
    book = StudyLatencies(study_at(tmp_path), Gate(), measure)
    assert book.measure(of(256)) is None
    assert (book.odds(of(256)), book.spent_s()) == (1.0, 0.0)  # neither doubted nor kept
    assert book.measure(of(256)) is None
    assert measure.asked == [256, 256]  # the board may be back


def test_what_another_process_measured_is_not_measured_again(tmp_path: Path) -> None:
    one, other = Measuring(), Measuring()
    books = [StudyLatencies(study_at(tmp_path), Gate(), measure) for measure in (one, other)]
    assert [book.lookup()(of(96)) for book in books] == [None, None]
    assert [book.measure(of(96)) for book in books] == [3.0, 3.0]
    assert (one.asked, other.asked) == ([96], [])


def test_trials_tell_as_they_go_on() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    book = StudyLatencies(study, Gate(p95_ms_max=12.0), Measuring())
    trial = study.ask()
    trial.suggest_int("size.pixels", 64, 64)
    book.refresh(observe(study))
    assert book.lookup()({"size.pixels": 64}) is None
    trial.set_user_attr(keys.LATENCY_UNTRAINED, latency_of(of(64)).to_json())
    book.refresh(observe(study))
    assert book.lookup()({"size.pixels": 64, "train.lr0": 0.9}) == 2.0
    assert book.bound_ms() == pytest.approx(10.0)
    trial.set_user_attr(keys.LATENCY, latency_of(of(80)).to_json())
    study.tell(trial, [0.5, 2.5])
    again = study.ask()
    again.suggest_int("size.pixels", 64, 64)
    again.set_user_attr(keys.LATENCY_UNTRAINED, latency_of(of(64)).to_json())
    book.refresh(observe(study))
    assert book.lookup()({"size.pixels": 64}) == 2.5  # of the trained network
    assert book.untrained({"size.pixels": 64}, trial_records(study)) == OnDevices(latency_of(of(64)), {})
    assert book.figures() == []


def test_a_trial_whose_architecture_fails_bars_it(tmp_path: Path) -> None:
    study = study_at(tmp_path)
    for number, failure in enumerate([Failure.EXPORT_FAILED, Failure.OUT_OF_MEMORY]):
        trial = study.ask()
        trial.suggest_int("size.pixels", 64 + number, 64 + number)
        trial.set_user_attr(keys.ENDING, Ending(Outcome.FAILED, "", failure).to_json())
        study.tell(trial, state=TrialState.FAIL)
    lookup = StudyLatencies(study, Gate(), Measuring()).lookup()
    assert [lookup({"size.pixels": pixels}) for pixels in (64, 65)] == [math.inf, None]


def test_the_engine_goes_on_to_another_candidate_where_measuring_fails(tmp_path: Path) -> None:
    """At worse odds, and not for ever: the one that failed may be proposed once nothing else is left."""
    study = study_at(tmp_path)
    listed = [of(72, 0.2), of(128), of(132)]
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        "backbone.name": optuna.distributions.CategoricalDistribution(["tiny", "other"]),
        "size.pixels": optuna.distributions.IntDistribution(64, 132),
        "train.lr0": optuna.distributions.FloatDistribution(0.0, 1.0),
    }
    for number in range(6):
        params = of(64 + 4 * number)
        attrs = {keys.LATENCY_UNTRAINED: latency_of(params).to_json()}
        values = [0.1 + 0.1 * number, latency_of(params).p50_ms]
        study.add_trial(create_trial(values=values, params=params, distributions=distributions, user_attrs=attrs))
    measure = Measuring(of128=Failure.KILLED, of132=Failure.KILLED)
    book = StudyLatencies(study, Gate(), measure)
    proposed = Engine(ListedCandidates(listed, distributions), book).propose(observe(study), 6)
    assert proposed is not None
    assert sorted(measure.asked) == [128, 132]
    only = Engine(ListedCandidates(listed[1:], distributions), book).propose(observe(study), 6)
    assert only is not None
    assert only.params in listed[1:]
    assert not only.proposal.latency_measured
    assert "with a probability of 25%" in only.proposal.why
    assert sorted(measure.asked) == [128, 132]


def test_the_key_is_of_what_is_deployed() -> None:
    assert architecture_key(of(64, 0.1)) == architecture_key(of(64, 0.2)) != architecture_key(of(96, 0.1))
