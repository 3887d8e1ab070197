"""The baseline of a search: the first trial, outside the space, trained to its end whatever the gate says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from quick_search import (
    Begun,
    Script,
    attempts_of,
    begun,
    decisions_of,
    ending_of,
    epochs_of,
    events_of,
    lines_of,
    pieces,
    plant,
    run,
    settings_of,
    trials_of,
)

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.failures import Failure
from objectives.records.proof import ProofPiece, ProofTerms
from objectives.records.records import Outcome, Proposal
from objectives.records.trial_record import trial_records
from reports.table.baseline import against_baseline
from reports.table.table import read_study
from search.loop.run import search as searched
from search.samplers.distinct import DistinctSampler
from search.settings.baseline import BaselineSettings
from search.settings.settings import Settings
from search.study.queued.baseline import NOT_WANTED, follow_line
from search.study.stored_trial import StoredTrial, proof_of
from search.view.lines import LineView
from search.workers.jobs import Jobs
from spaces.network.baseline import Baseline

pytestmark = pytest.mark.seconds


class Cut(BaseException):
    """The searching process is gone."""


def inline(folder: Path, *overrides: str) -> Settings:
    return settings_of(folder, "trial.backend=inline", "baseline=yolo26n", *overrides)


def by_preset(settings: Settings, name: str = "yolo26n") -> Settings:
    """Return settings whose baseline a preset names, and no line does."""
    return replace(settings, baseline=BaselineSettings(Baseline.parse(name)))


def names_of(search: Begun) -> list[str | None]:
    return [trial.baseline for trial in trial_records(search.study)]


# Its place


def test_it_is_the_first_trial_and_counts_as_one(tmp_path: Path, blocks: Dataset) -> None:
    search = run(inline(tmp_path, "start=[{size.pixels: 96}]", "budget.trials=3", "pruner=none"), blocks)
    assert names_of(search) == ["yolo26n", None, None]
    assert pieces(events_of(search)) == [0, 1, 2]
    first, second, _ = trials_of(search)
    assert first.user_attrs[keys.CANDIDATE]["neck.kind"] == "own"
    assert first.user_attrs[keys.CANDIDATE]["size.pixels"] == 256
    assert (first.params, first.distributions) == ({}, {})
    assert first.values is not None
    assert second.params["size.pixels"] == 96
    proposal = Proposal.from_json(first.user_attrs[keys.PROPOSAL])
    assert proposal.role == "stock"
    for words in ("at 256 px, the largest input of the space up to 640", "from random weights", "AdamW at 0.001667"):
        assert words in proposal.why
    assert "trial   0  baseline yolo26n, yolo26" in search.out.getvalue()
    assert read_study(search.study).row(0).on_front


def test_the_same_line_again_adds_none(tmp_path: Path, blocks: Dataset) -> None:
    run(inline(tmp_path, "budget.trials=2"), blocks)
    table = searched(inline(tmp_path, "budget.trials=3"), dataset=blocks)
    assert [row.baseline for row in table.rows] == ["yolo26n", None, None]


def test_it_is_trained_to_its_end_over_the_gates_bound_which_it_does_not_pass(tmp_path: Path, blocks: Dataset) -> None:
    search = run(inline(tmp_path, "gate.p50_ms_max=0.5", "budget.trials=3", "pruner=none"), blocks)
    table = read_study(search.study)
    baseline = table.row(0)
    assert baseline.outcome is Outcome.FINISHED
    assert baseline.p50_ms is not None
    assert baseline.p50_ms > 0.5
    assert not baseline.passes_gate


def test_no_scheduler_pauses_or_stops_it(tmp_path: Path, blocks: Dataset) -> None:
    script = Script(None, 1)  # asked at a rung of the baseline, it would pause it for a new trial
    search = run(inline(tmp_path, "budget.trials=2", "trial.evaluate_every=1"), blocks, script)
    baseline, other = trials_of(search)
    assert (epochs_of(baseline), decisions_of(baseline)) == ([4], [])
    assert decisions_of(other)


def test_the_space_without_640_and_a_size_that_is_asked_for(tmp_path: Path, blocks: Dataset) -> None:
    fixed = run(inline(tmp_path / "a", "space.size.pixels=192", "budget.trials=1"), blocks)
    asked = run(inline(tmp_path / "b", "baseline=yolo11s@64", "budget.trials=1"), blocks)
    for search, pixels, words in ((fixed, 192, "192 px, the only input of the space"), (asked, 64, "64 px, as asked")):
        (trial,) = trials_of(search)
        assert trial.user_attrs[keys.CANDIDATE]["size.pixels"] == pixels
        assert words in Proposal.from_json(trial.user_attrs[keys.PROPOSAL]).why


# Deaths


@pytest.mark.slow
def test_it_goes_on_after_a_kill(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "baseline=yolo26n", "budget.trials=2", "pruner=none")
    plant(settings, "trial0epoch3-sigkill")
    search = run(settings, blocks)
    baseline = trials_of(search)[0]
    assert [attempt.error_class for attempt in attempts_of(baseline)] == [Failure.KILLED]
    assert [what for number, what in events_of(search) if number == 0] == [
        "measures",
        *(f"epoch {n}" for n in range(1, 5)),
    ]
    assert names_of(search) == ["yolo26n", None]


def test_a_search_that_died_at_it_takes_it_up_first(tmp_path: Path, blocks: Dataset) -> None:
    class Cutting(LineView):
        def progress(self, number: int, epoch: int, share: float) -> None:
            if (number, epoch) == (0, 3):
                raise Cut

    settings = inline(tmp_path, "budget.trials=2", "pruner=none")
    with pytest.raises(Cut):
        run(settings, blocks, make_view=Cutting)
    search = run(settings, blocks)
    assert names_of(search) == ["yolo26n", None]
    assert pieces(events_of(search)) == [0, 1]
    assert [what for number, _, what in lines_of(search.folder) if number == 0 and what == "epoch 2"] == ["epoch 2"]


def test_one_that_was_cut_before_its_candidate_was_stored_begins_anew(tmp_path: Path, blocks: Dataset) -> None:
    settings = inline(tmp_path, "budget.trials=2", "pruner=none")
    with begun(settings, blocks) as search:
        StoredTrial(search.study, 0).begin()
    again = run(settings, blocks)
    assert names_of(again) == ["yolo26n", None]
    assert all(trial.state is TrialState.COMPLETE for trial in trials_of(again))


def test_the_search_goes_on_without_one_that_fails(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "baseline=yolo26n", "budget.trials=4", "pruner=none")
    plant(settings, *["trial0-device"] * 3)  # too large for this machine, with half the batch too
    search = run(settings, blocks)
    baseline, *others = trials_of(search)
    assert baseline.state is TrialState.FAIL
    assert [trial.state for trial in others] == [TrialState.COMPLETE] * 3


def test_one_that_failed_begins_anew_where_the_line_names_it(tmp_path: Path, blocks: Dataset) -> None:
    settings = inline(tmp_path, "budget.trials=2", "pruner=none")
    plant(settings, "trial0-diverge")
    run(settings, blocks)
    more = replace(settings, budget=replace(settings.budget, trials=4))
    table = searched(by_preset(more), dataset=blocks)
    assert [row.baseline for row in table.rows] == ["yolo26n", None, None, None]
    table = searched(replace(settings, budget=replace(settings.budget, trials=5)), dataset=blocks)
    assert [(row.baseline, row.outcome) for row in table.rows if row.baseline] == [
        ("yolo26n", Outcome.FAILED),
        ("yolo26n", Outcome.FINISHED),
    ]
    against = against_baseline(table)
    assert against is not None
    assert against.row.number == 4
    table = searched(replace(settings, budget=replace(settings.budget, trials=6)), dataset=blocks)
    assert [row.number for row in table.rows if row.baseline] == [0, 4]  # it stands


def test_two_workers_begin_it_once(tmp_path: Path, blocks: Dataset) -> None:
    search = run(settings_of(tmp_path, "baseline=yolo26n", "workers=2", "budget.trials=4", "pruner=none"), blocks)
    assert names_of(search) == ["yolo26n", None, None, None]
    assert all(trial.state is TrialState.COMPLETE for trial in trials_of(search))


# Studies that go on


def test_an_old_study_gets_one_only_if_its_line_names_it(tmp_path: Path, blocks: Dataset) -> None:
    settings = inline(tmp_path, "budget.trials=2", "pruner=none")
    run(replace(settings, baseline=BaselineSettings(None)), blocks)
    more = replace(settings, budget=replace(settings.budget, trials=3))
    table = searched(by_preset(more), dataset=blocks)
    assert [row.baseline for row in table.rows] == [None] * 3
    table = searched(replace(more, budget=replace(settings.budget, trials=5)), dataset=blocks)
    assert [row.baseline for row in table.rows] == [None, None, None, "yolo26n", None]


def test_a_line_without_one_ends_what_waits(tmp_path: Path, blocks: Dataset) -> None:
    settings = inline(tmp_path, "budget.trials=2", "pruner=none")
    with begun(settings, blocks):
        pass
    search = searched(inline(tmp_path, "budget.trials=2", "pruner=none", "baseline=none"), dataset=blocks)
    assert [(row.baseline, row.outcome) for row in search.rows] == [
        ("yolo26n", Outcome.STOPPED),
        (None, Outcome.FINISHED),
    ]
    ending = search.row(0).ending
    assert ending is not None
    assert ending.reason == NOT_WANTED


def test_a_study_has_one_alone(tmp_path: Path, blocks: Dataset) -> None:
    settings = inline(tmp_path, "budget.trials=1")
    run(settings, blocks)
    other = inline(tmp_path, "baseline=yolo11n")
    with begun(other, blocks) as search:
        assert follow_line(search.study, other, search.claims) == [
            "baseline: the study has yolo26n, and a study has one; name=NEW compares with yolo11n"
        ]
        assert names_of(search) == ["yolo26n"]


@pytest.mark.slow
def test_beside_it_alone_there_is_nothing_to_prove_and_the_search_takes_those_hours(
    tmp_path: Path, blocks: Dataset
) -> None:
    settings = inline(tmp_path, "budget.trials=1", "budget.hours=2", "proof.share=0.5")
    search = run(settings, blocks)  # has asked once, in vain
    assert names_of(search) == ["yolo26n"]
    with begun(settings, blocks) as again:
        notes: list[str] = []
        assert again.chooser.hours == 1.0
        assert again.chooser.turns_to_proof(again.claims, notes.append)
        assert (again.chooser.hours, again.chooser.proves) == (2.0, False)
        assert [note.partition(":")[0] for note in notes] == [
            "no proof",
            "the search goes on with the hours kept for the proof",
        ]
        assert not again.chooser.turns_to_proof(again.claims, notes.append)  # once


# Samplers


def test_optunas_samplers_do_not_see_it(tmp_path: Path, blocks: Dataset) -> None:
    """They model the dimensions that all trials have, and the baseline has none."""
    dimensions: list[set[str]] = []

    class Spy(optuna.samplers.GPSampler):
        def infer_relative_search_space(self, study: optuna.Study, trial: Any) -> Any:
            found = super().infer_relative_search_space(study, trial)
            dimensions.append(set(found))
            return found

    search = run(inline(tmp_path, "sampler=random", "budget.trials=3", "pruner=none"), blocks)
    source = search.chooser._known.source
    assert source is not None
    search.study.sampler = DistinctSampler(lambda _: Spy(n_startup_trials=0, seed=1), source, 1)
    asked = search.study.ask(source.distributions)
    assert dimensions[0] == {name for name in trials_of(search)[1].params if name in asked.params}
    assert "size.pixels" in dimensions[0]
    search.study.tell(asked, [0.1, 5.0])
    proven = trials_of(search)
    for of in (0, 1):  # a proof of the baseline, and of a trial
        repeated = proof_of(trial_records(search.study)[of], ProofPiece(of, 1042, ProofTerms(8)))
        search.study.add_trial(repeated)
    assert len(trials_of(search)) == len(proven) + 2
    search.study.ask(source.distributions)
    assert dimensions[-1] == dimensions[0]


def test_its_job_measures_metrics_of_the_users_own(tmp_path: Path, blocks: Dataset) -> None:
    own = "gate.own=[{_target_: my.metric, min: 1}]"
    settings = inline(tmp_path, own, "gate.p95_ms_max=9")
    jobs = Jobs(settings, blocks, {})
    gate = jobs.baseline(0, jobs.baseline_candidate(Baseline("yolo26n"))).gate
    assert (gate.p95_ms_max, [one["name"] for one in gate.own or ()]) == (None, ["metric"])


@pytest.mark.parametrize(
    ("sampler", "pruner"),
    [("known_latency", "gain"), ("tpe", "mo_asha"), ("nsga2", "dominated"), ("qmc", "gain")],
)
@pytest.mark.slow
def test_samplers_and_schedulers_go_on_beside_it(tmp_path: Path, blocks: Dataset, sampler: str, pruner: str) -> None:
    search = run(inline(tmp_path, f"sampler={sampler}", f"pruner={pruner}", "budget.trials=8"), blocks)
    table = read_study(search.study)
    assert table.row(0).outcome is Outcome.FINISHED
    assert len(table.finished) >= 2
    assert not any(row.outcome is Outcome.FAILED for row in table.rows)
    assert all(ending_of(t).outcome is not Outcome.FAILED for t in trials_of(search) if keys.ENDING in t.user_attrs)
