"""One trial: candidate, untrained file, latency, training with rungs and pruning, trained file, mAP."""

import json
import logging
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.device import Device, measuring_keys, training_keys
from objectives.deploy.export_onnx import meta_of
from objectives.latency.hosts.queue import asked_of
from objectives.latency.once import latency_once
from objectives.latency.protocol import LatencyProtocol
from objectives.machine.cores import on_cores
from objectives.machine.files import remove_partials, write_text
from objectives.network.assembly import (
    assemble,
    initialise,
    load_weights,
    pruning_of,
    read_ranks,
    save_ranks,
)
from objectives.network.pruning import prune_detector
from objectives.network.slim import built_slim
from objectives.records.paths import TrialPaths
from objectives.records.records import Ending, Latency, Outcome, Resources, Rung
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.elastic import ElasticNetwork
from objectives.training.hardware import available_device, gpu_peak_bytes, loading_processes
from objectives.training.selection import Selection
from objectives.training.trainer import Progress, train_phase
from objectives.trial.bounds import stopped_by, stopped_words
from objectives.trial.deployed import DeployedFile
from objectives.trial.exported import as_deployed, export_trained, export_untrained, remove_untrained, shipped_bytes
from objectives.trial.heartbeat import Heartbeat
from objectives.trial.job import Half, RungDecision, TrialJob, TrialListener, timed_images
from objectives.trial.stage_clock import StageClock
from spaces.candidate import Candidate
from spaces.network.detector import count_multiply_adds, count_parameters
from spaces.network.family import PRECISION, Family, is_of_many, slim_ratios
from spaces.network.published import HUB, start_of
from spaces.vocabulary import train_choices


