"""What a trial is given and to whom it reports: the job, and the listener. No torch in here."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from objectives.data.crowds import USUAL_MAX
from objectives.data.dataset import LabelledImage
from objectives.deploy.device import Device
from objectives.latency.hosts.queue import Answer, Order
from objectives.latency.protocol import LatencyProtocol
from objectives.records.children import HELD_OUT, ChildrenOrder, ChildrenReport
from objectives.records.even_sample import evenly
from objectives.records.gate import Gate
from objectives.records.records import Accuracy, Ending, Latency, Resources, Rung
from objectives.weights.shelf import WeightsFile
from spaces.candidate import Candidate
from spaces.network.family import Family

TIMED = 16  # images of a split that latency is measured on
HELD_OUT_LEAST = 200  # images of a split from which on children are chosen by one half and reported on the other


class RungDecision(StrEnum):
    """How a trial goes on at a rung."""

    GO_ON = "go on"
    PAUSE = "pause"  # end the process, keep the checkpoint
    STOP = "stop"


def timed_images(images: Sequence[LabelledImage]) -> list[Path]:
    """Return the files of a split that latency is measured on, an even sample."""
    return [image.path for image in evenly(images, TIMED)]


@dataclass(frozen=True)
class Half:
    """Images that something is scored on, and what they are called."""

    images: tuple[LabelledImage, ...]
    name: str


def halves(images: tuple[LabelledImage, ...], split: str) -> tuple[Half, Half]:
    """Return the images that children are chosen by, and those that figures of them and their polishes are of.

    Two halves of a split that is large enough, every second image each; else all of it twice.
    """
    if len(images) < HELD_OUT_LEAST:
        return Half(images, split), Half(images, split)
    return Half(images[::2], f"{split}, first half"), Half(images[1::2], f"{split}{HELD_OUT}")


def rung_ladder(epochs: int, rungs: int, eta: float) -> list[int]:
    """Return the epochs at which a trial is judged: `epochs` and its quotients by `eta`, `rungs` of them at most.

    12 epochs, 3 rungs, eta 2 give [3, 6, 12].
    """
    ladder = {max(1, round(epochs / eta**i)) for i in range(rungs)}
    return sorted(ladder)


@dataclass(frozen=True, eq=False)
class TrialJob:
    """Everything that a trial needs, without the study.

    Attributes:
        number: the trial's.
        candidate: what to build and how to train it.
        folder: the trial's own.
        classes: class names by index.
        data_yaml: data set as laid out for Ultralytics.
        images: the split that mAP and latency are measured on.
        split: its name.
        epochs: epochs in all.
        rungs: at most so many rungs.
        eta: ratio of the epochs of two rungs.
        evaluate_every: epochs between two looks at the validator; 0 looks at the rungs only.
        seed: of weights and training.
        gate: bounds that need no training stop a trial before it; its own metrics are measured after.
        device: where latency is measured, and whose runtime scores the file.
        protocol: how.
        train_device: "auto", "cpu", "0", ...
        workers: data-loading processes on a GPU.
        cache: whether decoded images are kept in memory.
        start: file of the pretrained weights that the candidate names; None where published ones are not here.
        grace: share of the training before which a rung is looked at but decides nothing: large detectors start slowly.
        latency: of the untrained network, if it is known already; else it is measured first.
        trained_s: seconds that earlier processes of the trial have trained.
        measure_only: end when the untrained latency is known.
        batch_divisor: the batch is divided by it, the images per optimiser step are not: gradients are added up.
        reported_epoch: last evaluated epoch that the searching process knows of.
        max_detections: boxes of an image that are kept, in validation and as deployed.
        cores: processor cores to train on; empty for all.
        gpu: the GPU that its process is to see alone, by the driver's name; None: those that the searching one sees.
        family: what may differ between the children of an elastic training; None for any other.
        training: image files of the training split, for batch-norm statistics of children; empty where there are none.
        weights: file of the weights that the training starts from, of exactly this network; None: those that the
            candidate asks for.
        run: what runs as the trial, "module:function" of (job, listener) -> Ending | None.
        more_devices: where latency is measured beside.
        on_all: whether one detector is wanted for all devices, so that a bound of any of them stops a trial.
        latencies: further device -> latency of the untrained network, as far as it is known already.
        elsewhere: names of the devices that another machine has: their latencies are asked of the listener.
    """

    number: int
    candidate: Candidate
    folder: Path
    classes: tuple[str, ...]
    data_yaml: Path
    images: tuple[LabelledImage, ...]
    split: str
    epochs: int
    rungs: int
    eta: float
    evaluate_every: int
    seed: int
    gate: Gate
    device: Device
    protocol: LatencyProtocol
    train_device: str
    workers: int
    cache: bool = True
    start: WeightsFile | None = None
    grace: float = 0.0
    latency: Latency | None = None
    trained_s: float = 0.0
    measure_only: bool = False
    batch_divisor: int = 1
    reported_epoch: int = 0
    max_detections: int = USUAL_MAX
    cores: tuple[int, ...] = ()
    gpu: str | None = None
    family: Family | None = None
    training: tuple[Path, ...] = ()
    weights: Path | None = None
    run: str = "objectives.trial.trial:run_trial"
    more_devices: tuple[Device, ...] = ()
    on_all: bool = False
    latencies: Mapping[str, Latency] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()

    def function(self) -> "RunTrial":
        """Import what runs as the trial: torch comes along, for a real one.

        Raises:
            ImportError: there is no such module.
            AttributeError: it has no such function.
        """
        module, _, name = self.run.partition(":")
        function: RunTrial = getattr(importlib.import_module(module), name)
        return function

    @property
    def devices(self) -> tuple[Device, ...]:
        """Where latency is measured, one device after another."""
        return (self.device, *self.more_devices)

    @property
    def deciding(self) -> tuple[int, ...]:
        """Epochs at which the pruner is asked; the last is the end of the training."""
        ladder = rung_ladder(self.epochs, self.rungs, self.eta)
        return tuple(epoch for epoch in ladder if epoch >= self.grace * self.epochs)

    @property
    def evaluated(self) -> tuple[int, ...]:
        """Epochs at which the validator runs: the rungs, and what `evaluate_every` asks for beside."""
        looks = range(self.evaluate_every, self.epochs, self.evaluate_every) if self.evaluate_every else ()
        return tuple(sorted({*looks, *rung_ladder(self.epochs, self.rungs, self.eta), self.epochs}))


class TrialListener(ABC):
    """Receives what a trial measures, as soon as it is measured."""

    @abstractmethod
    def stage(self, name: str) -> None:
        """A stage begins: build, latency, train, prune, export, score."""

    @abstractmethod
    def progress(self, epoch: int, share: float) -> None:
        """A sign of life: the epoch under way, from 1, and the share of its batches that is done."""

    @abstractmethod
    def latency(self, latency: Latency, trained: bool) -> None:
        """A latency was measured, before or after training."""

    @abstractmethod
    def rung(self, rung: Rung) -> RungDecision:
        """An epoch was evaluated; return how to go on."""

    @abstractmethod
    def accuracy(self, accuracy: Accuracy) -> None:
        """The trained file was scored."""

    @abstractmethod
    def resources(self, resources: Resources) -> None:
        """What the detector costs is known."""

    @abstractmethod
    def warning(self, text: str) -> None:
        """Something was done in another way than asked for."""

    def latency_on(self, device: str, latency: Latency, trained: bool) -> None:  # noqa: B027  # most studies have one
        """A latency was measured on a further device, before or after training."""

    def measured(self, order: Order) -> Answer | None:
        """Files are to be measured on a device that another machine has; return at once: None where it takes longer.

        The trial asks again with the same order, several times a second, until there is an answer.
        """
        return Answer(away=f"device={order.device}: nobody passes orders on here")

    def family(self, family: Family) -> None:  # noqa: B027  # most listeners hear of none
        """An elastic training has found out which children it will hold: some networks lose no channels."""

    def children(self, report: ChildrenReport) -> ChildrenOrder | None:
        """A scorer of children has found this; return what it is to do next, None to end it."""
        return None


class SilentListener(TrialListener):
    """Lets everything pass, and every rung go on; subclasses take what they want."""

    def stage(self, name: str) -> None:
        """Let the stage pass."""

    def progress(self, epoch: int, share: float) -> None:
        """Let the progress pass."""

    def latency(self, latency: Latency, trained: bool) -> None:
        """Let the latency pass."""

    def rung(self, rung: Rung) -> RungDecision:
        """Let the trial go on."""
        return RungDecision.GO_ON

    def accuracy(self, accuracy: Accuracy) -> None:
        """Let the accuracy pass."""

    def resources(self, resources: Resources) -> None:
        """Let the resources pass."""

    def warning(self, text: str) -> None:
        """Let the warning pass."""


RunTrial = Callable[[TrialJob, TrialListener], Ending | None]  # None: paused, or only measured
