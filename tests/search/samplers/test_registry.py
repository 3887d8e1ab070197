"""Samplers: candidates lie in the space, one seed gives one sequence, and stopping in between changes nothing."""

import contextlib
import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from objectives.data.dataset import Dataset
from objectives.records.records import Latency
from objectives.records.trial_record import trial_records
from search.engine.known_latency import KnownLatencySampler
from search.loop.choose import Chooser
from search.samplers.registry import SAMPLERS, make_sampler, suggest
from search.settings.choices import SamplerSettings
from search.settings.settings import Settings, load_settings
from search.study.store import create_study, open_storage, storage_url
from search.study.stored_trial import StoredTrial
from search.workers.jobs import Jobs
from spaces.candidate import Candidate
from spaces.dimension import Choice, Grid, Interval
from spaces.errors import SettingsError
from spaces.space import SearchSpace

# Every kind of domain, conditions and a dimension that is fixed.
SPACE = SearchSpace.from_config(
    {
        "backbone": {
            "name": "choice(lcnet_050, resnet18, yolo11)",
            "width": "choice(0.25, 0.5)",
            "when": {"width": {"backbone.name": ["yolo11"]}},
        },
        "neck": {"width": "int(interval(16, 64))", "depth": 1},
        "size": {"pixels": "range(64, 257, 32)"},
        "train": {"lr0": "tag(log, interval(1e-4, 1e-2))", "momentum": "interval(0.8, 0.95)", "cosine": "choice(true)"},
        "augment": {"fliplr": "range(0.0, 1.0, 0.25)"},
        "prune": {
            "importance": "choice(none, l1)",
            "ratio": "choice(0.2, 0.5)",
            "when": {"ratio": {"prune.importance": {"not": ["none"]}}},
        },
    }
)

EACH = [
    pytest.param(name, marks=pytest.mark.slow) if name == "gp" else name for name in SAMPLERS
]  # it thinks for seconds


STARTING = ("tpe", "nsga2", "gp")  # samplers that have `startup`


def settings_named(name: str, startup: int) -> SamplerSettings:
    return SamplerSettings(name, arguments={"startup": startup} if name in STARTING else {})


def settings_of(folder: Path, sampler: str, *overrides: str) -> Settings:
    return load_settings(
        [
            "conf=retail",
            "baseline=none",
            f"store.folder={folder}",
            f"sampler={sampler}",
            *(["sampler.startup=4"] if sampler in STARTING else []),
            "budget.hours=null",
            "pruner=none",  # every trial ends: the sampler's sequence is not mixed with promotions
            *overrides,
        ]
    )


class Cut(BaseException):
    """The process is gone, as by kill -9."""


