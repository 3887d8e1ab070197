"""A trial that starts from published weights: the file that the search found, or one warning and random weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from objectives.network.assembly import read_weights
from objectives.records.records import Outcome
from objectives.trial.job import SilentListener, TrialJob
from objectives.trial.trial import run_trial
from objectives.weights.shelf import IN_FOLDER, WeightsFile
from spaces.candidate import Candidate
from spaces.errors import DataError


class Warned(SilentListener):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def start(tmp_path: Path) -> WeightsFile:
    torch.manual_seed(9)
    path = tmp_path / "lcnet_050.ra2_in1k.safetensors"
    save_file(timm.create_model("lcnet_050").state_dict(), path)
    return WeightsFile.of(path, IN_FOLDER)


@pytest.fixture
def job(tiny_job: TrialJob) -> TrialJob:
    """One epoch whose backbone, the first layer of the description, stays as it was."""
    choices = {"train.pretrained": "hub", "train.freeze": 1, "train.batch": 16, "train.nbs": 16}
    candidate = Candidate.of({**tiny_job.candidate, **choices})
    return replace(tiny_job, candidate=candidate, epochs=1, images=tiny_job.images[:4])


@pytest.mark.slow
@pytest.mark.seconds
def test_a_trial_trains_from_the_file(job: TrialJob, start: WeightsFile) -> None:
    listener = Warned()
    ending = run_trial(replace(job, start=start), listener)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    assert not [text for text in listener.warnings if text.startswith("pretrained:")]
    trained = read_weights(job.folder / "weights.pt")
    torch.manual_seed(9)
    published = timm.create_model("lcnet_050")
    kept = [name for name, _ in published.named_parameters() if f"model.0.m.{name}" in trained]
    assert len(kept) > 50
    assert all(torch.equal(trained[f"model.0.m.{name}"], published.get_parameter(name)) for name in kept)


@pytest.mark.seconds
def test_without_a_file_weights_are_random_with_one_warning(job: TrialJob) -> None:
    listener = Warned()
    assert run_trial(replace(job, measure_only=True), listener) is None
    (text,) = [text for text in listener.warnings if text.startswith("pretrained:")]
    assert text == (
        "pretrained: published weights are not here (lcnet_050.ra2_in1k); training starts from random weights"
    )


def test_a_file_that_changed_since_the_search_began_ends_the_trial(job: TrialJob, start: WeightsFile) -> None:
    start.path.write_bytes(b"another")
    with pytest.raises(DataError, match="changed since the search began"):
        run_trial(replace(job, start=start), Warned())
