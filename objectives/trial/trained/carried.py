"""A carried detector: trained in another study, scored here by its own file and weights, and not trained."""

import resource
from collections.abc import Sequence

from torch import nn

from objectives.deploy.artifact import MadeFor
from objectives.deploy.device import measuring_keys, training_keys
from objectives.deploy.export_onnx import meta_of
from objectives.deploy.formats.deployed import convert_beside
from objectives.latency.hosts.queue import asked_of
from objectives.latency.once import latency_once
from objectives.machine.cores import on_cores
from objectives.machine.files import remove_partials
from objectives.network.assembly import load_weights, read_trained
from objectives.records.paths import TrialPaths
from objectives.records.records import Ending, Latency, Outcome, Resources
from objectives.training.hardware import available_device
from objectives.trial.deployed import DeployedFile
from objectives.trial.exported import export_trained, shipped_bytes
from objectives.trial.heartbeat import Heartbeat
from objectives.trial.job import Half, TrialJob, TrialListener, timed_images
from objectives.trial.stage_clock import StageClock
from objectives.trial.trained.network import trained_shape, write_texts
from spaces.errors import DataError, SpaceError
from spaces.network.detector import count_multiply_adds, count_parameters
from spaces.network.family import FP32, is_of_many, precision_of
from spaces.network.whole_weights import load_for_classes


def score_carried(job: TrialJob, listener: TrialListener) -> Ending:
    """Score a detector whose weights and file lie in the trial's folder already, as another study has left them.

    The file stays as it came, unless it is of other classes or was made for another runtime: then it is exported again,
    from the same weights. Of other classes, those that both name keep their rows; what the detector never knew it never
    finds. Called again after a cut, it does the same.

    Args:
        job: of the carried detector; `family` is what its training holds of children in this study's space.
        listener: hears what is measured.

    Raises:
        DataError: weights or images cannot be read, or the weights are another network's.
        ExportFailed: the network cannot be exported.
        DeviceError: the file cannot be measured.
    """
    with on_cores(job.cores) as all_cores, asked_of(listener.measured, job.devices, job.elsewhere):
        return _Carried(job, listener, all_cores).run()


class _Carried:
    """The stages of one carried detector."""

    def __init__(self, job: TrialJob, listener: TrialListener, all_cores: frozenset[int]) -> None:
        self.job, self.listener, self.all_cores = job, listener, all_cores
        self.paths = TrialPaths(job.folder)
        self.train_device = available_device(job.train_device)
        measuring = (key for device in job.devices for key in measuring_keys(device.here()))
        self.heartbeat = Heartbeat(listener, (*training_keys(self.train_device), *measuring), first_epoch=job.epochs)
        self.clock = StageClock(listener, self.heartbeat)
        self.cuts_as_trained = True

    def run(self) -> Ending:
        """Go through the stages."""
        remove_partials(self.paths.folder)
        with self.heartbeat.devices.working(), self.clock.stage("build"):
            network = trained_shape(self.job)
            is_as_it_came = self._load(network)
            write_texts(self.job, self.paths, self.job.candidate, self.train_device)
        with self.heartbeat.devices.working(), self.clock.stage("export"):
            self._export(network, is_as_it_came=is_as_it_came)
        if self.job.family is not None and self.cuts_as_trained:
            self.listener.family(self.job.family)
        self._measure()
        self._report_resources(network)
        return Ending(Outcome.FINISHED, "")

    def _load(self, network: nn.Module) -> bool:
        """Load the weights that came; return whether they are of this data set's classes, in its order."""
        _, classes, tensors = read_trained(self.paths.weights)
        if classes == self.job.classes:
            load_weights(network, self.paths.weights)
            return True
        try:
            self.cuts_as_trained = load_for_classes(network, self.job.classes, tensors, classes)
        except SpaceError as error:
            raise DataError(f"carry: trial {self.job.number}: {error}; leave it out of carry") from error
        if not self.cuts_as_trained:
            self._warn("its class towers are of another width for these classes: it is not quite what it was")
        return False

    def _export(self, network: nn.Module, *, is_as_it_came: bool) -> None:
        """Write the file anew where the one that came is of no use here; the weights last: they say what was done."""
        job = self.job
        made = MadeFor.of_onnx(self.paths.model)
        precision = precision_of(job.candidate)
        if is_as_it_came and (precision == FP32 or (made is not None and made.runtime == job.device.runtime)):
            convert_beside(self.paths.model, job.devices, self.paths.weights)
            return
        meta = meta_of(network, job.candidate, job.classes, job.max_detections)
        export_trained(job, self.paths, network, job.candidate, meta)

    def _measure(self) -> None:
        """Measure latency and mAP of the file, as each device runs it."""
        job = self.job
        on, beat = Half(job.images, job.split), lambda: self.heartbeat.batch(1.0)
        deployed = DeployedFile(job, self.paths, on, self._warn, beat)
        if job.protocol.rule:
            with self.heartbeat.devices.working(), self.clock.stage("score"):
                deployed.settle()
        with self.clock.stage("latency"):
            found = self._latencies()
        for device, latency in zip(job.more_devices, found[1:], strict=True):
            self.listener.latency_on(device.name, latency, trained=True)
        self.listener.latency(found[0], trained=True)
        with self.heartbeat.devices.working(), self.clock.stage("score"):
            self.listener.accuracy(deployed.score(found[0]))

    def _latencies(self) -> Sequence[Latency]:
        """Return the latency on each device; of one of a family by the quick protocol, as of any other parent."""
        job, images = self.job, timed_images(self.job.images)
        is_parent = job.family is not None and is_of_many(job.family.axes) and self.cuts_as_trained
        protocol, patience = job.protocol.quick() if is_parent else job.protocol, self.heartbeat.patience
        cores, warn = self.all_cores, self._warn
        return [
            latency_once(self.paths.model, device, images, protocol, patience=patience, cores=cores, warn=warn)
            for device in job.devices
        ]

    def _report_resources(self, network: nn.Module) -> None:
        size_px = int(self.job.candidate.number("size.pixels"))
        self.listener.resources(
            Resources(
                parameters=count_parameters(network),
                multiply_adds=count_multiply_adds(network, size_px),
                artifact_bytes=shipped_bytes(self.job, self.paths.model),
                training_peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                seconds=self.clock.seconds,
            )
        )

    def _warn(self, text: str) -> None:
        self.listener.warning(f"trial {self.job.number}, carried: {text}")