class Turn:
    """The choices of a search, with trials that end at once; it is cut after so many."""

    def __init__(self, settings: Settings, dataset: Dataset, count: int) -> None:
        """Open the study anew, as a new process would."""
        settings.folder.mkdir(parents=True, exist_ok=True)
        self.settings, self.count = settings, count
        self.study = create_study(settings, dataset, open_storage(storage_url(settings.folder, None)))
        self.chooser = Chooser(settings, self.study, Jobs(settings, dataset), measured, lambda: 0.0)
        self.candidates: list[Candidate] = []

    def run(self) -> None:
        """Work on the trial that was cut, if there is one, then on new ones."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.work_on(trial.number, None)
        while (step := self.chooser.next_step()) is not None:
            assert step.number is None
            asked = self.chooser.ask(trial_records(self.study))
            self.work_on(asked.number, asked)

    def work_on(self, number: int, asked: optuna.Trial | None) -> None:
        trial = self.chooser.sampled(asked or self.chooser.asked_again(number))
        self.chooser.record_candidate(trial, trial_records(self.study))
        candidate = StoredTrial(self.study, number).candidate
        assert candidate is not None
        tell(self.study, number, candidate)
        self.candidates.append(candidate)
        if len(self.candidates) == self.count:
            raise Cut


def measured(params: Mapping[str, Any]) -> Latency:
    p50_ms = params["size.pixels"] / 50
    return Latency(p50_ms, 1.2 * p50_ms, p50_ms, p50_ms, p50_ms, 60, 1.0, True, "", "", 0)


class Dying(Turn):
    """It dies before its first trial has begun."""

    died: optuna.Trial

    def work_on(self, number: int, asked: optuna.Trial | None) -> None:
        self.died = asked or self.chooser.asked_again(number)
        raise Cut


def dying(settings: Settings, dataset: Dataset) -> optuna.Trial:
    """Return the trial that a new process takes up before it dies."""
    search = Dying(settings, dataset, 1)
    with pytest.raises(Cut):
        search.run()
    return search.died


def tell(study: optuna.Study, number: int, candidate: Candidate) -> None:
    """End a trial as a function of its candidate and number alone: finished, stopped or failed."""
    if number % 5 == 3:
        study.tell(number, state=TrialState.PRUNED)
    elif number % 5 == 4:
        study.tell(number, state=TrialState.FAIL)
    else:
        noise = int(hashlib.sha256(repr(candidate).encode()).hexdigest()[:8], 16) / 2**32
        study.tell(number, [noise, candidate.number("size.pixels") / 50 + noise])


def proposed(settings: Settings, dataset: Dataset, runs: Iterable[int]) -> list[Candidate]:
    """Return the candidates of a study that is worked on in several processes' turns, so many trials each."""
    candidates = []
    for count in runs:
        turn = Turn(settings, dataset, count)
        with contextlib.suppress(Cut):
            turn.run()
        candidates += turn.candidates
    return candidates


@pytest.mark.seconds
@pytest.mark.parametrize("name", EACH)
def test_candidates_lie_in_the_space(name: str) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    seen = []
    for number in range(24):
        study.sampler = make_sampler(settings_named(name, 6), 1, number, KnownLatencySampler(seed=1, space=SPACE))
        trial = study.ask()
        candidate = suggest(trial, SPACE)
        SPACE.check(candidate)
        assert ("backbone.width" in candidate) == (candidate["backbone.name"] == "yolo11")
        assert ("prune.ratio" in candidate) == (candidate["prune.importance"] != "none")
        assert candidate["neck.depth"] == 1
        assert isinstance(candidate["neck.width"], int)
        assert set(trial.params) == candidate.keys() - SPACE.fixed.keys()
        tell(study, trial.number, candidate)
        seen.append(candidate)
    networks = {c["backbone.name"] for c in seen}
    assert len(networks) == 3 or (name == "known_latency" and len(networks) == 2)  # it follows what it has seen
    assert len({c["train.lr0"] for c in seen}) > 6  # NSGA-II's children share values


def test_each_domain_becomes_its_distribution() -> None:
    trial = optuna.create_study(directions=["maximize", "minimize"]).ask(fixed_distributions=None)
    trial.study.sampler = make_sampler(SamplerSettings("random"), 0, 0)
    suggest(trial, SPACE)
    found = trial.distributions
    assert found["size.pixels"] == optuna.distributions.IntDistribution(64, 256, step=32)
    assert found["neck.width"] == optuna.distributions.IntDistribution(16, 64)
    assert found["train.lr0"] == optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True)
    assert found["augment.fliplr"] == optuna.distributions.FloatDistribution(0.0, 0.75, step=0.25)
    assert found["prune.importance"] == optuna.distributions.CategoricalDistribution(["none", "l1"])


@dataclass(frozen=True)
class Searched:
    """What one sampler proposed, without a stop and with stops.

    Attributes:
        sampler: its name.
        whole: the candidates of one process.
        cut: those of several that followed each other.
        six: a folder with the study as it was after six trials, by two processes.
    """

    sampler: str
    whole: list[Candidate]
    cut: list[Candidate]
    six: Path


