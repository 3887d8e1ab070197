"""The contract of a logger: what a search reports to another tool. This one reports nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

Choice = str | int | float | bool
STOPPED = "stopped"  # standing of a trial that somebody has stopped; one that the search stops was "stopped at a rung"


@dataclass(frozen=True)
class LoggedStudy:
    """The study that is searched.

    Attributes:
        name: of the study.
        key: names the study among all: the same for each process and each run of it, another for one made anew.
        folder: of the study, on this machine.
        process: that searches, as "HOST-PID".
        settings: resolved, flat, by dotted names; passwords in URLs are left out, and so is the group `logger`.
        facts: versions, data set, device and command of the study, flat.
    """

    name: str
    key: str
    folder: Path
    process: str
    settings: Mapping[str, Choice]
    facts: Mapping[str, Choice]


@dataclass(frozen=True)
class LoggedTrial:
    """A trial of the process that logs.

    Attributes:
        number: in its study, from 0.
        detector: its architecture in words.
        choices: dimension to what the trial has chosen.
    """

    number: int
    detector: str
    choices: Mapping[str, Choice]

    @property
    def name(self) -> str:
        """The trial for people, so that names sort as numbers do: 'trial 00007'."""
        return f"trial {self.number:05d}"


@dataclass(frozen=True)
class LoggedEnd:
    """How a trial stands once its process has ended.

    Attributes:
        standing: "finished", "stopped at a rung", "over a bound", "failed", "paused"; STOPPED if somebody stopped it.
        is_final: whether it never changes any more; one that is not may be started again.
        values: figures by name, units in the names: "map", "p50_ms", "file_mb".
        tags: in words: where its weights are from, its folder, why it ended.
    """

    standing: str
    is_final: bool
    values: Mapping[str, float]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class LoggedResult:
    """The study as it stands when a process leaves it.

    Attributes:
        values: of the study, by name: "front_size", "hypervolume", "best_map", ...
        why: the process leaves.
        columns: of the front's table.
        front: its rows, the fastest first; None for the unknown.
        pictures: file name to the picture of detections of the trial that the report names first.
        figures: makes the Plotly figures by name; takes a second or two.
    """

    values: Mapping[str, float]
    why: str
    columns: Sequence[str]
    front: Sequence[Sequence[Any]]
    pictures: Mapping[str, Path]
    figures: "Callable[[], Mapping[str, go.Figure]]"


class StudyLogger:
    """Is called for what a process does on a study, and reports nothing. Subclasses report to a tool.

    A preset names a subclass by `logger.NAME._target_`; its parameters are its settings. Making one must do nothing
    that can fail for a reason outside the settings: no file, no connection.

    All calls come from one thread that is the logger's alone, one at a time, in the order of the methods below; a
    method may take its time. What it raises ends no search: an OSError, and whatever a client raises, is taken for
    a tool that is away, and the same call is made again later, so a call that was cut may come twice. A ValueError,
    TypeError, LookupError, AttributeError or ImportError is taken for a call that never will succeed, and left.

    A trial that was paused or cut is started again, perhaps by another process: a logger finds its run by
    `LoggedStudy.key` and the trial's number. Several processes may log one study, each its own trials.
    """

    def open(self, study: LoggedStudy) -> None:
        """The process begins with this study."""

    def trial_started(self, trial: LoggedTrial) -> None:
        """A trial starts, or goes on."""

    def scalars(self, trial: LoggedTrial, epoch: int, values: Mapping[str, float]) -> None:
        """These figures are of a trial's training after so many epochs."""

    def trial_ended(self, trial: LoggedTrial, end: LoggedEnd) -> None:
        """A trial has ended or waits; of children of an elastic training this comes straight after their start."""

    def progress(self, trials: int, values: Mapping[str, float]) -> None:
        """These figures are of the study after so many trials."""

    def result(self, result: LoggedResult) -> None:
        """The process leaves the study, which stands so."""

    def close(self) -> None:
        """Nothing more comes: send what is left, give back what was taken."""
