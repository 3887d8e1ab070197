"""A scorer of children of milliseconds: what it "measures" are the plain formulas of `quick_trainer.py`.

`trial.score=quick_scorer:score_children`, with this folder on PYTHONPATH. Of each order's looks the last one fails.
"""

from dataclasses import replace

from quick_trainer import accuracy_of, latency_of

from objectives.records.children import ChildrenReport, Choices, FailedChild, Look, ScoredChild
from objectives.records.records import Accuracy, Ending, Resources
from objectives.trial.job import TrialJob, TrialListener


def score_children(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Look at children and score them as ordered; the contract is that of `objectives.trial.scoring.score_children`."""
    listener.stage("build")
    report = ChildrenReport()
    while (order := listener.children(report)) is not None:
        listener.stage("look" if order.look_at else "export")
        looks = [Look(choices, _accuracy(job, choices).map, 0.01) for choices in order.look_at[:-1]]
        failed = [FailedChild(choices, "no such channels") for choices in order.look_at[-1:]]
        report = ChildrenReport(tuple(looks), tuple(_scored(job, choices) for choices in order.score), tuple(failed))
    return None


def _scored(job: TrialJob, choices: Choices) -> ScoredChild:
    child = _child(job, choices)
    seconds = {"export": 0.01, "latency": 0.01, "score": 0.01}
    folder = f"children/{child.candidate.fingerprint}"
    return ScoredChild(choices, folder, latency_of(child), _accuracy(job, choices), Resources(1, 1, 1, 1, seconds))


def _accuracy(job: TrialJob, choices: Choices) -> Accuracy:
    left_out = sum(value for name, value in choices.items() if name.startswith("slim."))
    quality = accuracy_of(_child(job, choices), job.epochs) * (1 - 0.05 * left_out)
    return Accuracy(quality, min(1.0, quality * 1.3), {}, job.split, len(job.images))


def _child(job: TrialJob, choices: Choices) -> TrialJob:
    assert job.family is not None
    return replace(job, candidate=job.family.child(job.candidate, choices))