@pytest.fixture(scope="module", params=EACH)
def searched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Searched:
    """The searches of a sampler that the tests compare."""
    folder = tmp_path_factory.mktemp(request.param)
    later = [1, 3] if request.param in ("known_latency", "gp") else [1, 3, 4]  # they think for seconds
    whole = proposed(settings_of(folder / "whole", request.param), blocks, [6 + sum(later)])
    cut = proposed(settings_of(folder / "cut", request.param), blocks, [2, 4])
    shutil.copytree(folder / "cut", folder / "six")
    cut += proposed(settings_of(folder / "cut", request.param), blocks, later)
    return Searched(request.param, whole, cut, folder / "six")


def six_trials(searched: Searched, folder: Path) -> Settings:
    """Return the settings of a study in a folder that has had six trials."""
    shutil.copytree(searched.six, folder)
    return settings_of(folder, searched.sampler)


@pytest.mark.slow
@pytest.mark.seconds
def test_same_seed_same_candidates_however_often_it_is_stopped(
    searched: Searched, tmp_path: Path, blocks: Dataset
) -> None:
    assert searched.cut == searched.whole
    assert len(set(searched.whole)) > 7
    other = proposed(settings_of(tmp_path, searched.sampler, "seed=43"), blocks, [6])
    assert other != searched.whole[:6]


@pytest.mark.slow
@pytest.mark.seconds
def test_trial_that_died_is_taken_up_with_its_values(searched: Searched, tmp_path: Path, blocks: Dataset) -> None:
    settings = six_trials(searched, tmp_path / "six")
    died = dying(settings, blocks)
    assert suggest(died, settings.space) == searched.whole[6]  # and now the process is killed
    again = dying(settings, blocks)
    assert again.number == died.number == 6
    assert suggest(again, settings.space) == searched.whole[6]
    assert proposed(settings, blocks, [2]) == searched.whole[6:8]


@pytest.mark.slow
@pytest.mark.seconds
def test_trial_that_died_between_two_choices_is_completed_by_the_seed(
    searched: Searched, tmp_path: Path, blocks: Dataset
) -> None:
    completed = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        settings = six_trials(searched, folder)
        died = dying(settings, blocks)
        domain = settings.space.domains["backbone.name"]
        assert isinstance(domain, Choice)
        chosen = died.suggest_categorical("backbone.name", domain.values)
        completed += proposed(settings, blocks, [1])
        assert completed[-1]["backbone.name"] == chosen
    assert completed[0] == completed[1]
    if searched.sampler == "tpe":  # it draws all choices at once: the cut leaves no trace
        assert completed[0] == searched.whole[6]


@pytest.mark.seconds
def test_start_candidates_come_first_and_what_they_leave_out_is_known_good(tmp_path: Path, blocks: Dataset) -> None:
    start = "start=[{backbone.name: lcnet_050}, {backbone.name: lcnet_050, size.pixels: 160}, {backbone.name: yolo11}]"
    first, second, third, fourth = proposed(settings_of(tmp_path, "random", start), blocks, [4])
    assert (first["backbone.name"], second["backbone.name"], third["backbone.name"]) == ("lcnet_050",) * 2 + ("yolo11",)
    assert second["size.pixels"] == 160
    assert [c["train.lr0"] for c in (first, second, third)] == [0.002] * 3
    assert fourth["train.lr0"] != 0.002
    assert proposed(settings_of(tmp_path / "b", "random", start, "seed=7"), blocks, [3]) == [first, second, third]


@pytest.mark.seconds
def test_search_ends_with_its_budget(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "random", "budget.trials=3")
    assert len(proposed(settings, blocks, [10])) == 3
    assert proposed(settings, blocks, [10]) == []
    assert len(proposed(settings_of(tmp_path, "random", "budget.trials=5"), blocks, [10])) == 2


