"""The check as a whole: all that is wrong with a data set, as findings with their spots."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives.data.check.alike import check_alike
from objectives.data.check.balance import check_balance
from objectives.data.check.boxes import check_boxes
from objectives.data.check.classes import check_classes
from objectives.data.check.copies import check_copies
from objectives.data.check.crowds import check_crowds
from objectives.data.check.files import check_files
from objectives.data.check.images import check_images
from objectives.data.check.overlaps import check_overlaps
from objectives.data.check.skew import check_skew
from objectives.data.check.sources import check_sources
from objectives.data.check.spots import Spot, Spots
from objectives.data.check.subject import Subject
from objectives.data.codes import CODES, Severity
from objectives.data.findings import Finding

Check = Callable[[Subject], Iterable[Spot]]

# Those of a data set as it is trained on, a second's work for thousands of images: each search runs them first.
QUICK_CHECKS: tuple[Check, ...] = (
    check_copies,
    check_sources,
    check_classes,
    check_balance,
    check_crowds,
    check_images,
)
CHECKS: tuple[Check, ...] = (
    *QUICK_CHECKS,
    check_files,
    check_boxes,
    check_overlaps,
    check_alike,
    check_skew,
)


@dataclass(frozen=True, eq=False)
class CheckReport:
    """What the check of a data set found.

    Attributes:
        subject: what was checked.
        card: the data card: name, root, classes, images and boxes by split.
        findings: errors first.
        spots: the first few places of each code, to be drawn.
    """

    subject: Subject
    card: Mapping[str, Any]
    findings: tuple[Finding, ...]
    spots: Mapping[str, tuple[Spot, ...]]

    def of(self, severity: Severity) -> list[Finding]:
        """Return the findings of a severity."""
        return [finding for finding in self.findings if CODES[finding.code].severity is severity]

    @property
    def spoils_scores(self) -> bool:
        """Whether something was found that would make scores a lie."""
        return bool(self.of(Severity.ERROR))

    def to_json(self) -> dict[str, Any]:
        """Return card, counts by severity and findings as plain values."""
        counts = {f"{severity}s": len(self.of(severity)) for severity in Severity}
        return {**self.card, **counts, "findings": [finding.to_json() for finding in self.findings]}


def run_checks(
    subject: Subject, card: Mapping[str, Any], checks: Sequence[Check] = CHECKS, others: Iterable[Finding] = ()
) -> CheckReport:
    """Run checks on a data set.

    Args:
        subject: the data set.
        card: its data card.
        checks: CHECKS or QUICK_CHECKS.
        others: what the reader found; of a code that a check counts too, the check's count stands.
    """
    spots = Spots()
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # whatever stands in a file for a number
        for check in checks:
            spots.extend(check(subject))
    return CheckReport(subject, card, spots.findings(others), spots.shown())
