"""A scorer: works through lists of children of one training, in one process: cut, or in another precision."""

import resource
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from torch import nn

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.device import measuring_keys, training_keys
from objectives.deploy.export_onnx import meta_of
from objectives.latency.hosts.queue import asked_of
from objectives.latency.once import latencies_once
from objectives.machine.cores import on_cores
from objectives.machine.files import remove_partials
from objectives.network.assembly import assemble, load_weights, read_ranks
from objectives.network.slim import Slimmer
from objectives.records.children import ChildrenOrder, ChildrenReport, Choices, FailedChild, Look, ScoredChild
from objectives.records.classify import classify
from objectives.records.failures import OF_MEMORY, Failure
from objectives.records.paths import TrialPaths
from objectives.records.records import Ending, Latency, Resources
from objectives.training.hardware import available_device
from objectives.trial.children import Children, LookedAt
from objectives.trial.deployed import DeployedFile
from objectives.trial.exported import export_trained, shipped_bytes
from objectives.trial.heartbeat import Heartbeat
from objectives.trial.job import Half, TrialJob, TrialListener, halves, timed_images
from objectives.trial.trained.network import trained_shape, write_texts
from spaces.candidate import Candidate
from spaces.errors import AutomlError, SpaceError, first_line
from spaces.network.detector import count_multiply_adds, count_parameters
from spaces.network.family import is_of_many

FAULTS_THAT_PASS = OF_MEMORY | {Failure.DISK_FULL, Failure.DATA_UNREADABLE, Failure.DEVICE_AWAY}