def test_tpe_learns_from_a_history_with_stopped_and_failed_trials() -> None:
    """Its later candidates are better than its random first ones, where lr0 alone decides."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    rates = []
    for number in range(45):
        study.sampler = make_sampler(settings_named("tpe", 10), 3, number)
        trial = study.ask()
        candidate = suggest(trial, SPACE)
        rate = candidate.number("train.lr0")
        rates.append(rate)
        if number % 7 == 5:
            study.tell(trial, state=TrialState.FAIL)
        elif rate < 3e-4:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, [rate, 1.0])
    first, last = sorted(rates[:10])[5], sorted(rates[-15:])[7]
    assert last > 1.5 * first


def test_what_is_fixed_beside_some_choices() -> None:
    space = SearchSpace.from_config(
        {
            "prune": {
                "importance": "choice(none, l1)",
                "at": 0.5,
                "when": {"at": {"prune.importance": {"not": ["none"]}}},
            },
            "neck": {"depth": 1},
        }
    )
    assert space.fixed_for({"prune.importance": "l1"}) == {"prune.at": 0.5, "neck.depth": 1}
    assert space.fixed_for({"prune.importance": "none"}) == {"neck.depth": 1}
    assert space.fixed_for({"prune.importance": "none", "train.lr0": 0.1}) == {"neck.depth": 1}  # no dimension of it
    with pytest.raises(KeyError, match=r"prune.importance"):
        space.fixed_for({})


SMALL = SearchSpace.from_config(
    {
        "backbone": {
            "name": "choice(lcnet_050, resnet18, yolo11)",
            "width": "choice(0.25, 0.5)",
            "when": {"width": {"backbone.name": ["yolo11"]}},
        },
        "size": {"pixels": "range(64, 129, 32)"},
        "neck": {"depth": 1},
    }
)  # 12 candidates


@pytest.mark.seconds
@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "gp"])
def test_no_candidate_comes_twice_while_the_space_has_others(name: str) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    known = KnownLatencySampler(seed=1, space=SMALL)
    seen = []
    for number in range(14):
        study.sampler = make_sampler(settings_named(name, 4), 1, number, known)
        trial = study.ask()
        seen.append(suggest(trial, SMALL))
        SMALL.check(seen[-1])
        tell(study, trial.number, seen[-1])
    assert len(set(seen[:12])) == 12
    assert len(set(seen)) == 12  # used up: candidates come again instead of an error


def test_a_candidate_that_was_asked_for_is_completed_to_a_new_one() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    known = KnownLatencySampler(seed=1, space=SMALL)
    seen = []
    for number in range(6):
        study.enqueue_trial({"backbone.name": "yolo11"})
        study.sampler = make_sampler(SamplerSettings("random"), 1, number, known)
        trial = study.ask()
        seen.append(suggest(trial, SMALL))
        tell(study, trial.number, seen[-1])
    assert {candidate["backbone.name"] for candidate in seen} == {"yolo11"}
    assert len(set(seen)) == 6  # two widths, three sizes


@pytest.mark.parametrize("name", ["random", "tpe", "nsga2", "qmc"])
def test_a_peer_proposes_what_it_would_alone_while_nothing_comes_twice(name: str) -> None:
    found = []
    for known in (None, KnownLatencySampler(seed=1, space=SPACE)):
        study = optuna.create_study(directions=["maximize", "minimize"])
        candidates = []
        for number in range(15):
            study.sampler = make_sampler(settings_named(name, 5), 1, number, known)
            trial = study.ask()
            candidates.append(suggest(trial, SPACE))
            tell(study, trial.number, candidates[-1])
        found.append(candidates)
    assert found[0] == found[1]


def test_domain_kinds_of_the_test_space() -> None:
    assert {type(domain) for domain in SPACE.domains.values()} == {Choice, Grid, Interval}


def test_unknown_sampler_is_told() -> None:
    with pytest.raises(SettingsError, match=r"sampler.name: unknown sampler 'tpx'; nearest: tpe"):
        make_sampler(SamplerSettings("tpx"), 0, 0)
