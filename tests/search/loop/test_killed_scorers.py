"""A search that is killed again and again while children are scored: nothing is lost, nothing comes twice."""

import os
import pickle
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from quick_search import elastic_settings, trials_of
from test_families import check_whole, children_of, stored

from objectives.data.dataset import Dataset
from objectives.records.study_record import StudyRecord
from search.study.store import load_study

KILLS = 10
OVERRIDES = ("trial.backend=process", "budget.trials=40")
SCRIPT = f"""
import pickle, sys
from pathlib import Path
from quick_search import elastic_settings
from search import search

if __name__ == "__main__":
    folder, data = map(Path, sys.argv[1:])
    search(elastic_settings(folder, *{OVERRIDES!r}), dataset=pickle.loads(data.read_bytes()))
"""
TESTS = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_ten_kills_lose_nothing(tmp_path: Path, blocks: Dataset, seed: int) -> None:
    (tmp_path / "searches.py").write_text(SCRIPT)
    (tmp_path / "blocks.pickle").write_bytes(pickle.dumps(blocks))
    settings = elastic_settings(tmp_path, *OVERRIDES)
    chance, before, killed = random.Random(seed), {}, 0
    line = [sys.executable, "searches.py", str(tmp_path), "blocks.pickle"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))}
    while True:
        process = subprocess.Popen(line, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            _, said = process.communicate(timeout=chance.uniform(1.5, 4.0) if killed < KILLS else 300.0)
            assert process.returncode == 0, said
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
            time.sleep(0.3)  # the scorer dies with the search
        if not (settings.folder / "study.sqlite3").exists():
            continue
        study = load_study(settings.folder.parent, settings.name, None)
        now = {t.number: stored(t) for t in study.get_trials(deepcopy=False) if t.state.is_finished()}
        assert {number: now[number] for number in before} == before
        before = now
    with_all = Seen(settings.folder, load_study(settings.folder.parent, settings.name, None))
    check_whole(with_all, settings)  # type: ignore[arg-type]  # it reads the study and the folder alone
    assert {t.number: stored(t) for t in trials_of(with_all) if t.number in before} == before  # type: ignore[arg-type]
    assert len(children_of(with_all)) > 10  # type: ignore[arg-type]
    assert StudyRecord.of(with_all.study).looks_count > 0


class Seen:
    """A study after its searches."""

    def __init__(self, folder: Path, study: object) -> None:
        self.folder, self.study = folder, study
