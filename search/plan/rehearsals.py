"""A few candidates of the space timed where trials run, on a sample of the data set: the plan's figures."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from objectives.data.dataset import Dataset, LabelledImage
from objectives.data.yolo_layout import lay_out
from objectives.latency.protocol import LatencyProtocol
from objectives.records.even_sample import evenly
from objectives.records.failures import OF_ARCHITECTURE, Failure
from objectives.records.paths import StudyPaths
from objectives.records.records import Ending, Outcome, Resources
from objectives.trial.job import SilentListener, TrialJob
from reports.table.words import architecture
from search.engine.candidates import SpaceCandidates
from search.plan.model import SearchPlan, Timed
from search.settings.settings import Settings
from search.workers.jobs import Jobs
from search.workers.limits import Limits
from search.workers.registry import make_backend
from spaces.candidate import Candidate
from spaces.dimension import Value
from spaces.vocabulary import train_choices

DRAWN = 64  # candidates of the space, ranked by size; those that are timed lie at even distances
PLACES = (0.5, 0.03, 0.97, 0.27, 0.73, 0.15, 0.85, 0.4)  # where among the drawn ones, in the order of timing
TIMED_LEAST, ENOUGH_S = 3, 10.0  # no further one is timed once so many are, and so many seconds were spent
REFUSED_MOST = 4  # candidates that could not be timed; then no other takes their place
LIMITS = Limits(timeout_s=120.0)  # of one candidate
IMAGES, SCORED = 32, 16  # training and validation images that candidates are timed on
PROBE_S = 1.0  # seconds that a process which measures latency needs to start

Rehearsed = tuple[Candidate, Resources]


class _RehearsalListener(SilentListener):
    """Keeps what a rehearsal found out.

    Attributes:
        found: the costs, once they are known.
        notes: its warnings.
        began: when its first stage began, by the monotonic clock: the first process waits for the server's imports.
    """

    def __init__(self) -> None:
        self.found: Resources | None = None
        self.notes: list[str] = []
        self.began: float | None = None

    def stage(self, name: str) -> None:
        """Start the clock."""
        self.began = self.began or time.monotonic()

    def resources(self, resources: Resources) -> None:
        """Keep the costs."""
        self.found = resources

    def warning(self, text: str) -> None:
        """Keep the warning."""
        self.notes.append(text)


class Rehearsals:
    """Times candidates, one after another."""

    def __init__(self, settings: Settings, dataset: Dataset, folder: Path) -> None:
        """Prepare; what is written lies below `folder`, and goes."""
        self.settings, self.dataset, self.folder = settings, dataset, folder
        self.paths = StudyPaths(folder)
        self.jobs = Jobs(settings, dataset)
        self.backend = make_backend(settings.trial.backend, self.paths.ultralytics)
        self.refused: list[str] = []
        self.barred: set[Value | None] = set()  # backbones that could not be built
        self.notes: dict[str, None] = {}  # each once, in order
        self.spent_s = 0.0

    def plan(self) -> SearchPlan:
        """Time candidates over the whole range of the space until enough is known."""
        began = time.monotonic()
        drawn = drawn_candidates(self.settings)
        with TemporaryDirectory(prefix=self.paths.planning.name, dir=self.folder) as temporary:
            self.scratch = Path(temporary)
            batch = max(int(train_choices(candidate)["batch"]) for candidate in drawn)
            self.jobs.data_yaml = lay_out(
                sample(self.dataset, max(IMAGES, batch), SCORED), StudyPaths(self.scratch).data
            )
            found = sorted(self._rehearsed(drawn), key=self._epoch_s)
            stock = self._stock()
            usual = self._run(found[len(found) // 2][0], "rehearse_export") if found else None
        exported = usual or Resources()
        export_s = exported.seconds.get("export", 0.0)
        return SearchPlan(
            timed=tuple(self._timed(one, export_s) for one in found),
            refused=tuple(self.refused),
            notes=tuple(self.notes),
            artifact_bytes=exported.artifact_bytes,
            seconds=time.monotonic() - began,
            baseline=self._timed(stock, export_s) if stock else None,
        )

    def _stock(self) -> Rehearsed | None:
        """Time the baseline; None where there is none, or it cannot be timed."""
        detector = self.settings.baseline.detector
        if detector is None:
            return None
        candidate = self.jobs.baseline_candidate(detector)
        costs = self._run(candidate, "rehearse")
        return (candidate, costs) if costs else None

    def _rehearsed(self, drawn: Sequence[Candidate]) -> list[Rehearsed]:
        """Time candidates at their places; the next nearest takes the place of one that fails."""
        found: list[Rehearsed] = []
        left = dict(enumerate(drawn))
        for place in places(len(drawn)):
            costs = None
            while costs is None and left and len(self.refused) < REFUSED_MOST:
                rank = min(left, key=lambda i: abs(i - place))
                candidate = left.pop(rank)
                if candidate.get("backbone.name") not in self.barred:
                    costs = self._run(candidate, "rehearse")
            if costs is None:
                break
            found.append((candidate, costs))
            if len(found) >= TIMED_LEAST and self.spent_s > ENOUGH_S:
                break
        return found

    def _run(self, candidate: Candidate, function: str) -> Resources | None:
        """Run one rehearsal; None if it failed, and then why is among `refused`."""
        listener = _RehearsalListener()
        ending = self.backend.run(self._job(candidate, function), listener, LIMITS)
        self.notes.update(dict.fromkeys(listener.notes))
        self.spent_s += time.monotonic() - (listener.began or time.monotonic())
        if ending is None or ending.outcome != Outcome.FAILED:
            return listener.found
        self.refused.append(f"{architecture(candidate)}: {_reason(ending)}")
        if ending.error_class in OF_ARCHITECTURE:
            self.barred.add(candidate.get("backbone.name"))
        return None

    def _job(self, candidate: Candidate, function: str) -> TrialJob:
        run = f"objectives.trial.rehearsal:{function}"
        folder = self.scratch / f"{function}-{candidate.fingerprint}"
        return replace(self.jobs.job(0, candidate), folder=folder, images=(), run=run)

    # From a sample to the whole

    def _timed(self, one: Rehearsed, export_s: float) -> Timed:
        candidate, costs = one
        scored = len(self.dataset.splits[self.settings.data.split])
        beside_s = costs.seconds["build"] + costs.seconds["setup"] + scored * costs.seconds["validation"]
        return Timed(
            candidate=candidate.to_json(),
            epoch_s=self._epoch_s(one),
            overhead_s=beside_s + 2 * export_s + len(self.settings.targets) * latency_s(self.settings.latency),
            parameters=costs.parameters,
            peak_bytes=costs.training_peak_bytes + self._cached_bytes(candidate),
            gpu_peak_bytes=costs.gpu_peak_bytes,
        )

    def _epoch_s(self, one: Rehearsed) -> float:
        """Return seconds of an epoch of the whole data set, the validations shared out over all epochs."""
        candidate, costs = one
        job = self.jobs.job(0, candidate)
        choices, scored = train_choices(candidate), len(self.dataset.splits["val"])
        train = max(1, round(float(choices["share"]) * len(self.dataset.splits["train"])))
        batch = min(int(choices["batch"]), train)
        validated_s = len(job.evaluated) / job.epochs * scored * costs.seconds["validation"]
        return -(-train // batch) * costs.seconds["step"] + validated_s

    def _cached_bytes(self, candidate: Candidate) -> int:
        """Return the size of the decoded images that a trial keeps in memory."""
        if not self.jobs.job(0, candidate).cache:
            return 0
        images = sum(len(self.dataset.splits[split]) for split in ("train", "val"))
        return round(images * 3 * candidate.number("size.pixels") ** 2)


def _reason(end: Ending) -> str:
    if end.error_class == Failure.TIMED_OUT:
        return f"a few steps took more than {LIMITS.timeout_s:g} s"
    return f"{end.error_class}: {end.reason}"


def drawn_candidates(settings: Settings) -> list[Candidate]:
    """Return candidates drawn from the space, the one of the smallest input first."""
    pool = SpaceCandidates(settings.space).pool([], [], np.random.default_rng(settings.seed))
    jobs = [Candidate.of({**settings.space.fixed_for(params), **params}) for params in pool[:DRAWN]]
    return sorted(jobs, key=lambda candidate: candidate.number("size.pixels"))


def places(drawn: int) -> Iterable[int]:
    """Return the ranks of those that are timed: all of a few."""
    if drawn <= len(PLACES):
        return range(drawn)
    return [round(place * (drawn - 1)) for place in PLACES]


def sample(dataset: Dataset, train: int, val: int) -> Dataset:
    """Return a part of a data set: labelled images at even distances."""

    def some(images: Sequence[LabelledImage], count: int) -> tuple[LabelledImage, ...]:
        labelled = [image for image in images if len(image.classes)]
        return tuple(evenly(labelled, count))

    splits = {"train": some(dataset.splits["train"], train), "val": some(dataset.splits["val"], val)}
    return replace(dataset, splits=splits)


def latency_s(protocol: LatencyProtocol) -> float:
    """Return the seconds that a trial's two measurements usually take: half of their caps."""
    quick = protocol.quick()
    measured = [quick] * quick.processes + [protocol] * protocol.processes
    return sum(PROBE_S + each.warmup_s + each.cap_s / 2 for each in measured)
