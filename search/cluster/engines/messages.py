"""What an engine in a process of its own says to the command that shows the workers."""

from dataclasses import dataclass

from search.cluster.task import WorkerEnd


@dataclass(frozen=True)
class EngineFacts:
    """The cluster was reached: what an engine knows of it."""

    words: str
    is_elsewhere: bool
    places: int | None


@dataclass(frozen=True)
class RunEnded:
    """A task has ended; of one that the engine has lost, `end` is None, and `error` is why."""

    index: int
    end: WorkerEnd | None
    error: str = ""


@dataclass(frozen=True)
class EngineTrouble:
    """The cluster cannot be reached, or is gone, and why; the last message."""

    text: str
