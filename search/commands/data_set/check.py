"""`automl data check`: what is wrong with a data set, before the first epoch."""

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from objectives.data.check.run import CheckReport
from reports.data.text import check_lines
from reports.table.console import open_console
from reports.table.progress import counting
from search.settings.checks.data_check import check_fully
from search.settings.settings import load_settings
from spaces.errors import SettingsError, nearest

OUTPUT_FORMATS = ("text", "yaml", "json")


@dataclass(frozen=True)
class Output:
    """How a report is put out.

    Attributes:
        format: one of OUTPUT_FORMATS.
        page: the HTML file to be written; None for none.
    """

    format: str = "text"
    page: Path | None = None

    def __post_init__(self) -> None:
        if self.format not in OUTPUT_FORMATS:
            hint = nearest(self.format, OUTPUT_FORMATS)
            raise SettingsError(f"format: unknown choice '{self.format}'{hint}; known: {', '.join(OUTPUT_FORMATS)}")
        if self.page is not None and self.page.is_dir():
            raise SettingsError(f"page: '{self.page}' is a folder; name a file, such as page=check.html")


def run_check(arguments: list[str]) -> None:
    """Check a data set and put the report out; exit with 1 if scores on it would be wrong."""
    output, overrides = _split(arguments)
    settings = load_settings(overrides)
    with counting(open_console(stderr=True), "images") as progress:
        report = check_fully(settings, progress)
    if output.page is not None:
        from reports.data.page import write_check_page

        write_check_page(report, output.page)
    _put_out(report, output)
    if report.spoils_scores:
        sys.exit(1)


def _split(arguments: list[str]) -> tuple[Output, list[str]]:
    """Return what is said of the output, and the overrides of the search."""
    given: dict[str, str] = {}
    overrides = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if key not in ("format", "page"):
            overrides.append(argument)
        elif not equals or not value or key in given:
            raise SettingsError(f"{key}: needs one value, got '{argument}'; give {key}=... once")
        else:
            given[key] = value
    page = Path(given["page"]).expanduser() if "page" in given else None
    return Output(given.get("format", "text"), page), overrides


def _put_out(report: CheckReport, output: Output) -> None:
    console = open_console(highlight=False, soft_wrap=True)
    if output.format == "json":
        console.print(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    elif output.format == "yaml":
        text = yaml.safe_dump(report.to_json(), sort_keys=False, allow_unicode=True, width=math.inf)
        console.print(text.rstrip())
    else:
        for line in check_lines(report):
            console.print(line)
        if output.page is not None:
            console.print()
            console.print(f"page: {output.page}")
