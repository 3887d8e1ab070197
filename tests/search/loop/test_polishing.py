"""Polishes in a search: trials that go on from the weights of one of a family, each once, whatever dies on the way."""

from pathlib import Path

import pytest
from quick_search import Begun, elastic_settings, plant, run

from objectives.data.dataset import Dataset
from objectives.records.paths import WEIGHTS
from objectives.records.records import Resources, Rung
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from objectives.trial.job import HELD_OUT_LEAST
from reports.table.table import read_study
from search.loop.polishing import seen_polishes
from search.settings.settings import Settings
from search.workers.jobs import Jobs
from spaces.candidate import Candidate
from spaces.errors import SettingsError


def polishing(folder: Path, *overrides: str) -> Settings:
    return elastic_settings(folder, "trial.polish=0.25", "budget.trials=30", *overrides)


def polishes_of(search: Begun) -> list[TrialRecord]:
    return [trial for trial in trial_records(search.study) if trial.is_polish]


@pytest.mark.seconds
@pytest.mark.parametrize("backend", ["inline", "process"])
@pytest.mark.slow
def test_one_of_a_family_is_trained_on_from_its_weights(tmp_path: Path, blocks: Dataset, backend: str) -> None:
    settings = polishing(tmp_path, f"trial.backend={backend}", "trial.epochs=8")
    search = run(settings, blocks)
    trials, polishes = trial_records(search.study), polishes_of(search)
    assert polishes
    assert len(trials) == settings.budget.trials
    assert len({polish.polishes for polish in polishes}) == len(polishes)  # each once
    for polish in polishes:
        before = trials[polish.polishes if polish.polishes is not None else -1]
        assert before.is_child or before.family
        assert polish.phase is Phase.FINISHED
        assert polish.candidate == before.candidate
        assert polish.params == before.params
        assert [rung.epoch for rung in polish.rungs] == [2]  # a quarter of eight
        assert polish.parent is None
        assert polish.family == {}
        assert not polish.has_quick_latency
        assert polish.proposal is not None
        assert polish.proposal.role == "polish"
        assert f"2 epochs more of trial {before.number}" in polish.proposal.why
        assert polish.folder == f"trials/{polish.number:05d}"
        assert (settings.folder / polish.folder / WEIGHTS).is_file()
    assert any(row.on_front for row in read_study(search.study).rows if row.is_polish)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_polish_that_is_killed_is_taken_up(tmp_path: Path, blocks: Dataset) -> None:
    settings = polishing(tmp_path, "trial.backend=process")
    plant(settings, "polish-sigkill")
    first, *_ = polishes_of(run(settings, blocks))
    assert first.phase is Phase.FINISHED
    assert [attempt.error_class for attempt in first.attempts] == ["killed"]


@pytest.mark.seconds
@pytest.mark.slow
def test_without_a_share_nothing_is_polished(tmp_path: Path, blocks: Dataset) -> None:
    assert not polishes_of(run(polishing(tmp_path, "trial.polish=0", "trial.backend=inline"), blocks))


def test_a_polish_is_scored_on_the_images_that_children_are_reported_on(tmp_path: Path, blocks: Dataset) -> None:
    jobs = Jobs(polishing(tmp_path, "trial.epochs=12"), blocks)
    before = TrialRecord(3, Phase.FINISHED, folder="trials/00000/children/abc", parent=0)
    job = jobs.polish(
        7,
        Candidate.of({"size.pixels": 64, "neck.depth": 1, "backbone.name": "tinynet_e", "train.elastic": True}),
        before,
    )
    assert job.weights == tmp_path / "smoke" / "trials/00000/children/abc" / WEIGHTS
    assert (job.epochs, job.deciding, job.family) == (3, (3,), None)
    assert len(blocks.splits["val"]) < HELD_OUT_LEAST
    assert job.images == blocks.splits["val"]


@pytest.mark.parametrize("share", ["-0.1", "1.5"])
def test_a_share_beyond_the_training_is_refused(tmp_path: Path, share: str) -> None:
    with pytest.raises(SettingsError, match=r"trial\.polish: must be a share"):
        polishing(tmp_path, f"trial.polish={share}")


def test_a_polish_that_was_not_timed_says_nothing_of_the_seconds() -> None:
    rung, timed = Rung(8, 0.4, 0.5, 16.0, 1.0, True), Resources(1, 1, 1, 1, {"train": 8.0})
    parent = TrialRecord(0, Phase.FINISHED, map=0.4, objective_ms=4.0, rungs=(rung,), family={"size.pixels": [96, 64]})
    polishes = [
        TrialRecord(1, Phase.FINISHED, map=0.5, polishes=0),
        TrialRecord(2, Phase.FINISHED, map=0.5, polishes=0, resources=timed),
    ]
    untimed, twice = seen_polishes([parent, *polishes], {0: parent}, 2)
    assert (untimed.before, untimed.after, untimed.slower) == (0.4, 0.5, 1.0)
    assert twice.slower == pytest.approx(2.0)  # two epochs of two seconds each were foretold
