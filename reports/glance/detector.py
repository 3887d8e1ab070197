"""A detector's name in few letters."""

from collections.abc import Mapping
from typing import Any

from reports.table.words import ABSENT, architecture, short_name


def detector(candidate: Mapping[str, Any]) -> str:
    """Return the choices that name a detector, in fewer letters than a page has room for."""
    name, ratio = short_name(candidate.get("backbone.name", "")), candidate.get("prune.ratio")
    cut_by = {} if ratio is None else {"prune.ratio": round(ratio, 2)}
    return architecture({**candidate, "backbone.name": name, **cut_by}) or ABSENT
