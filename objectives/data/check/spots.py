"""Spots: each place of a fault, with the images and boxes that show it; collected into findings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from objectives.data.codes import CODES, Severity
from objectives.data.findings import Finding, Findings

SHOWN_MOST = 12  # spots of a code that are kept to be drawn
ORDER = tuple(Severity)  # errors first


@dataclass(frozen=True)
class Mark:
    """An image that shows a fault.

    Attributes:
        path: the image file.
        split: the split that the entry belongs to; None if it is in none.
        boxes: indices of the boxes that the fault is about, in the order of the annotation; empty for the whole image.
    """

    path: Path
    split: str | None
    boxes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Spot:
    """One place of a fault.

    Attributes:
        code: a key of CODES.
        text: the place in words; an example of the finding.
        count: how many faults of the kind lie there.
        marks: the images that show it, side by side where there are several.
    """

    code: str
    text: str
    count: int = 1
    marks: tuple[Mark, ...] = ()


@dataclass
class Spots:
    """Spots being collected: findings by code, and the first few spots of each to be drawn."""

    _findings: Findings = field(default_factory=Findings)
    _shown: dict[str, list[Spot]] = field(default_factory=dict)

    def extend(self, spots: Iterable[Spot]) -> None:
        """Add what a check has found."""
        for spot in spots:
            self._findings.add(spot.code, spot.text, spot.count)
            shown = self._shown.setdefault(spot.code, [])
            if spot.marks and len(shown) < SHOWN_MOST:
                shown.append(spot)

    def findings(self, others: Iterable[Finding] = ()) -> tuple[Finding, ...]:
        """Return the findings, errors first, with those of other parts; of one code the check's own count stands."""
        own = self._findings.made()
        codes = {finding.code for finding in own}
        merged = Findings()
        merged.extend(own)
        merged.extend(finding for finding in others if finding.code not in codes)
        return tuple(sorted(merged.made(), key=lambda f: (ORDER.index(CODES[f.code].severity), f.code)))

    def shown(self) -> Mapping[str, tuple[Spot, ...]]:
        """Return the spots to be drawn, by code."""
        return {code: tuple(spots) for code, spots in self._shown.items() if spots}
