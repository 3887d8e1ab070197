"""What a study starts from, frozen: packed and read again, the same for whoever goes on, off when it is not wanted."""

import shutil
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quick_search import settings_of

from objectives.data.dataset import Dataset
from objectives.records.study_record import StudyRecord
from search.engine.models.experience.recorded import TRAININGS_LEAST, Training, read_trainings
from search.loop.run import search
from search.settings.settings import EXPERIENCES, Settings
from search.study.experience.frozen import expected_experience, frozen_experience, gathered, packed, unpacked
from search.study.experience.own import OWN
from search.study.store import load_study
from search.view.base import View
from spaces.errors import SettingsError

VALUES = st.one_of(st.booleans(), st.integers(-999, 999), st.sampled_from([0.5, 1e-4, "none", "lcnet_050"]))
TRAININGS = st.builds(
    Training,
    study=st.text(max_size=5),
    params=st.dictionaries(st.text(max_size=5), VALUES),
    epochs=st.integers(0, 300),
    map=st.integers(0, 1000).map(lambda n: n / 1000),
)


class Notes(View):
    """A view that keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def quick(folder: Path, name: str, trials: int, *overrides: str) -> Settings:
    own = (f"name={name}", f"budget.trials={trials}", "trial.backend=inline", "pruner=none", "trial.epochs=2")
    return settings_of(folder, *own, *overrides)


def found(settings: Settings) -> optuna.Study:
    return load_study(settings.folder.parent, settings.name, None)


def proposed(settings: Settings) -> list[tuple[dict[str, Any], Any]]:
    return [(t.params, t.user_attrs["automl.proposal"]["why"]) for t in found(settings).get_trials(deepcopy=False)]


@given(st.lists(TRAININGS, max_size=20))
def test_trainings_are_read_as_they_were_packed(trainings: list[Training]) -> None:
    assert unpacked(packed(trainings)) == trainings


@pytest.mark.parametrize("text", ["", "!!", "x" * 50, packed([])[:-2]])
def test_what_another_version_packed_is_left_aside(text: str) -> None:
    assert unpacked(text) == []


def test_what_ships_takes_little_room() -> None:
    assert len(packed(read_trainings())) < 10_000


@pytest.mark.slow
def test_a_study_starts_from_what_the_setting_names(tmp_path: Path, blocks: Dataset) -> None:
    search(quick(tmp_path, "earlier", TRAININGS_LEAST, "experience=none"), dataset=blocks)
    names = {
        choice: {one.study for one in gathered(quick(tmp_path, "new", 2, f"experience={choice}"))[0]}
        for choice in EXPERIENCES
    }
    shipped, own = {"embedded", "rbc"}, {f"{OWN}earlier"}
    assert names == {"shipped+own": shipped | own, "shipped": shipped, "own": own, "none": set()}
    assert gathered(quick(tmp_path, "fork", 2), forked_from="earlier")[0] == read_trainings()


@pytest.mark.slow
@pytest.mark.seconds
def test_own_studies_that_end_meanwhile_change_nothing(tmp_path: Path, blocks: Dataset) -> None:
    """One search goes through; another one of the same folder is cut, and more own studies end before it goes on."""
    for folder in ("whole", "cut"):
        search(quick(tmp_path / folder, "earlier", 9, "sampler=random", "experience=none"), dataset=blocks)
    whole, cut = (quick(tmp_path / folder, "new", 5) for folder in ("whole", "cut"))
    search(whole, dataset=blocks)
    search(quick(tmp_path / "cut", "new", 2), dataset=blocks)
    for name in ("later", "latest"):
        shutil.copytree(tmp_path / "cut" / "earlier", tmp_path / "cut" / name)
        search(quick(tmp_path / "cut", f"{name}-own", 9, "seed=7", "sampler=random", "experience=none"), dataset=blocks)
    search(cut, dataset=blocks)
    assert proposed(cut) == proposed(whole)
    assert any("its like learnt well in " in why for _, why in proposed(cut))
    assert {one.study for one in frozen_experience(cut, found(cut))} == {"embedded", "rbc", f"{OWN}earlier"}
    assert expected_experience(cut) == frozen_experience(cut, found(cut))


@pytest.mark.seconds
def test_without_experience_nothing_is_kept_and_said(tmp_path: Path, blocks: Dataset) -> None:
    off = quick(tmp_path, "off", 4, "experience=none")
    search(off, dataset=blocks)
    assert StudyRecord.of(found(off)).experience is None
    assert (frozen_experience(off, found(off)), expected_experience(off)) == ([], [])
    assert not any("learnt well" in why for _, why in proposed(off))
    on = quick(tmp_path, "off", 5)  # the same study: the setting is free, as the sampler is
    search(on, dataset=blocks)
    assert frozen_experience(on, found(on)) == read_trainings()
    assert frozen_experience(off, found(off)) == []


@pytest.mark.seconds
def test_what_is_left_out_is_shown_once(tmp_path: Path, blocks: Dataset) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "study.sqlite3").write_bytes(b"no database " * 100)
    views = Notes(), Notes()
    for trials, view in enumerate(views, 1):
        search(quick(tmp_path, "new", trials), dataset=blocks, view=view)
    assert [len(view.notes) for view in views] == [1, 0]
    assert views[0].notes[0].startswith("experience: study 'damaged' is left out: ")


@pytest.mark.parametrize(("choice", "hint"), [("shiped", "nearest: shipped"), ("non", "nearest: none"), ("x", "known")])
def test_an_unknown_choice_is_refused_in_one_line(tmp_path: Path, choice: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=f"experience: unknown choice '{choice}'.*{hint}"):
        quick(tmp_path, "new", 1, f"experience={choice}")
