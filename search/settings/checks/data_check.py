"""The check of the data set that the settings name: in full, and the quick part that every search begins with."""

import re
from collections.abc import Callable, Sequence

from objectives.data.check.run import QUICK_CHECKS, CheckReport, run_checks
from objectives.data.check.subject import quick_subject, subject_of
from objectives.data.codes import CODES, Severity
from objectives.data.dataset import Dataset
from objectives.data.findings import Finding
from objectives.data.pictures.index import index_file, look
from objectives.data.splits.groups import compiled_pattern
from search.settings.dataset import load_both
from search.settings.settings import Settings
from spaces.dimension import Choice, Grid, Interval
from spaces.errors import DataError
from spaces.space import SearchSpace

READER_ONLY = "images.unreadable"  # what the reader says of any broken file; the index knows what each one lacks


def check_fully(settings: Settings, progress: Callable[[int, int], None] | None = None) -> CheckReport:
    """Read the data set, look at every image, and return what is wrong with it.

    Args:
        settings: of a search: its data set, and the input sizes that it would search.
        progress: is called with the images looked at so far, and all of them.

    Raises:
        DataError: the data set cannot be read, or `data.group` is no regular expression.
    """
    raw, dataset = load_both(settings.data, progress)
    pictures = look([image.path for image in raw.images], index_file(dataset.root), progress)
    subject = subject_of(raw, dataset, pictures, input_sizes(settings.space), _group(settings))
    others = [finding for finding in dataset.findings if finding.code != READER_ONLY]
    return run_checks(subject, dataset.to_json(), others=others)


def check_quickly(settings: Settings, dataset: Dataset) -> list[Finding]:
    """Return the errors and warnings beyond the reader's in the data set as it is trained on.

    Args:
        settings: `data.check` says whether anything is looked at.
        dataset: as read.
    """
    if settings.data.check == "off":
        return []
    report = run_checks(quick_subject(dataset, _group(settings)), dataset.to_json(), QUICK_CHECKS)
    known = {finding.code for finding in dataset.findings}
    found = [*report.of(Severity.ERROR), *report.of(Severity.WARNING)]
    return [finding for finding in found if finding.code not in known]


def refusal(findings: Sequence[Finding], settings: Settings) -> DataError | None:
    """Return the error that stops a search before its first trial where scores would be a lie, if check is strict."""
    errors = [finding.line for finding in findings if CODES[finding.code].severity is Severity.ERROR]
    if not errors or settings.data.check != "strict":
        return None
    return DataError(
        f"data.check: scores on this data set would be wrong: {'; '.join(errors)}; "
        "`automl data check` shows all of it, data.check=warn searches all the same"
    )


def _group(settings: Settings) -> re.Pattern[str] | None:
    return None if settings.data.group is None else compiled_pattern(settings.data.group)


def input_sizes(space: SearchSpace) -> tuple[int, ...]:
    """Return the smallest and the largest input size of a space, pixels a side."""
    domain = space.domains.get("size.pixels")
    if domain is None:
        return ()
    match domain:
        case Choice(values=values):
            pass
        case Grid(low=low, high=high) | Interval(low=low, high=high):
            values = (low, high)
    numbers = [int(value) for value in values if isinstance(value, int | float)]
    return (min(numbers), max(numbers)) if numbers else ()