def run_trial(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Run one trial in its folder and return how the trial ended; None if it was paused, or was only to be measured.

    A trial that was paused or cut goes on where its checkpoint stands, wherever that was: what comes after the
    training is done again.

    What it leaves there: `candidate.json`, `model.yaml`, `arguments.yaml`, `weights.pt`, `model.onnx`,
    `detections.jpg`; and its checkpoints, which whoever keeps the result removes then.

    Raises:
        SpaceError: the candidate cannot be built, pruned or trained as it is.
        Diverged: the training loss became NaN or infinite, or exploded.
        ExportFailed: the network cannot be exported.
        DataError: images or labels cannot be read.
        DeviceError: the file cannot be measured.
    """
    with on_cores(job.cores) as all_cores, asked_of(listener.measured, job.devices, job.elsewhere):
        return _Trial(job, listener, all_cores).run()


class _Trial:
    """The stages of one trial, and what each hands on to the next."""

    def __init__(self, job: TrialJob, listener: TrialListener, all_cores: frozenset[int]) -> None:
        self.job, self.listener, self.all_cores = job, listener, all_cores
        self.paths = TrialPaths(job.folder)
        self.train_device = available_device(job.train_device)
        measuring = (key for device in job.devices for key in measuring_keys(device.here()))
        keys = (*training_keys(self.train_device), *measuring)  # it is scored on the latter
        self.heartbeat = Heartbeat(listener, keys, first_epoch=min(job.reported_epoch + 1, job.epochs))
        self.devices = self.heartbeat.devices
        self.clock = StageClock(listener, self.heartbeat)
        self.progress = Progress(seconds_done=job.trained_s, reported_epoch=job.reported_epoch)
        self.decision = RungDecision.GO_ON
        self.size_px = int(job.candidate.number("size.pixels"))
        self.pruning = pruning_of(job.candidate)
        self.elastic: ElasticNetwork | None = None

    def run(self) -> Ending | None:
        """Go through the stages."""
        self.job.folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.job.folder, self._plan(0).folder, self._plan(1).folder):
            remove_partials(folder)
        with self.devices.working(), self.clock.stage("build"):
            model = self._build()
        found = self._untrained(model)
        if self.job.measure_only:
            return None
        if (family := self.job.family) is not None:
            if is_of_many(family.axes):
                with self.devices.working(), self.clock.stage("build"):
                    self.elastic = self._elastic(model, family.trained())
                family = self.elastic.family.with_precisions(family)
            self.listener.family(family)
        if (broken := stopped_by(self.job, found)) and not self._has_fast_child(model):
            return self._end(model, Ending(Outcome.OVER_BOUND, stopped_words(self.job, found, broken)))
        if too_many := loading_processes(self.job.workers, self.train_device)[1]:
            self.listener.warning(too_many)
        with self.devices.working():
            trained = self._train(model)
        if self.decision is RungDecision.PAUSE:
            self._report_resources(trained)
            return None
        if self.progress.stopped:
            rung = self.progress.rungs[-1]
            text = f"epoch {rung.epoch} of {self.job.epochs}: mAP {rung.map:.3f}"
            return self._end(trained, Ending(Outcome.STOPPED, text))
        self._measure(trained)
        return self._end(trained, Ending(Outcome.FINISHED, ""))

    def _build(self) -> nn.Module:
        job = self.job
        description, model = assemble(job.candidate, job.classes, job.seed)
        write_text(self.paths.candidate, json.dumps(job.candidate.to_json(), indent=2))
        write_text(self.paths.description, yaml.safe_dump(description, sort_keys=False, default_flow_style=None))
        self.ranked = False
        if job.weights is not None:
            model = built_slim(model, slim_ratios(job.candidate), ranked=False)  # shapes depend on the shares alone
            load_weights(model, job.weights)
            return model
        loaded = initialise(model, job.candidate, job.classes, job.start)
        self.ranked = loaded.tensors > 0
        if loaded.note and not job.measure_only:
            logging.getLogger(__name__).warning(loaded.note)  # into the trial's log; people are shown it once
            self.listener.warning(loaded.note)
        if not self.ranked and train_choices(job.candidate)["pretrained"] == HUB:
            what = start_of(job.candidate) or f"any for {job.candidate.text('backbone.name')} at its scale"
            text = f"pretrained: published weights are not here ({what}); training starts from random weights"
            self.listener.warning(text)
        return built_slim(model, slim_ratios(job.candidate), ranked=self.ranked)

    def _elastic(self, model: nn.Module, family: Family) -> ElasticNetwork:
        """Look at the network before its elastic training; a resumed one goes by the ranks that it was begun with."""
        ranks = read_ranks(self.paths.ranks)
        self.ranked = self.ranked or ranks is not None  # the hub may be out of reach by now
        elastic = ElasticNetwork.of(model, family, self._warn, ranked=self.ranked, ranks=ranks)
        if ranks is None and elastic.ranks:
            save_ranks(self.paths.ranks, elastic.ranks)
        return elastic

    def _has_fast_child(self, model: nn.Module) -> bool:
        """Whether the fastest child, in some precision, keeps the bounds; then the training pays all the same."""
        family = self.job.family
        if family is None:
            return False
        if self.job.reported_epoch:  # it was let in before
            return True
        child, choices = (as_deployed(model, self.pruning), {}) if self.elastic is None else self.elastic.fastest(model)
        for precision in [()] * (self.elastic is not None) + [((PRECISION, p),) for p in family.precisions]:
            fastest = Candidate.of({**self.job.candidate, **choices, **dict(precision)})
            with self.clock.stage("latency"), self._untrained_file(child, fastest) as path:
                found = [self._time(path, self.job.protocol.quick(), device) for device in self.job.devices]
            if not stopped_by(self.job, found):
                return True
        return False

    @property
    def _has_children(self) -> bool:
        return self.elastic is not None and bool(self.elastic.family.axes)

    def _warn(self, text: str) -> None:
        self.listener.warning(f"trial {self.job.number}: {text}")

    def _untrained(self, model: nn.Module) -> list[Latency]:
        """Return the latency of the network before training on each device; export and time it where one is missing.

        Pruned first, if it will be.
        """
        job = self.job
        known = [job.latency, *(job.latencies.get(device.name) for device in job.more_devices)]
        if None not in known:
            return [latency for latency in known if latency is not None]
        with self.clock.stage("latency"):
            with self.devices.working():
                deployed = as_deployed(model, self.pruning)
            with self._untrained_file(deployed, job.candidate) as path:
                quick = job.protocol.quick()
                found = [was or self._time(path, quick, on) for was, on in zip(known, job.devices, strict=True)]
                if stopped_by(job, found):  # no trial ends on a doubtful figure
                    full = zip(known, found, job.devices, strict=True)
                    found = [one if was or one.stable else self._time(path, job.protocol, on) for was, one, on in full]
        self._report(found, trained=False, known=known)
        return found

    def _report(self, found: Sequence[Latency], *, trained: bool, known: Sequence[Latency | None] = ()) -> None:
        """Report the latency on each device, but what the searching process knows; the first device's comes last."""
        for device, latency in zip(self.job.more_devices, found[1:], strict=True):
            if latency not in known:
                self.listener.latency_on(device.name, latency, trained)
        if found[0] not in known:
            self.listener.latency(found[0], trained)

    @contextmanager
    def _untrained_file(self, model: nn.Module, candidate: Candidate) -> Iterator[Path]:
        """Export an untrained network in a candidate's precision; the file is there inside alone."""
        with self.devices.working():
            path = export_untrained(self.job, self.paths, model, candidate)
        try:
            yield path
        finally:
            remove_untrained(self.paths)

    def _train(self, model: nn.Module) -> nn.Module:
        head: Any = model.model[-1]  # type: ignore[index]  # Ultralytics' list of layers
        head.max_det = self.job.max_detections  # of a head without NMS, in the trainer's own validation
        for i, (epochs, prune) in enumerate(self._phases()):
            if prune is not None:
                with self.clock.stage("prune"):
                    prune_detector(model, prune.ratio, prune.importance)
            with self.clock.stage("train"):
                arguments = trainer_arguments(self.job.candidate, self._plan(i), epochs)
                write_text(self.paths.arguments, yaml.safe_dump(arguments, sort_keys=False))
                model = train_phase(
                    model,
                    arguments,
                    self.progress,
                    self.job.evaluated,
                    self.job.deciding,
                    self._ends_at,
                    self.heartbeat,
                    self.elastic.training(ranked=self.ranked) if self.elastic else None,
                    self._selection(),
                )
            if self.progress.stopped:
                break
        return model

    def _selection(self) -> Selection:
        """Return what an epoch holds of the training images."""
        train = train_choices(self.job.candidate)
        return Selection(float(train["share"]), float(train["oversample"]), self.job.seed)

    def _ends_at(self, rung: Rung) -> bool:
        """Report a rung and return whether the training ends there."""
        with self.devices.paused():  # the answer may take a measurement of another candidate on this device
            self.decision = self.listener.rung(rung)
        if rung.epoch >= self.job.epochs:
            self.decision = RungDecision.GO_ON  # it is at its end
        return self.decision is not RungDecision.GO_ON

    def _phases(self) -> list[tuple[int, Any]]:
        """Return epochs of each phase, and how to prune before it."""
        if self.pruning is None:
            return [(self.job.epochs, None)]
        before = min(max(1, round(self.pruning.at * self.job.epochs)), self.job.epochs - 1)
        return [(before, None), (self.job.epochs - before, self.pruning)]

    def _measure(self, model: nn.Module) -> None:
        """Export the trained network; measure latency and mAP of that one file, as each device runs it."""
        job = self.job
        with self.devices.working(), self.clock.stage("export"):
            export_trained(job, self.paths, model, job.candidate, self._meta(model))
        deployed = None
        if job.protocol.rule:
            with self.devices.working(), self.clock.stage("score"):
                deployed = self._deployed()
                deployed.settle()
        with self.clock.stage("latency"):
            # One of a family among others: what stands on the front in the end is measured by the full protocol then.
            protocol = job.protocol.quick() if self._has_children else job.protocol
            found = [self._time(self.paths.model, protocol, device) for device in job.devices]
        self._report(found, trained=True)
        with self.devices.working(), self.clock.stage("score"):
            self.listener.accuracy((deployed or self._deployed()).score(found[0]))

    def _deployed(self) -> DeployedFile:
        on = Half(self.job.images, self.job.split)
        return DeployedFile(self.job, self.paths, on, self._warn, lambda: self.heartbeat.batch(1.0))

    def _end(self, model: nn.Module, ending: Ending) -> Ending:
        self._report_resources(model)
        return ending

    def _report_resources(self, model: nn.Module) -> None:
        self.listener.resources(
            Resources(
                parameters=count_parameters(model),
                multiply_adds=count_multiply_adds(model, self.size_px),
                artifact_bytes=shipped_bytes(self.job, self.paths.model),
                training_peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                seconds=self.clock.seconds,
                gpu_peak_bytes=gpu_peak_bytes(),
            )
        )

    def _time(self, path: Path, protocol: LatencyProtocol, device: Device) -> Latency:
        images = timed_images(self.job.images)
        patience = self.heartbeat.patience
        return latency_once(path, device, images, protocol, patience=patience, cores=self.all_cores, warn=self._warn)

    def _meta(self, model: nn.Module) -> ArtifactMeta:
        return meta_of(model, self.job.candidate, self.job.classes, self.job.max_detections)

    def _plan(self, phase: int) -> TrainingPlan:
        job = self.job
        folder, device = self.paths.training(phase), self.train_device
        workers, _ = loading_processes(job.workers, device)
        return TrainingPlan(
            job.data_yaml,
            folder,
            job.epochs,
            job.seed,
            device,
            workers,
            job.cache,
            job.batch_divisor,
            job.max_detections,
        )
