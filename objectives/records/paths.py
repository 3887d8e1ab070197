"""Where the files of a study, of a trial and of an export lie: no other module writes file names out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from objectives.machine.files import PARTIAL

DESCRIPTION = "model.yaml"  # of a network, as Ultralytics reads it
ARGUMENTS = "arguments.yaml"  # of Ultralytics' trainer
WEIGHTS = "weights.pt"
MODEL = "model.onnx"  # the deployable file
UNTRAINED = "untrained.onnx"  # the same before training, for its latency
UNTRAINED_ALL = "untrained.*"  # with what was converted of it
# The deployable file as other runtimes take it: a study on such a device times and scores this one.
CONVERTED = ("model.tflite", "model.torchscript", "model.ncnn.param", "model.ncnn.bin", "model.ncnn.json")
DEPLOYED = (MODEL, *CONVERTED)  # what a device may run
DETECTIONS = "detections.jpg"
FOUND = "found.npz"  # what a trial found on the images that it was scored on
PLAIN = "ultralytics.pt"  # the same weights, as plain Ultralytics loads them
CONFIG = "config.yaml"  # of an exported detector
LINEAGE = "lineage.json"  # where a detector comes from
ULTRALYTICS_SETTINGS = ".ultralytics"  # folder of its settings
ERRORS = "errors"  # folder of what a trained detector gets wrong, beside the detector; in it, a folder a split
CHECKPOINT = "checkpoint.pt"  # in the folder of a training
TRAININGS = "training-*"  # folders of a trial, one a phase of its training
PREVIOUS = "checkpoint.previous.pt"  # the generation before
CHILDREN = "children"  # folder of an elastic training's children
LARGE = (WEIGHTS, MODEL, DETECTIONS, FOUND)  # of a finished trial; the rest is needed to do it again

HALF_WRITTEN = f"*{PARTIAL}*"


@dataclass(frozen=True)
class DetectorPaths:
    """What every folder of one trained detector holds: a trial's, an export's, a training's at full length."""

    folder: Path

    @property
    def description(self) -> Path:
        """The network."""
        return self.folder / DESCRIPTION

    @property
    def weights(self) -> Path:
        """Weights of the trained network."""
        return self.folder / WEIGHTS

    @property
    def plain(self) -> Path:
        """The weights as plain Ultralytics loads them, where it builds the network alone."""
        return self.folder / PLAIN

    @property
    def model(self) -> Path:
        """The deployable file."""
        return self.folder / MODEL

    @property
    def lineage(self) -> Path:
        """Where the detector comes from; of an export, and of a training at full length."""
        return self.folder / LINEAGE


@dataclass(frozen=True)
class TrialPaths(DetectorPaths):
    """The files of one trial, or of an exported detector's training."""

    @property
    def candidate(self) -> Path:
        """Every choice of the trial."""
        return self.folder / "candidate.json"

    @property
    def arguments(self) -> Path:
        """Arguments of the trainer."""
        return self.folder / ARGUMENTS

    @property
    def untrained(self) -> Path:
        """The file that the latency before training is measured of."""
        return self.folder / UNTRAINED

    @property
    def detections(self) -> Path:
        """Some images with what was found on them."""
        return self.folder / DETECTIONS

    @property
    def found(self) -> Path:
        """What was found on the images that the trial was scored on."""
        return self.folder / FOUND

    @property
    def log(self) -> Path:
        """What the trial's processes printed."""
        return self.folder / "log.txt"

    @property
    def identity(self) -> Path:
        """What a training at full length was begun with."""
        return self.folder / "run.json"

    @property
    def metrics(self) -> Path:
        """What a training at full length has reached."""
        return self.folder / "metrics.json"

    @property
    def data(self) -> Path:
        """Folder of the layouts of the data set that a training at full length reads."""
        return self.folder / "data"

    @property
    def attempts(self) -> Path:
        """The deaths after which a training at full length was begun again."""
        return self.folder / "attempts.json"

    @property
    def ultralytics(self) -> Path:
        """Folder of Ultralytics' settings for a training at full length."""
        return self.folder / ULTRALYTICS_SETTINGS

    @property
    def ranks(self) -> Path:
        """Importance of the channels before an elastic training whose weights were trained already."""
        return self.folder / "ranks.pt"

    @property
    def origins(self) -> Path:
        """Which objects of an artifact store the files are, or go on from."""
        return self.folder / ".files.json"

    @property
    def children(self) -> Path:
        """Folder of an elastic training's children that have files of their own."""
        return self.folder / CHILDREN

    def child(self, fingerprint: str) -> "TrialPaths":
        """Return the files of a child, by its candidate's fingerprint."""
        return TrialPaths(self.children / fingerprint)

    def training(self, phase: int) -> Path:
        """Return the folder of a phase of its training, from 0."""
        return self.folder / TRAININGS.replace("*", str(phase + 1))

    @property
    def trainings(self) -> Iterator[Path]:
        """The folders of checkpoints that are there."""
        return self.folder.glob(TRAININGS)


