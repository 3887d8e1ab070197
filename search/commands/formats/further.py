"""What `automl export --format` adds to an export: further formats, with their figures, in its lineage too."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from objectives.deploy.formats.contract import DeployFormat
from objectives.deploy.formats.registry import AVAILABLE, formats_named
from objectives.records.paths import ExportPaths
from reports.table.console import open_console
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.commands.formats.figures import FormatFigures, Measuring
from search.commands.formats.text import print_formats
from search.commands.formats.write import write_formats
from search.loop.latencies.full_latency import measuring_terms
from search.register.exported import Exported
from spaces.errors import DataError
from spaces.network.family import FP32, PRECISION


@dataclass
class Further:
    """Further formats of an export.

    Attributes:
        formats: that are asked for; none where `--format` was not given.
        is_all: whether every format that can be written here is meant: one that does not take the network is left out.
        found: what was written, with its figures.
    """

    formats: Sequence[DeployFormat]
    is_all: bool
    found: list[FormatFigures] = field(default_factory=list)

    @classmethod
    def named(cls, text: str | None) -> "Further":
        """Return the formats that people name.

        Raises:
            AutomlError: a name is unknown, or a format cannot be written here.
        """
        return cls((), False) if text is None else cls(formats_named(text), text.strip().lower() == AVAILABLE)

    def write(self, partial: ExportPaths, what: Exported) -> dict[str, Any]:
        """Write the formats into an export that is being written; return what its lineage says of them.

        Raises:
            AutomlError: a format does not take the network, or the data set is not there, or not what it was.
        """
        if not self.formats:
            return {}
        console = open_console(highlight=False, soft_wrap=True)
        terms = measuring_terms(what.table)
        if not terms.dataset.is_meant_by(str(what.table.fingerprints.get("data"))):
            root = what.table.data.get("root")
            raise DataError(f"export: --format reports mAP, and the data in '{root}' is not the study's; put it back")

        def leave_out(why: str) -> None:
            console.print(f"warning: left out: {why}", style="yellow")

        fp32 = _in_fp32(what.table, what.row)
        made = write_formats(self.formats, partial, terms.dataset, leave_out if self.is_all else None, fp32)
        measuring = Measuring(terms, lambda line: console.print(line, style="dim"))
        self.found = measuring.figures(made, what.row, what.by_full.latency)
        return {"formats": {one.format.name: one.to_json() for one in self.found}}

    def print(self, console: Console, paths: ExportPaths) -> None:
        """Print the table, where there were any; the folder has its name by now."""
        partial, there = paths.partial.folder, paths.folder
        if self.found:
            print_formats(console, [replace(one, file=_moved(one.file, partial, there)) for one in self.found])


def _in_fp32(table: StudyTable, row: TrialRow) -> int | None:
    """Return the number of the trial that has a row's detector in fp32; None where no trial has."""
    wanted = {**row.candidate, PRECISION: FP32}
    alike = (one for one in table.finished if one.number != row.number)
    return next((one.number for one in alike if {PRECISION: FP32, **one.candidate} == wanted), None)


def _moved(file: Path, before: Path, after: Path) -> Path:
    return after / file.relative_to(before)
