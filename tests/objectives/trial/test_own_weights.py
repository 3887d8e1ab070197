"""A trial that starts from weights of its own network: they count at the start, and checkpoints from then on."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from objectives.network.assembly import assemble, read_weights, save_weights
from objectives.network.slim import built_slim
from objectives.records.records import Outcome, Rung
from objectives.trial.job import RungDecision, SilentListener, TrialJob
from objectives.trial.trial import run_trial
from spaces.candidate import Candidate
from spaces.errors import DataError
from spaces.network.family import slim_ratios

SLIM = {"slim.p5": 0.5, "slim.head": 0.5, "train.batch": 8, "train.nbs": 8}


class Pausing(SilentListener):
    """Pauses at the first rung."""

    def rung(self, rung: Rung) -> RungDecision:
        return RungDecision.PAUSE


def own_weights(path: Path, candidate: Candidate, classes: tuple[str, ...], seed: int) -> Path:
    _, model = assemble(candidate, classes, seed)
    save_weights(path, built_slim(model, slim_ratios(candidate), ranked=False), candidate, classes)
    return path


@pytest.fixture
def job(tiny_job: TrialJob, tmp_path: Path) -> TrialJob:
    """Two epochs from weights that another seed has drawn."""
    candidate = Candidate.of({**tiny_job.candidate, **SLIM})
    path = own_weights(tmp_path / "own.pt", candidate, tiny_job.classes, seed=77)
    images = tiny_job.images[:8]
    return replace(tiny_job, candidate=candidate, weights=path, rungs=2, images=images)


def trained(job: TrialJob) -> dict[str, torch.Tensor]:
    return read_weights(job.folder / "weights.pt")


@pytest.mark.seconds
@pytest.mark.slow
def test_checkpoints_win_over_the_weights(job: TrialJob, tmp_path: Path) -> None:
    ending = run_trial(job, SilentListener())
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    whole = trained(job)
    again = replace(job, folder=tmp_path / "again")
    assert run_trial(again, Pausing()) is None
    other = own_weights(tmp_path / "other.pt", job.candidate, job.classes, seed=5)
    assert run_trial(replace(again, weights=other, reported_epoch=1), SilentListener()) == ending
    resumed = trained(again)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    anew = replace(job, folder=tmp_path / "anew", weights=other)
    assert run_trial(anew, SilentListener()) == ending
    assert any(not torch.equal(whole[name], weight) for name, weight in trained(anew).items())


def test_weights_of_another_network_or_none_are_refused_in_one_line(job: TrialJob, tmp_path: Path) -> None:
    whole = Candidate.of({**job.candidate, "slim.head": 0.0})
    with pytest.raises(DataError, match=r"^weights: those of '.*own.pt' are another network's \(") as caught:
        run_trial(replace(job, candidate=whole), SilentListener())
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"^weights: '.*gone.pt' cannot be read"):
        run_trial(replace(job, weights=tmp_path / "gone.pt"), SilentListener())
