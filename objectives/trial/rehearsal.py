"""A candidate tried for a few training steps: what it would cost, before anything is searched."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psutil
from torch import nn
from ultralytics.utils import callbacks

from objectives.deploy.device import training_keys
from objectives.machine.device_locks import SharedDevices
from objectives.machine.memory import unshared_bytes
from objectives.machine.other_load import Others
from objectives.network.assembly import assemble, pruning_of
from objectives.network.pruning import prune_detector
from objectives.records.paths import TrialPaths
from objectives.records.records import Resources
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.hardware import available_device, gpu_peak_bytes, loading_processes
from objectives.training.trainer import Progress, train_phase
from objectives.trial.exported import export_untrained, shipped_bytes
from objectives.trial.job import TrialJob, TrialListener
from spaces.network.detector import count_multiply_adds, count_parameters

UNTIMED = 1  # batches before the first timed one: memory is allocated, kernels are chosen
TIMED_MOST = 10  # batches
ENOUGH_S = 1.0  # seconds of batches beyond which no further one is asked for; one is timed in any case
EPOCHS = 100  # that the training is set up for; it ends long before
OTHERS_CORES_MAX = 0.5  # processor cores that other processes may use meanwhile


def rehearse(job: TrialJob, listener: TrialListener) -> None:
    """Train a candidate for a few batches, validate it once, and report what that took.

    Weights are random: no hub is asked. The listener receives, of seconds, "build", "setup" (from the network to the
    first batch), "step" (one batch: loading, forward, backward, optimiser; the median) and "validation" (one image).

    Args:
        job: its data set may be a sample of the real one; `candidate`, `folder`, `classes`, `data_yaml`,
            `seed`, `train_device`, `workers` and `cache` are read.
        listener: receives stages, batches and resources, and a warning if other processes kept the machine busy.

    Raises:
        SpaceError: the candidate cannot be built or trained as it is.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    listener.stage("build")
    began = time.perf_counter()
    _, model = assemble(job.candidate, job.classes, job.seed)
    parameters = count_parameters(model)
    multiply_adds = count_multiply_adds(model, int(job.candidate.number("size.pixels")))
    built = time.perf_counter()
    listener.stage("train")
    timer = _Timer(listener)
    device = available_device(job.train_device)
    with SharedDevices(training_keys(device)).working(), _alone(listener):
        timer.time(job, model, device)
    listener.resources(
        Resources(
            parameters=parameters,
            multiply_adds=multiply_adds,
            training_peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + timer.loaders_bytes,
            seconds={"build": built - began, **timer.seconds},
            gpu_peak_bytes=gpu_peak_bytes(),
        )
    )


def rehearse_export(job: TrialJob, listener: TrialListener) -> None:
    """Export an untrained candidate as it would be deployed; report the first device's bytes and "export" in seconds.

    Raises:
        SpaceError: the candidate cannot be built or pruned as it is.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    listener.stage("export")
    _, model = assemble(job.candidate, job.classes, job.seed)
    began = time.perf_counter()
    if pruning := pruning_of(job.candidate):
        prune_detector(model, pruning.ratio, pruning.importance)
    with SharedDevices(training_keys("cpu")).working():
        path = export_untrained(job, TrialPaths(job.folder), model, job.candidate)
    listener.resources(
        Resources(
            parameters=count_parameters(model),
            artifact_bytes=shipped_bytes(job, path),
            seconds={"export": time.perf_counter() - began},
        )
    )


class _Enough(Exception):
    """Raised out of a training whose costs are known."""


@dataclass
class _Timer:
    """Times the batches of a training and one validation, and ends the training there.

    Attributes:
        listener: receives every batch.
        mark: when the last batch ended, or the epoch began.
        steps_s: seconds of each batch, loading included.
        seconds: "setup", "step" and "validation".
        loaders_bytes: memory of the processes that load data, less what they share.
    """

    listener: TrialListener
    mark: float = field(default_factory=time.perf_counter)
    steps_s: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    loaders_bytes: int = 0

    def time(self, job: TrialJob, model: nn.Module, device: str) -> None:
        """Train the network until enough is known."""
        workers, _ = loading_processes(job.workers, device)
        plan = TrainingPlan(
            job.data_yaml, TrialPaths(job.folder).training(0), EPOCHS, job.seed, device, workers, job.cache
        )
        # A step costs the same, but no network diverges meanwhile, and gradients are added up as behind the warm-up.
        arguments = {**trainer_arguments(job.candidate, plan), "warmup_epochs": 0.0, "lr0": 1e-6}
        self.mark = time.perf_counter()
        with suppress(_Enough), _listening(on_train_epoch_start=self._begin, on_train_batch_end=self._batch):
            train_phase(model, arguments, Progress(), (), (), lambda _: False)

    def _begin(self, _: Any) -> None:
        now = time.perf_counter()
        self.seconds.setdefault("setup", now - self.mark)
        self.mark = now

    def _batch(self, trainer: Any) -> None:
        now = time.perf_counter()
        self.steps_s.append(now - self.mark)
        timed = self.steps_s[UNTIMED:]
        self.listener.progress(1, len(self.steps_s) / (UNTIMED + TIMED_MOST))
        if len(timed) == TIMED_MOST or (timed and sum(self.steps_s) >= ENOUGH_S):
            self.seconds["step"] = median(timed)
            self.loaders_bytes = sum(map(unshared_bytes, psutil.Process().children(recursive=True)))
            trainer.validate()
            self.seconds["validation"] = (time.perf_counter() - now) / len(trainer.test_loader.dataset)
            raise _Enough
        self.mark = time.perf_counter()


@contextmanager
def _listening(**handlers: Callable[[Any], None]) -> Iterator[None]:
    """Have every trainer that is made meanwhile call the handlers at Ultralytics' events."""
    for event, handler in handlers.items():
        # A plain function: Ultralytics copies its callbacks deeply, and a method's object with it.
        callbacks.default_callbacks[event].append(lambda trainer, call=handler: call(trainer))
    try:
        yield
    finally:
        for event in handlers:
            callbacks.default_callbacks[event].pop()


@contextmanager
def _alone(listener: TrialListener) -> Iterator[None]:
    """Warn if other processes used the machine meanwhile: everything takes longer then."""
    others = Others()
    yield
    if others.cores() > OTHERS_CORES_MAX:
        listener.warning("other processes kept the processor busy meanwhile: the seconds are too high")
