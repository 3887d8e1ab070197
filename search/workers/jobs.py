"""The job of each trial: all that it needs, without the study."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from objectives.data.crowds import detections_max
from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import DATA_YAML
from objectives.latency.hosts.queue import in_queue
from objectives.records.paths import WEIGHTS, StudyPaths
from objectives.records.study_parts.carried import CarriedRecord
from objectives.records.trial_record import TrialRecord
from objectives.trial.job import TrialJob, halves
from objectives.weights.shelf import WeightsFile
from reports.table.proof.start import goes_on, went_on_from
from search.settings.settings import Settings, TrialSettings
from spaces.candidate import Candidate
from spaces.dimension import Value
from spaces.errors import SettingsError
from spaces.network.baseline import Baseline, TrainingSize, baseline_candidate
from spaces.network.family import FP32, SLIM_BLOCKS, Family, is_elastic, precision_of, slim_ratios
from spaces.network.published import start_of

CARRY_RUN = "objectives.trial.trained.carried:score_carried"  # what scores a detector of another study
PROOF_LOOKS = 5  # at the validation split, of a training of a proof that is longer than a trial


def check_run(trial: TrialSettings) -> None:
    """Check that what trials and scorers of children run can be found.

    Raises:
        SettingsError: it is not of the form module:function, or there is no such module.
    """
    for name, run in (("run", trial.run), ("score", trial.score)):
        module, colon, function = run.partition(":")
        try:
            known = bool(module and colon and function) and find_spec(module) is not None
        except ModuleNotFoundError:
            known = False
        if not known:
            raise SettingsError(f"trial.{name}: must be module:function of an importable module, got '{run}'")


def fits_cache(images: int, pixels: int, cache_mb: float) -> bool:
    """Whether so many square images of `pixels` a side, decoded, may be kept in memory."""
    return 2 * images * 3 * pixels * pixels / 1e6 <= cache_mb  # Ultralytics wants as much again as a margin


class Jobs:
    """Makes the jobs of a search's trials."""

    def __init__(
        self, settings: Settings, dataset: Dataset, starts: Mapping[str, WeightsFile | None] | None = None
    ) -> None:
        """Prepare; `starts` are the files of pretrained weights by name or path, None for those that are not here."""
        self._settings, self._dataset, self._starts = settings, dataset, starts or {}
        self.folder, self.space = settings.folder, settings.space
        self.data_yaml = StudyPaths(self.folder).data / DATA_YAML  # of a layout, once it is there
        self._detections_max = detections_max(dataset, settings.data.detections_max)

    def trial_folder(self, number: int) -> Path:
        """Return the folder of a trial."""
        return StudyPaths(self.folder).trial(number).folder

    @contextmanager
    def passing_folder(self, prefix: str) -> Iterator[Path]:
        """Make a folder in the study's, for what belongs to no trial; it is removed again."""
        with TemporaryDirectory(dir=self.folder, prefix=prefix) as folder:
            yield Path(folder)

    @property
    def ladder(self) -> tuple[int, ...]:
        """Epochs at which the scheduler is asked; the last is the end of a training."""
        return self.job(0, Candidate.of({"size.pixels": 32})).deciding

    @property
    def epochs(self) -> int:
        """Epochs of a trial that is trained from its start."""
        return self._settings.trial.epochs_for(len(self._dataset.splits["train"]))

    def candidate(self, params: Mapping[str, Value]) -> Candidate:
        """Return the candidate of what a sampler chose."""
        return Candidate.of({**self._settings.space.fixed_for(params), **params})

    def job(self, number: int, candidate: Candidate) -> TrialJob:
        """Return the job of a new trial."""
        settings, trial = self._settings, self._settings.trial
        train = self._dataset.splits["train"]
        return TrialJob(
            number=number,
            candidate=candidate,
            folder=self.trial_folder(number),
            classes=self._dataset.classes,
            data_yaml=self.data_yaml,
            images=self._dataset.splits[settings.data.split],
            split=settings.data.split,
            max_detections=self._detections_max,
            epochs=trial.epochs_for(len(train)),
            rungs=settings.pruner.rungs,
            eta=settings.pruner.eta,
            evaluate_every=trial.evaluate_every,
            seed=settings.seed,
            gate=settings.gate,
            device=settings.device,
            protocol=settings.latency,
            train_device=trial.train_device,
            workers=trial.workers,
            cache=fits_cache(len(train), int(candidate.number("size.pixels")), trial.cache_mb),
            start=self._starts.get(start_of(candidate) or ""),
            grace=settings.pruner.grace,
            family=self.family(candidate),
            training=() if precision_of(candidate) == FP32 else self._training,
            run=trial.run,
            more_devices=settings.targets[1:],
            on_all=settings.is_for_all,
            elsewhere=tuple(device.name for device in settings.targets if in_queue(device)),
        )

    @property
    def polish_epochs(self) -> int:
        """Epochs of a polish; 0 for none at all."""
        share = self._settings.trial.polish
        return max(1, round(share * self.job(0, Candidate.of({"size.pixels": 32})).epochs)) if share else 0

    def polish(self, number: int, candidate: Candidate, before: TrialRecord) -> TrialJob:
        """Return the job that trains one of a family on, as one detector.

        Args:
            number: of the new trial.
            candidate: the choices of both.
            before: the trial whose weights it goes on from.
        """
        job = self.job(number, candidate)
        _, reported_on = halves(job.images, job.split)  # children are chosen by the other half
        return replace(
            job,
            epochs=self.polish_epochs,
            rungs=1,
            images=reported_on.images,
            split=reported_on.name,
            family=Family.of_precisions(candidate, self._settings.space),
            weights=self.folder / (before.folder or "") / WEIGHTS,
        )

    def baseline_candidate(self, baseline: Baseline) -> Candidate:
        """Return the stock detector as a candidate, at stock settings for this data set."""
        images = len(self._dataset.splits["train"])
        size = TrainingSize(images, len(self._dataset.classes), self._settings.trial.epochs_for(images))
        return baseline_candidate(baseline, self._settings.space, size)

    def has_start(self, candidate: Candidate) -> bool:
        """Whether the pretrained weights that a candidate names are here."""
        return self._starts.get(start_of(candidate) or "") is not None

    def baseline(self, number: int, candidate: Candidate) -> TrialJob:
        """Return the job of the stock detector: a trial's, whatever the gate says of its latency, without a pause."""
        gate = self._settings.gate.trained_only()
        return replace(self.job(number, candidate), gate=gate, rungs=1, evaluate_every=0, family=None)

    def carried(self, number: int, candidate: Candidate, record: CarriedRecord) -> TrialJob:
        """Return the job that scores a detector of another study, whatever the gate says of its latency; no training.

        Args:
            number: of the trial, whose folder holds the detector's files.
            candidate: its choices there.
            record: where it comes from.
        """
        alike = Family.of_precisions(candidate, self._settings.space)
        family = Family.from_json(record.family) if record.family else alike
        gate = self._settings.gate.trained_only()
        return replace(
            self.job(number, candidate), gate=gate, rungs=1, family=family, training=self._training, run=CARRY_RUN
        )

    def proof(self, number: int, candidate: Candidate, of: TrialRecord, trials: Sequence[TrialRecord]) -> TrialJob:
        """Return the job of a training of a proof: a contestant trained again, with another seed in all chance.

        Nothing stops it: the gate judges the means over all seeds.

        Args:
            number: of the new trial.
            candidate: its choices, which are the contestant's.
            of: the new trial as it is stored.
            trials: of the study.
        """
        assert of.proves is not None
        assert of.terms is not None
        assert of.seed is not None
        contestant, terms, job = trials[of.proves], of.terms, self.job(number, candidate)
        polished = went_on_from(contestant, trials)
        again = trials[polished] if terms.again and polished is not None else None
        source = again or (contestant if goes_on(contestant, trials) else None)
        _, held_out = halves(job.images, job.split)
        return replace(
            job,
            epochs=terms.epochs,
            rungs=1,
            evaluate_every=job.evaluate_every if terms.epochs <= job.epochs else max(1, terms.epochs // PROOF_LOOKS),
            seed=of.seed,
            gate=self._settings.gate.trained_only(),
            images=held_out.images if terms.held_out else job.images,
            split=held_out.name if terms.held_out else job.split,
            family=None,
            weights=None if source is None else self.folder / (source.folder or "") / WEIGHTS,
        )

    def job_of(self, number: int, candidate: Candidate, record: TrialRecord, trials: Sequence[TrialRecord]) -> TrialJob:
        """Return the job of a trial as it is stored: of a proof, a polish, the baseline, or one of its own."""
        if record.is_proof:
            return self.proof(number, candidate, record, trials)
        if record.carried is not None:
            return self.carried(number, candidate, record.carried)
        if record.polishes is not None:
            return self.polish(number, candidate, trials[record.polishes])
        return (self.baseline if record.is_baseline else self.job)(number, candidate)

    def scorer(self, number: int, candidate: Candidate, family: Family) -> TrialJob:
        """Return the job that scores children of a trained parent, of the family that the parent turned out to have."""
        scores = self._settings.trial.score
        return replace(self.job(number, candidate), family=family, training=self._training, run=scores)

    @property
    def _training(self) -> tuple[Path, ...]:
        return tuple(image.path for image in self._dataset.splits["train"])

    def family(self, candidate: Candidate) -> Family | None:
        """Return what may differ between a candidate's children; None where it will have none.

        Of an elastic candidate, which no child of one is, all that its training holds; else other precisions.
        """
        if not is_elastic(candidate) or slim_ratios(candidate) or candidate.get(SLIM_BLOCKS):
            return Family.of_precisions(candidate, self._settings.space)
        return Family.of(candidate, self._settings.space)
