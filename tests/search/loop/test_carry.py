"""A search that begins with another study's detectors: scored before anything is trained, with their children.

Trials are real: small, short trainings of an elastic space.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from command_line import automl

import search
from objectives.data.dataset import Dataset
from objectives.records.records import Latency
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from reports.table.kin.family_words import kind_words, origin_words
from reports.table.table import StudyTable, read_study
from search.engine.observed import observe
from search.settings.settings import Settings, load_settings
from search.study.fork import ensure_fork, forked_settings
from search.study.store import load_study
from search.view.base import View
from spaces.errors import StoreError

pytestmark = [pytest.mark.seconds, pytest.mark.slow]

WHOLE = [f"space.slim.{part}=0.0" for part in ("p3", "p4", "p5", "head")]


def settings_of(folder: Path, name: str, *overrides: str) -> Settings:
    return load_settings(
        [
            "conf=smoke",
            f"name={name}",
            f"store.folder={folder}",
            "store.free_mb_min=1",
            "trial.train_device=cpu",
            "trial.backend=inline",
            "trial.epochs=4",
            "space.backbone.name=lcnet_050",
            "space/slim=elastic",
            "space.slim.neck=choice(0.0, 0.5)",
            *WHOLE,
            "latency.cap_s=0.2",
            "pruner=none",
            "experience=none",
            *overrides,
        ]
    )


class Old(NamedTuple):
    """A study that has ended, and the folder of studies that it lies in."""

    folder: Path
    table: StudyTable

    @property
    def parent(self) -> TrialRecord:
        return next(row for row in self.table.rows if row.family and not row.is_child)


@pytest.fixture(scope="module")
def old(blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Old:
    """A study of one elastic training and a child."""
    folder = tmp_path_factory.mktemp("runs")
    settings = settings_of(folder, "old", "budget.trials=2", "trial.polish=0", "space.train.lr0=0.004")
    return Old(folder, search.search(settings, dataset=blocks))


@pytest.fixture
def runs(old: Old, tmp_path: Path) -> Path:
    """A copy of the folder of studies."""
    shutil.copytree(old.folder, tmp_path / "runs")
    return tmp_path / "runs"


def trials_of(folder: Path, name: str) -> Sequence[TrialRecord]:
    return trial_records(load_study(folder, name, None))


def test_an_elastic_training_brings_its_family_and_nothing_is_trained_before(
    old: Old, runs: Path, blocks: Dataset
) -> None:
    given = f"old:{old.parent.number}"
    table = search.search(settings_of(runs, "new", f"carry=[{given}]", "budget.trials=4"), dataset=blocks)
    first, *others = table.rows
    assert first.carried is not None
    assert first.carried.source == given
    assert first.carried.study == "old"
    assert first.phase is Phase.FINISHED
    assert first.rungs == ()
    assert first.map == pytest.approx(old.parent.map, abs=1e-9)  # the same images
    assert first.params  # it lies in the space
    assert "train" not in first.stages_s
    children = [row for row in others if row.is_child]
    assert children
    assert {child.parent for child in children} == {0}
    assert others[0].is_child or others[0].is_polish
    assert kind_words(first, None) == f"carried from {given}"
    assert origin_words(first) == f"carried from {given}"
    study = load_study(runs, "new", None)
    seen = observe(study)[0]
    assert seen.is_polish
    assert not seen.is_baseline
    assert seen.epochs == ()
    shown = automl("show", "new", "0", "--folder", str(runs), folder=runs)
    assert f"from {given} (trained, mAP" in shown.stdout, shown.stdout + shown.stderr
    out = automl("export", "new", "--pick", "0", "--to", "out", "--folder", str(runs), folder=runs)
    assert out.returncode == 0, out.stderr
    lineage = (runs / "out" / "lineage.json").read_text()
    assert f'"carried_from": "{given}"' in lineage
    again = automl("search", *_line(runs, "again", "carry=[out]", "budget.trials=1", "data=embedded"), folder=runs)
    assert again.returncode == 2
    assert "carry: 'out' knows none of the data set's classes" in again.stderr


def _line(folder: Path, name: str, *overrides: str) -> list[str]:
    return ["conf=smoke", f"name={name}", f"store.folder={folder}", "store.free_mb_min=1", *overrides]


class Cut(BaseException):
    """The searching process is gone."""


class Cutting(View):
    """Ends its process, as it were, while a carried detector is measured."""

    def latency(self, number: int, latency: Latency, *, trained: bool) -> None:
        raise Cut


def test_one_that_is_killed_in_between_is_taken_up_though_the_old_study_is_gone(
    old: Old, runs: Path, blocks: Dataset
) -> None:
    settings = settings_of(runs, "new", f"carry=[old:{old.parent.number}]", "budget.trials=1")
    with pytest.raises(Cut):
        search.search(settings, dataset=blocks, view=Cutting())
    (begun,) = trials_of(runs, "new")
    assert begun.carried is not None
    assert begun.phase is Phase.RUNNING
    shutil.rmtree(runs / "old")
    table = search.search(settings, dataset=blocks)
    (row,) = table.rows
    assert row.phase is Phase.FINISHED
    assert row.map == pytest.approx(old.parent.map, abs=1e-9)


def test_a_changed_list_is_refused_in_one_line_and_none_is_as_good_as_the_same(
    old: Old, runs: Path, blocks: Dataset
) -> None:
    given = f"carry=[old:{old.parent.number}]"
    search.search(settings_of(runs, "new", given, "budget.trials=1"), dataset=blocks)
    with pytest.raises(StoreError, match=r"carry: study 'new' began with \[old:0\], got \[old:1\]") as caught:
        search.search(settings_of(runs, "new", "carry=[old:1]", "budget.trials=1"), dataset=blocks)
    assert "\n" not in str(caught.value)
    for line in ((given,), ()):
        table = search.search(settings_of(runs, "new", *line, "budget.trials=1"), dataset=blocks)
        assert [row.is_carried for row in table.rows] == [True]


def test_what_lies_outside_the_space_is_scored_and_teaches_nothing(old: Old, runs: Path, blocks: Dataset) -> None:
    """A child, which is a plain detector here; the space has another width."""
    child = next(row for row in old.table.rows if row.is_child)
    outside = ("space.neck.width=24", "space.train.elastic=false", "trial.polish=1.0", "budget.trials=2")
    settings = settings_of(runs, "new", f"carry=[old:{child.number}]", *outside)
    table = search.search(settings, dataset=blocks)
    first, second = table.rows
    assert first.is_carried
    assert first.params == {}
    assert first.family == {}
    assert first.map == pytest.approx(child.map, abs=0.05)
    assert observe(load_study(runs, "new", None))[0].is_baseline
    assert not second.is_child  # it is one detector here, and brings no family


def test_the_first_that_is_carried_is_polished_before_anything_is_weighed(
    old: Old, runs: Path, blocks: Dataset
) -> None:
    child = next(row for row in old.table.rows if row.is_child)
    carry = f"carry=[old:{child.number},old:{old.parent.number}]"
    settings = settings_of(runs, "new", carry, "trial.polish=0.25", "trial.polish_first=1", "budget.trials=3")
    table = search.search(settings, dataset=blocks)
    assert [(row.is_carried, row.polishes) for row in table.rows] == [(True, None), (True, None), (False, 0)]
    assert table.row(2).map is not None
    assert table.row(2).proposal is not None
    assert "asked for" in table.row(2).proposal.why  # type: ignore[union-attr]  # None fails the line before


def test_a_fork_keeps_what_was_carried(old: Old, runs: Path, blocks: Dataset) -> None:
    before = settings_of(runs, "new", f"carry=[old:{old.parent.number}]", "budget.trials=1")
    search.search(before, dataset=blocks)
    other = settings_of(runs, "new", "budget.trials=1", "gate.p50_ms_max=1000")
    forked = forked_settings(other, "fork")
    forked.folder.mkdir()
    assert ensure_fork(other, forked, blocks) is not None
    (trial,) = read_study(load_study(runs, "fork", None)).rows
    assert trial.carried is not None
    assert trial.forked_from == 0
    assert trial.phase is Phase.FINISHED
    assert (forked.folder / str(trial.folder) / "weights.pt").is_file()
