"""The baseline of a search: the first trial, outside the space, trained whatever the gate says."""

from pathlib import Path

import pytest
from quick_search import run, settings_of, trials_of

from objectives.data.dataset import Dataset
from reports.table.baseline import against_baseline
from reports.table.baseline_words import baseline_words
from reports.table.table import read_study

pytestmark = pytest.mark.seconds


def test_x(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(
        tmp_path, "trial.backend=inline", "baseline=yolo26n", "start=[{size.pixels: 96}]", "budget.trials=8"
    )
    search = run(settings, blocks)
    for t in trials_of(search):
        print(
            t.number, t.state, t.user_attrs.get("automl.baseline"), t.user_attrs["automl.proposal"], t.values, t.params
        )
    print(search.out.getvalue())
    t = read_study(search.study)
    print(baseline_words(against_baseline(t)))
    assert 0
