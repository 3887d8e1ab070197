"""Forks of studies with elastic trainings: children stay with theirs, files are linked, what was seen goes along."""

import shutil
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from quick_search import Begun, begun, elastic_settings, run

from objectives.data.dataset import Dataset
from objectives.records.children import ChildrenOrder, ChildrenReport, FailedChild
from objectives.records.paths import StudyPaths
from objectives.records.records import Ending, Outcome, Proposal
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import TrialRecord, trial_records
from objectives.trial.job import SilentListener
from search.settings.settings import Settings
from search.study.fork import ensure_fork, forked_settings
from search.study.store import load_study
from search.study.stored_trial import StoredTrial, polish_of
from search.workers.registry import make_backend
from spaces.candidate import Candidate
from spaces.network.family import Family

INLINE = "trial.backend=inline"
START = "start=[{backbone.name: tinynet_e, size.pixels: 256}, {backbone.name: lcnet_050, size.pixels: 256}]"
FAILED = {"size.pixels": 64, "slim.p3": 0.5, "slim.neck": 0.5}


class Orders(SilentListener):
    """Orders looks and files of children of one training, and records what comes of that, as a search does."""

    def __init__(self, search: Begun, number: int, *orders: ChildrenOrder) -> None:
        self.families, self.number, self.orders = search.chooser.families, number, list(orders)

    def children(self, report: ChildrenReport) -> ChildrenOrder | None:
        self.families.record(self.number, report)
        return self.orders.pop(0) if self.orders else None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Path:
    """Folder of a study with two elastic trainings, of a backbone each, and four children of both."""
    folder = tmp_path_factory.mktemp("families")
    with begun(elastic_settings(folder, INLINE, START, "budget.trials=2"), blocks) as search:
        search.chooser.families.best = lambda *_: None  # type: ignore[method-assign]  # both trainings come first
        search.run()
    with begun(elastic_settings(folder, INLINE, START, "budget.trials=10"), blocks) as search:
        backend = make_backend("inline", search.paths.ultralytics)
        for number in (0, 1):
            parent = trial_records(search.study)[number]
            family = Family.from_json(parent.family)
            whole = {name: values[0] for name, values in family.axes.items()}
            some = tuple(whole | {"size.pixels": pixels, "slim.p3": p3} for pixels in (128, 96) for p3 in (0.0, 0.5))
            last = whole | {"size.pixels": 256, "slim.neck": 0.5}
            orders = ChildrenOrder(look_at=(*some, last)), ChildrenOrder(score=(*some[:3], last))
            job = search.jobs.scorer(number, Candidate.of(parent.candidate), family)
            backend.run(job, Orders(search, number, *orders))
        StudyWriter(search.study).looks(1, ChildrenReport(failed=(FailedChild(FAILED, "it is made up"),)))
    assert [trial.parent for trial in trial_records(search.study)] == [None, None, 0, 0, 0, 0, 1, 1, 1, 1]
    return folder


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "runs")
    return tmp_path / "runs"


def forked(runs: Path, dataset: Dataset, *overrides: str) -> tuple[optuna.Study, str, Settings]:
    given = elastic_settings(runs, INLINE, *overrides)
    new = forked_settings(given, "wide")
    new.folder.mkdir()
    told = ensure_fork(given, new, dataset)
    return load_study(runs, "wide", None), str(told), new


def old_trials(runs: Path) -> list[TrialRecord]:
    return trial_records(load_study(runs, "smoke", None))


def without_numbers(trial: TrialRecord) -> tuple[object, ...]:
    shared = ("map", "objective_ms", "accuracy", "latency", "resources", "ending", "proposal", "started_at")
    return tuple(getattr(trial, name) for name in shared)


def looks_of(study: optuna.Study, number: int) -> list[dict[str, object]]:
    return [look.choices for report in StudyRecord.of(study).looks(number) for look in report.looks]


@pytest.mark.slow
@pytest.mark.seconds
def test_families_are_kept_whole_with_their_files_and_looks(runs: Path, blocks: Dataset) -> None:
    old = load_study(runs, "smoke", None)
    StudyWriter(old).removed({1: ("detections.jpg",), 5: ("model.onnx",)})
    full = replace(old_trials(runs)[7].latency, p50_ms=1.5)  # type: ignore[type-var]  # a finished one's
    StudyWriter(old).measured_fully(7, full)
    study, told, new = forked(runs, blocks, START, "space.size.pixels=range(64,289,32)")
    assert told == "wide is forked from smoke and keeps 10 of 10 trials"
    for then, now in zip(old_trials(runs), trial_records(study), strict=True):
        assert without_numbers(then) == without_numbers(now)
        assert (now.parent, now.family, now.folder) == (then.parent, then.family, then.folder)
        assert now.candidate == then.candidate
        files = {path.name: path for path in (new.folder / str(now.folder)).iterdir() if path.is_file()}
        assert files
        assert all(path.stat().st_nlink == 2 for path in files.values())
    for number in (0, 1):
        assert looks_of(study, number) == looks_of(old, number) != []
    stored = StudyRecord.of(study)
    assert [child.choices for report in stored.looks(1) for child in report.failed] == [FAILED]
    assert stored.removed == {1: ("detections.jpg",), 5: ("model.onnx",)}
    assert stored.measured_fully[7] == full


