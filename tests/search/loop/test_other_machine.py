"""Searches of one study on two machines, as it were: a folder each, one store, one place for files."""

from collections import Counter
from pathlib import Path

import pytest
from quick_search import Begun, Script, begun, elastic_settings, lines_of, settings_of

from objectives.data.dataset import Dataset
from objectives.records.artifacts.stored_files import artifacts_of
from objectives.records.paths import MODEL, WEIGHTS
from objectives.records.records import Rung
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase, trial_records
from search.commands.show import run_show
from search.compare.named import find
from search.settings.settings import Settings
from search.study.files.place import open_place
from search.study.files.sweep import needed
from search.study.fork import fork
from search.study.store import load_study
from search.view.lines import LineView
from spaces.errors import StoreError

HERE, THERE = "here", "there"


@pytest.fixture
def shared(tmp_path: Path) -> tuple[str, ...]:
    """Overrides of both machines."""
    return (f"store.url=sqlite:///{tmp_path}/all.db", f"store.artifacts={tmp_path / 'artifacts'}", "baseline=none")


def epochs_of(folder: Path) -> Counter[tuple[int, int]]:
    """Return how often each epoch of each trial was trained on a machine."""
    return Counter((n, int(what.split()[1])) for n, _, what in lines_of(folder) if what.startswith("epoch"))


def check_no_orphans(search: Begun) -> None:
    found = artifacts_of(search.study)
    assert found is not None
    assert set(open_place(found.url).names("")) == needed(search.study)


class Interrupted(LineView):
    """A view whose user gives Ctrl-C when a trial's second epoch is done."""

    def rung(self, number: int, rung: Rung) -> None:
        super().rung(number, rung)
        if rung.epoch == 2:
            raise KeyboardInterrupt


def of(root: Path, machine: str, *overrides: str) -> Settings:
    return settings_of(root / machine, "budget.trials=1", "pruner.rungs=3", "pruner=none", *overrides)