@dataclass(frozen=True)
class StudyPaths:
    """The files of one study."""

    folder: Path

    @property
    def store(self) -> Path:
        """The database."""
        return self.folder / "study.sqlite3"

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    @property
    def claims(self) -> Path:
        """Locks: who works on which trial."""
        return self.folder / ".claims"

    @property
    def mutex(self) -> Path:
        """Lock: who chooses next."""
        return self.folder / ".lock"

    @property
    def locks(self) -> tuple[Path, Path]:
        """Both files of locks."""
        return self.claims, self.mutex

    @property
    def data(self) -> Path:
        """Folder of the layouts of the data set for Ultralytics."""
        return self.folder / "data"

    @property
    def ultralytics(self) -> Path:
        """Folder of Ultralytics' settings."""
        return self.folder / ULTRALYTICS_SETTINGS

    @property
    def errors(self) -> Path:
        """Folder of what detectors get wrong, a folder a trial."""
        return self.folder / ERRORS

    @property
    def workers(self) -> Path:
        """Folder of what workers of a cluster print."""
        return self.folder / "workers"

    @property
    def trials(self) -> Path:
        """Folder of the trials'."""
        return self.folder / "trials"

    def trial(self, number: int) -> TrialPaths:
        """Return the files of a trial."""
        return TrialPaths(self.trials / f"{number:05d}")

    def relative(self, trial: TrialPaths) -> str:
        """Return a trial's folder as the store keeps it."""
        return trial.folder.relative_to(self.folder).as_posix()

    @property
    def planning(self) -> Path:
        """What the folder of a timing before the first trial begins with."""
        return self.folder / ".plan-"

    @property
    def plannings(self) -> Iterator[Path]:
        """The folders of such timings that are there."""
        return self.folder.glob(f"{self.planning.name}*")

    def measuring(self, session: int) -> Path:
        """Return what the folders begin with in which a searching process measures ahead of trials."""
        return self.folder / f"{MEASURING}{session}-"

    @property
    def measurings(self) -> Iterator[tuple[int, Path]]:
        """The folders of such measurements that are there, each with the key of its session."""
        for folder in self.folder.glob(f"{MEASURING}*"):
            yield int(folder.name.removeprefix(MEASURING).partition("-")[0]), folder


MEASURING = ".measure-"


@dataclass(frozen=True)
class ExportPaths(DetectorPaths):
    """The files of an exported detector; what an export shares with a trial has the same names."""

    COPIED = (DESCRIPTION, MODEL, WEIGHTS, DETECTIONS)

    @property
    def config(self) -> Path:
        """What `automl train` reads."""
        return self.folder / CONFIG

    @property
    def train_arguments(self) -> Path:
        """What `yolo detect train cfg=...` reads."""
        return self.folder / "train_arguments.yaml"

    @property
    def data_card(self) -> Path:
        """What the data set was."""
        return self.folder / "data_card.yaml"

    @property
    def trained(self) -> TrialPaths:
        """The files of the training at full length."""
        return TrialPaths(self.folder / "trained")

    @property
    def partial(self) -> "ExportPaths":
        """The folder that an export is written to before the folder takes its name."""
        return ExportPaths(self.folder.with_name(f".{self.folder.name}{PARTIAL}"))
