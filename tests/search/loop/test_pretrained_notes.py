"""What trials say of the weights that they start from: people are shown it once for each file, not once a trial."""

from pathlib import Path

import pytest
from quick_search import run, settings_of

from objectives.data.dataset import Dataset

TRAINER = """
from quick_trainer import run_trial as quick

def run_trial(job, listener):
    listener.warning(f"pretrained: published weights are not here (net {job.number}); training starts from random")
    listener.warning(f"pretrained: 8 of 9 tensors from 'yolo11n.pt'; classes that it knows (1 of 2): {job.number}")
    listener.warning("pretrained: 7 of 9 tensors from 'yolo26n.pt'; it names no classes: all of them are new")
    listener.warning(f"trial {job.number}: something else")
    return quick(job, listener)
"""


@pytest.mark.seconds
def test_each_file_is_noted_once(blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "noting_trainer.py").write_text(TRAINER)
    monkeypatch.syspath_prepend(str(tmp_path))
    noting = ("trial.run=noting_trainer:run_trial", "trial.backend=inline", "budget.trials=2")
    shown = run(settings_of(tmp_path, *noting), blocks).out.getvalue()
    assert shown.count("are not here") == shown.count("'yolo11n.pt'") == shown.count("'yolo26n.pt'") == 1
    assert shown.count("something else") == 2
