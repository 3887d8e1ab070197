"""Recorded trainings: the table that ships is an extract of the benchmarks', tables are read as written, scores."""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.engine.models.experience.recorded import (
    SHIPPED,
    TRAININGS_LEAST,
    Training,
    even_trainings,
    read_trainings,
    standardised,
    write_trainings,
)
from spaces.errors import DataError
from spaces.vocabulary import VOCABULARY

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"
TABLES = [BENCHMARKS / f"recorded_{name}.csv" for name in ("embedded", "rbc")]
VALUES = st.one_of(st.booleans(), st.integers(-9, 999), st.floats(0.01, 9.0), st.sampled_from(["none", "lcnet_050"]))
TRAININGS = st.lists(
    st.builds(
        Training,
        study=st.sampled_from(["one", "two", "three"]),
        params=st.dictionaries(st.sampled_from(["slim.width", "train.lr0", "backbone.name"]), VALUES, min_size=1),
        epochs=st.integers(0, 300),
        map=st.integers(0, 1000).map(lambda n: n / 1000),
    ),
    max_size=60,
)


def test_what_ships_is_the_extract_of_the_recorded_tables(tmp_path: Path) -> None:
    script, to = BENCHMARKS / "record_experience.py", tmp_path / "made.csv"
    subprocess.run([sys.executable, str(script), *map(str, TABLES), "--to", str(to)], check=True)
    assert to.read_text() == SHIPPED.read_text()


def test_what_ships_is_of_dimensions_that_there_are() -> None:
    shipped = read_trainings()
    assert {name for one in shipped for name in one.params} <= set(VOCABULARY)
    assert {one.study for one in shipped} == set(standardised(shipped)) == {"embedded", "rbc"}
    assert {one.params["prune.importance"] for one in shipped} == {"none", "l2", "bn_scale"}  # a word, no blank


@given(TRAININGS)
def test_a_table_is_read_as_it_was_written(trainings: list[Training]) -> None:
    text = io.StringIO()
    write_trainings(trainings, text)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trainings.csv"
        path.write_text(text.getvalue())
        read = read_trainings(path)
    assert [(one.study, one.epochs, one.map, dict(one.params)) for one in read] == [
        (one.study, one.epochs, one.map, dict(one.params)) for one in trainings
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("study,epochs\na,1\n", "needs study, epochs"),
        ("study,epochs,map\na,ten,0.5\n", "needs study, epochs"),
        ("study,epochs,map\na,10,1.5\n", r"line 2: map must lie in \[0, 1\]"),
    ],
)
def test_a_broken_table_is_refused_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=why):
        read_trainings(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_trainings(tmp_path / "none.csv")


@given(TRAININGS)
def test_scores_of_each_study_are_standardised_and_keep_its_order(trainings: list[Training]) -> None:
    for study, (some, scores) in standardised(trainings).items():
        assert {one.study for one in some} == {study}
        assert len(some) >= TRAININGS_LEAST
        assert (float(np.mean(scores)), float(np.std(scores))) == pytest.approx((0.0, 1.0), abs=1e-6)
        order = np.argsort([one.map for one in some], kind="stable")
        assert np.all(np.diff(scores[order]) >= 0)


@given(TRAININGS, st.integers(10, 40))
def test_every_study_has_an_equal_share_of_what_is_kept(trainings: list[Training], most: int) -> None:
    kept = even_trainings(trainings, most)
    counts = {study: sum(one.study == study for one in kept) for study in {one.study for one in trainings}}
    whole = {study: sum(one.study == study for one in trainings) for study in counts}
    enough = [study for study in whole if whole[study] >= TRAININGS_LEAST]
    share = max(TRAININGS_LEAST, most // max(1, len(enough)))
    assert counts == {study: min(share, whole[study]) if study in enough else 0 for study in whole}