def score_children(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Look at children and score them as the listener orders, until the listener has no more orders.

    Args:
        job: of the parent, which has ended: its folder holds the trained weights, its `family` the children's axes.
        listener: `children` is called with what was found since, first with nothing.

    Raises:
        DataError: images or the parent's weights cannot be read.
    """
    with on_cores(job.cores) as all_cores, asked_of(listener.measured, job.devices, job.elsewhere):
        _Scorer(job, listener, all_cores).run()
    return None


@dataclass(frozen=True)
class _Made:
    """A child with its file."""

    choices: Choices
    candidate: Candidate
    network: nn.Module
    meta: ArtifactMeta
    paths: TrialPaths
    seconds: float
    deployed: DeployedFile


class _Scorer:
    def __init__(self, job: TrialJob, listener: TrialListener, all_cores: frozenset[int]) -> None:
        self.job, self.listener, self.all_cores = job, listener, all_cores
        assert job.family is not None
        self.family, self.paths = job.family, TrialPaths(job.folder)
        self.train_device = available_device(job.train_device)
        measuring = (key for device in job.devices for key in measuring_keys(device.here()))
        keys = (*training_keys(self.train_device), *measuring)
        self.heartbeat = Heartbeat(listener, keys, first_epoch=job.epochs)
        self.chosen_by, self.reported_on = halves(job.images, job.split)
        if not is_of_many(self.family.axes):  # nothing is chosen by mAP: they are compared with their parent
            self.reported_on = Half(job.images, job.split)

    def run(self) -> None:
        """Work until there are no more orders."""
        self.paths.children.mkdir(exist_ok=True)
        remove_partials(self.paths.children)
        report = ChildrenReport()
        with self.heartbeat.devices.working():
            children = self._children()
        looked = LookedAt(self.chosen_by.images, self.job.classes, self.chosen_by.name)
        while True:
            order = self.listener.children(report)
            if order is None:
                return
            report = self._done(order, children, looked)

    def _children(self) -> Children:
        """Return what makes children of the parent's trained weights."""
        self.listener.stage("build")
        job = self.job
        size_px = int(job.candidate.number("size.pixels"))
        if not is_of_many(self.family.axes):
            return Children(self._network(), None, size_px, job.training, self.train_device)
        _, network = assemble(job.candidate, job.classes, job.seed)
        ranks = read_ranks(self.paths.ranks)
        ratios = sorted({ratio for of_part in self.family.ratios.values() for ratio in of_part if ratio > 0})
        slimmer = Slimmer(network, ratios, ranks, ranked=ranks is not None) if ratios else None
        load_weights(network, self.paths.weights)
        return Children(network, slimmer, size_px, job.training, self.train_device)

    def _network(self) -> nn.Module:
        """Return the parent's own network, trained."""
        network = trained_shape(self.job)
        load_weights(network, self.paths.weights)
        return network

    def _done(self, order: ChildrenOrder, children: Children, looked: LookedAt) -> ChildrenReport:
        failed: list[FailedChild] = []
        with self.heartbeat.devices.working():
            looks = self._looks(order, children, looked, failed)
            made = self._made(order, children, failed)
        return ChildrenReport(tuple(looks), tuple(self._scored(made, failed)), tuple(failed))

    def _looks(
        self, order: ChildrenOrder, children: Children, looked: LookedAt, failed: list[FailedChild]
    ) -> list[Look]:
        found = []
        if order.look_at:
            self.listener.stage("look")
        for choices in order.look_at:
            began = time.perf_counter()
            self.heartbeat.batch(1.0)
            try:
                child = children.make(choices)
                accuracy = looked.accuracy(child, self._meta(child, choices))
            except Exception as error:  # one child must not end the list: networks raise whatever they like
                failed.append(_failed(choices, error))
                continue
            found.append(Look(choices, accuracy.map, time.perf_counter() - began))
        return found

    def _made(self, order: ChildrenOrder, children: Children, failed: list[FailedChild]) -> list[_Made]:
        if order.score:
            self.listener.stage("export")
        made = []
        for choices in order.score:
            began = time.perf_counter()
            self.heartbeat.batch(1.0)
            try:
                whole = self.family.is_whole(choices)
                made.append(self._export(choices, children.network if whole else children.make(choices), began))
            except Exception as error:  # as above
                failed.append(_failed(choices, error))
                self._forget(choices)
        return made

    def _forget(self, choices: Choices) -> None:
        """Remove the files of a child that failed."""
        with suppress(SpaceError):  # one that the family does not have has none
            shutil.rmtree(self.paths.child(self._candidate(choices).fingerprint).folder, ignore_errors=True)

    def _export(self, choices: Choices, network: nn.Module, began: float) -> _Made:
        """Write the files of a child; one of its parent's own network is converted from its parent's own file."""
        job = self.job
        candidate = self._candidate(choices)
        paths = self.paths.child(candidate.fingerprint)
        paths.folder.mkdir(exist_ok=True)
        network = network.cpu()
        whole = self.paths.model if self.family.is_whole(choices) and self.paths.model.exists() else None
        meta = self._meta(network, choices)
        export_trained(job, paths, network, candidate, meta, whole)
        write_texts(job, paths, candidate, self.train_device)
        deployed = DeployedFile(job, paths, self.reported_on, self._warn, lambda: self.heartbeat.batch(1.0))
        deployed.settle()
        return _Made(choices, candidate, network, meta, paths, time.perf_counter() - began, deployed)

    def _scored(self, made: list[_Made], failed: list[FailedChild]) -> list[ScoredChild]:
        if not made:
            return []
        self.listener.stage("latency")
        began = time.perf_counter()
        images = timed_images(self.job.images)
        models, quick = [one.paths.model for one in made], self.job.protocol.quick()
        patience, cores = self.heartbeat.patience, self.all_cores
        of_devices = [
            latencies_once(models, device, images, quick, patience=patience, cores=cores, warn=self._warn)
            for device in self.job.devices
        ]
        timed_s = (time.perf_counter() - began) / len(made)
        self.listener.stage("score")
        scored = []
        for one, found in zip(made, zip(*of_devices, strict=True), strict=True):
            self.heartbeat.batch(1.0)
            errors = [error for error in found if not isinstance(error, Latency)]
            if errors:
                failed.append(_failed(one.choices, errors[0]))
                self._forget(one.choices)
                continue
            with self.heartbeat.devices.working():
                latencies = [latency for latency in found if isinstance(latency, Latency)]
                scored.append(self._score(one, latencies, timed_s))
        return scored

    def _score(self, one: _Made, latencies: Sequence[Latency], timed_s: float) -> ScoredChild:
        began = time.perf_counter()
        accuracy = one.deployed.score(latencies[0])
        seconds = {"export": one.seconds, "latency": timed_s, "score": time.perf_counter() - began}
        resources = Resources(
            parameters=count_parameters(one.network),
            multiply_adds=count_multiply_adds(one.network, one.meta.size_px),
            artifact_bytes=shipped_bytes(self.job, one.paths.model),
            training_peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            seconds=seconds,
        )
        folder = one.paths.folder.relative_to(self.paths.folder).as_posix()
        others = zip((device.name for device in self.job.more_devices), latencies[1:], strict=True)
        return ScoredChild(one.choices, folder, latencies[0], accuracy, resources, dict(others))

    def _warn(self, text: str) -> None:
        self.listener.warning(f"a child of trial {self.job.number}: {text}")

    def _candidate(self, choices: Choices) -> Candidate:
        return self.family.child(self.job.candidate, choices)

    def _meta(self, network: nn.Module, choices: Choices) -> ArtifactMeta:
        return meta_of(network, self._candidate(choices), self.job.classes, self.job.max_detections)


def _failed(choices: Choices, error: BaseException) -> FailedChild:
    """Return what is kept of a child that cannot be; a fault that may pass ends the scorer, which is begun again."""
    if classify(error) in FAULTS_THAT_PASS:
        raise error
    text = first_line(error) if isinstance(error, AutomlError) else f"{type(error).__name__}: {first_line(error)}"
    return FailedChild(choices, text)
