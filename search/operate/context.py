"""What every step of a pipeline is given: its settings, its journal, the moment, and how lines of automl are run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from search.operate.journal.journal import Journal
from search.operate.paths import PipelinePaths
from search.settings.pipeline.pipeline_settings import PipelineSettings


@dataclass(frozen=True)
class LineEnd:
    """How a line of automl ended: its exit code, and what it printed on standard output."""

    code: int
    output: str


# Runs `automl WORDS...`, in a process that dies with this one; what it prints goes to the log file as well.
RunLine = Callable[[Sequence[str], Path], LineEnd]


@dataclass(frozen=True)
class OperateContext:
    """What a step is given.

    Attributes:
        settings: of the pipeline.
        paths: of its files.
        journal: its facts and images.
        now: the moment of this look, in UTC; `--now` moves it. Nothing else of a pipeline asks for the time.
        run_line: see RunLine.
        say: prints a line for people.
        line: words of `automl operate` after it, as they were given; without those of `--` options.
    """

    settings: PipelineSettings
    paths: PipelinePaths
    journal: Journal
    now: datetime
    run_line: RunLine
    say: Callable[[str], None]
    line: tuple[str, ...] = ()
