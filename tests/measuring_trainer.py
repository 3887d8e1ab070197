"""A trial of a second that trains nothing and measures for real: a small file on the job's device, or by the queue.

`trial.run=measuring_trainer:run_trial`, with this folder on PYTHONPATH.
"""

from window_detector import POOR, write_windows

from objectives.latency.hosts.queue import asked_of
from objectives.latency.once import latency_once
from objectives.records.records import Accuracy, Ending, Outcome, Resources, Rung
from objectives.trial.heartbeat import Heartbeat
from objectives.trial.job import TrialJob, TrialListener, timed_images


def run_trial(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Measure before and after a training of nothing; the contract is that of `objectives.trial.trial.run_trial`."""
    with asked_of(listener.measured, job.devices, job.elsewhere):
        return _run(job, listener)


def _run(job: TrialJob, listener: TrialListener) -> Ending | None:
    job.folder.mkdir(parents=True, exist_ok=True)
    # A file of its own for each size, so that the measuring machine's book does not answer for another candidate.
    size = 24 + 4 * (int(job.candidate.number("size.pixels")) // 32)
    model = write_windows(job.folder / "model.onnx", ((size, size), *POOR))
    images, patience = timed_images(job.images), Heartbeat(listener, ()).patience
    listener.stage("latency")
    if job.latency is None:
        listener.latency(latency_once(model, job.device, images, job.protocol.quick(), patience=patience), False)
    if job.measure_only:
        return None
    listener.stage("train")
    listener.rung(Rung(epoch=job.epochs, map=0.5, map50=0.6, loss=1.0, seconds=0.1, decides=True))
    (job.folder / "weights.pt").write_text("trained")
    listener.stage("latency")
    listener.latency(latency_once(model, job.device, images, job.protocol, patience=patience), True)
    listener.stage("score")
    listener.accuracy(Accuracy(0.5, 0.6, {}, job.split, len(job.images)))
    listener.resources(Resources(10**6, 10**8, model.stat().st_size, 8, {"train": 0.1}))
    return Ending(Outcome.FINISHED, "")