@pytest.mark.seconds
def test_children_of_a_training_that_is_left_out_are_left_out_and_the_others_follow_theirs(
    runs: Path, blocks: Dataset
) -> None:
    old = old_trials(runs)
    study, told, new = forked(runs, blocks, "space.backbone.name=lcnet_050")
    out = {trial.number for trial in old if trial.parent is None and trial.candidate["backbone.name"] == "tinynet_e"}
    orphans = sum(trial.parent in out for trial in old)
    kept = [trial for trial in old if trial.number not in out and trial.parent not in out]
    assert told == (
        f"wide is forked from smoke and keeps {len(kept)} of 10 trials ({len(out)}: outside the new space; "
        f"{orphans}: children of elastic trainings that are left out)"
    )
    numbers = {trial.number: number for number, trial in enumerate(kept)}
    assert numbers[1] == 0
    for then, now in zip(kept, trial_records(study), strict=True):
        assert without_numbers(then) == without_numbers(now)
        assert now.forked_from == then.number
        assert now.parent == (None if then.parent is None else numbers[then.parent])
        below = Path(str(then.folder)).name if then.parent is None else "children"
        assert below == Path(str(then.folder)).name or now.folder == (
            f"trials/{numbers[then.parent or 0]:05d}/children/{Path(str(then.folder)).name}"
        )
        assert (new.folder / str(now.folder) / "model.onnx").is_file()
    assert looks_of(study, 0) == looks_of(load_study(runs, "smoke", None), 1) != []
    assert len(list(StudyPaths(new.folder).trials.iterdir())) == sum(trial.parent is None for trial in kept)


@pytest.mark.seconds
def test_a_polish_stays_beside_what_it_goes_on_from(runs: Path, blocks: Dataset) -> None:
    old = old_trials(runs)
    study = load_study(runs, "smoke", None)
    for of in (2, 6):  # a child of each training
        study.add_trial(polish_of(old[of], Proposal("polish", "known_latency", "worth it")))
        polish = StoredTrial(study, len(study.trials) - 1)
        polish.record_candidate(Candidate.of(old[of].candidate), f"trials/{polish.number:05d}")
        (runs / "smoke" / "trials" / f"{polish.number:05d}").mkdir()
        polish.end(Ending(Outcome.FINISHED, ""), (0.5, 2.0))
    fork, told, _ = forked(runs, blocks, START, "space.size.pixels=range(64,289,32)")
    assert told.endswith("keeps 12 of 12 trials")
    assert [trial.polishes for trial in trial_records(fork)] == [None] * 10 + [2, 6]
    shutil.rmtree(runs / "wide")
    only, told, _ = forked(runs, blocks, "space.backbone.name=lcnet_050")
    assert "1: polishes of detectors that are left out" in told
    *others, last = trial_records(only)
    assert last.polishes is not None
    assert others[last.polishes].forked_from == 6
    assert last.candidate == others[last.polishes].candidate
    assert not any(trial.is_polish for trial in others)


@pytest.mark.seconds
def test_a_narrower_space_keeps_the_children_that_it_holds(runs: Path, blocks: Dataset) -> None:
    old = old_trials(runs)
    study, told, _ = forked(runs, blocks, "space.size.pixels=choice(256, 128)", "space.slim.neck=0.0", START)
    narrow = [
        t.is_child and (t.candidate["size.pixels"] not in (256, 128) or t.candidate["slim.neck"] != 0.0) for t in old
    ]
    kept = [trial for trial, outside in zip(old, narrow, strict=True) if not outside]
    assert any(narrow)
    assert any(trial.is_child for trial in kept)
    assert told.endswith(f"keeps {len(kept)} of 10 trials ({sum(narrow)}: outside the new space)")
    parents = [trial for trial in trial_records(study) if trial.family]
    assert all(trial.family == {"size.pixels": [256, 128], "slim.p3": [0.0, 0.5]} for trial in parents)
    looks = looks_of(study, 0)
    assert all(set(look) == {"size.pixels", "slim.p3"} for look in looks)
    assert {look["size.pixels"] for look in looks} <= {256, 128}
    assert not [child for report in StudyRecord.of(study).looks(1) for child in report.failed]  # it was of 64 px


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize(
    "overrides", [("space.backbone.name=lcnet_050",), ("space.size.pixels=choice(256, 128)", START)], ids=str
)
def test_the_search_goes_on_with_the_families_of_a_fork(
    runs: Path, blocks: Dataset, overrides: tuple[str, ...]
) -> None:
    study, _, _ = forked(runs, blocks, *overrides)
    before = [(trial.number, trial.map) for trial in trial_records(study)]
    again = elastic_settings(runs, INLINE, "name=wide", f"budget.trials={len(before) + 5}", *overrides)
    search = run(again, blocks)
    trials = trial_records(search.study)
    assert [(trial.number, trial.map) for trial in trials[: len(before)]] == before
    assert len(trials) == len(before) + 5
    children = [tuple(sorted(trial.candidate.items())) for trial in trials if trial.is_child]
    assert len(set(children)) == len(children)
    assert all(trial.candidate["size.pixels"] in again.space.domains["size.pixels"] for trial in trials)