@pytest.mark.seconds
def test_a_paused_trial_goes_on_elsewhere(
    tmp_path: Path, few_blocks: Dataset, shared: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with begun(of(tmp_path, HERE, *shared), few_blocks, Script(None)) as search:
        search.run()
        assert trial_records(search.study)[0].phase is Phase.PAUSED
    with begun(of(tmp_path, THERE, *shared), few_blocks, Script(0)) as other:
        other.run()
        (trial,) = trial_records(other.study)
    assert trial.phase is Phase.FINISHED
    assert epochs_of(search.folder) + epochs_of(other.folder) == Counter({(0, epoch): 1 for epoch in (1, 2, 3, 4)})
    assert (0, 1) in epochs_of(search.folder)
    assert (0, 4) in epochs_of(other.folder)
    assert trial.files.keys() >= {WEIGHTS, MODEL, "candidate.json"}
    check_no_orphans(other)
    run_show(search.study.study_name, 0, str(tmp_path / THERE), f"sqlite:///{tmp_path}/all.db")
    (kept,) = (line for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ["kept"])
    assert f" MB, in {(tmp_path / 'artifacts').as_uri()}: " in kept
    assert MODEL in kept
    assert "checkpoint" not in kept


@pytest.mark.seconds
def test_a_trial_that_ctrl_c_cuts_goes_on_elsewhere(
    tmp_path: Path, few_blocks: Dataset, shared: tuple[str, ...]
) -> None:
    here = begun(of(tmp_path, HERE, *shared), few_blocks, Script(None, 0), Interrupted)
    with here as search, pytest.raises(KeyboardInterrupt):
        search.run()
    with begun(of(tmp_path, THERE, *shared), few_blocks, Script()) as other:
        other.run()
        (trial,) = trial_records(other.study)
    assert trial.phase is Phase.FINISHED
    both = epochs_of(search.folder) + epochs_of(other.folder)
    assert both.keys() == {(0, epoch) for epoch in (1, 2, 3, 4)}
    assert min(epochs_of(other.folder)) > (0, 2)
    check_no_orphans(other)


@pytest.mark.seconds
def test_files_of_one_trial_that_cannot_be_kept_cost_no_other_trial(
    tmp_path: Path, few_blocks: Dataset, shared: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = of(tmp_path, HERE, *shared, "workers=2", "budget.trials=2")
    tried: list[int] = []

    def flush(number: int, seconds: float | None = None) -> None:
        if seconds is not None:
            tried.append(number)
            raise StoreError(f"files: trial {number} cannot be kept")

    with begun(settings, few_blocks, Script(None, None, 0, 1), Interrupted) as search:
        monkeypatch.setattr(search.keeping.files, "flush", flush)
        with pytest.raises(StoreError, match="cannot be kept"):
            search.run()
        assert not search.crew.active
    assert len(tried) == len(set(tried)) == 2


@pytest.mark.slow
@pytest.mark.seconds
def test_children_and_polishes_go_on_from_what_was_trained_elsewhere(
    tmp_path: Path, blocks: Dataset, shared: tuple[str, ...]
) -> None:
    def elastic(machine: str, trials: int) -> Settings:
        small = ("trial.backend=inline", "trial.polish=0.25", f"budget.trials={trials}", *shared)
        return elastic_settings(tmp_path / machine, *small)

    with begun(elastic(HERE, 2), blocks) as search:
        search.run()
        first = trial_records(search.study)
        assert any(trial.family for trial in first)
    with begun(elastic(THERE, 20), blocks) as other:
        other.run()
        trials = trial_records(other.study)
    assert {trial.phase for trial in trials} == {Phase.FINISHED}
    children = [trial for trial in trials[2:] if trial.is_child]
    assert any(trial.parent in (0, 1) for trial in children)
    assert any(trial.is_polish for trial in trials)
    assert all(WEIGHTS in trial.files for trial in trials)
    assert not (search.folder / (children[0].folder or "")).exists()
    check_no_orphans(other)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_damaged_checkpoint_costs_epochs_and_no_trial(
    tmp_path: Path, few_blocks: Dataset, shared: tuple[str, ...]
) -> None:
    with begun(of(tmp_path, HERE, *shared), few_blocks, Script(None)) as search:
        search.run()
        (trial,) = trial_records(search.study)
    (tmp_path / "artifacts" / trial.files["training-1/checkpoint.pt"].object).write_bytes(b"half")
    with begun(of(tmp_path, THERE, *shared), few_blocks, Script(0, 0)) as other:
        other.run()
        (trial,) = trial_records(other.study)
    assert trial.phase is Phase.FINISHED
    assert "trial 0 goes on from what there is here: files: '" in other.out.getvalue()
    assert epochs_of(other.folder) == Counter({(0, epoch): 1 for epoch in (1, 2, 3, 4)})


@pytest.mark.slow
@pytest.mark.seconds
def test_files_that_are_removed_to_make_room_go_from_the_place_too(
    tmp_path: Path, few_blocks: Dataset, shared: tuple[str, ...]
) -> None:
    small = (*shared, "budget.trials=6", "store.size_mb_max=0.001", "trial.backend=inline")
    with begun(of(tmp_path, HERE, *small), few_blocks) as search:
        search.run()
        removed = StudyRecord.of(search.study).removed
    assert any(WEIGHTS in names for names in removed.values())
    check_no_orphans(search)


@pytest.mark.slow
@pytest.mark.seconds
def test_what_is_exported_and_forked_elsewhere_is_fetched(
    tmp_path: Path, few_blocks: Dataset, shared: tuple[str, ...]
) -> None:
    with begun(of(tmp_path, HERE, *shared, "trial.backend=inline"), few_blocks) as search:
        search.run()
        (trial,) = trial_records(search.study)
        url = shared[0].partition("=")[2]
        named = find("smoke", str(tmp_path / THERE), url, "0")
        assert named.contestant.path == tmp_path / THERE / "smoke" / str(trial.folder) / MODEL
        assert named.contestant.path.read_text() == "exported"
        new = of(tmp_path, "fork", *shared, "name=fork", "trial.backend=inline", "budget.trials=2")
        new.folder.mkdir(parents=True)
        fork(search.study, new, few_blocks, search.study._storage, tmp_path / "empty" / "smoke", new.folder)
    study = load_study(new.folder.parent, "fork", url)
    (copy,) = (trial for trial in trial_records(study) if trial.forked_from == 0)
    assert copy.files.keys() == trial.files.keys() - {"training-1/checkpoint.pt"}
    assert not {one.object for one in copy.files.values()} & {one.object for one in trial.files.values()}
    assert (new.folder / str(copy.folder) / WEIGHTS).read_text() == "trained"
    assert set(open_place(f"{(tmp_path / 'artifacts').as_uri()}").names("")) == needed(search.study) | needed(study)
