"""What is kept of a trial that failed: its class and reason, the end of its log, and what was there."""

from dataclasses import replace
from pathlib import Path

import psutil

from objectives.machine.disk import free_bytes
from objectives.machine.process_tree import Usage
from objectives.records.classify import classify
from objectives.records.paths import TrialPaths
from objectives.records.records import Death, Ending, Outcome
from spaces.errors import AutomlError

TAIL_LINES, TAIL_CHARACTERS = 20, 2000  # of a failed trial's log that are kept


def failed_with(error: BaseException) -> Ending:
    """Return the ending of a trial that raised an exception."""
    text = " ".join(str(error).split())[:300]
    reason = text if isinstance(error, AutomlError) else f"{type(error).__name__}: {text}"
    return Ending(Outcome.FAILED, reason, classify(error))


def with_death(ending: Ending, folder: Path, seconds: float, peak: Usage) -> Ending:
    """Add to the ending of a failed trial what was there at its death; any other ending is returned as it is.

    Args:
        ending: of the trial.
        folder: the trial's own, with its log.
        seconds: that it had run.
        peak: the most that its processes used.
    """
    if ending.outcome != Outcome.FAILED:
        return ending
    death = Death(
        log_tail=log_tail(TrialPaths(folder).log),
        seconds=seconds,
        peak_bytes=peak.memory_bytes,
        processes=peak.processes,
        memory_free_bytes=psutil.virtual_memory().available,
        disk_free_bytes=free_bytes(folder),
    )
    return replace(ending, death=death)


def log_tail(log: Path) -> str:
    """Return the last lines of a log; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_CHARACTERS))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-TAIL_LINES:])
