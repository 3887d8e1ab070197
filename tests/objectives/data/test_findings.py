"""Findings: counts by code, the first few places, nothing under a code that is not listed."""

import pytest

from objectives.data.codes import CODES
from objectives.data.findings import EXAMPLES_MAX, Finding, Findings


def test_counts_add_up_and_the_first_places_are_kept() -> None:
    findings = Findings()
    for i in range(20):
        findings.add("labels.outside", f"{i}.jpg")
    findings.add("images.missing", "gone.jpg", count=3)
    other = Findings()
    other.extend(findings.made())
    other.add("labels.outside", "20.jpg")
    first, second = other.made()
    assert (first.code, first.count) == ("labels.outside", 21)
    assert first.examples == tuple(f"{i}.jpg" for i in range(EXAMPLES_MAX))
    assert second == Finding("images.missing", 3, ("gone.jpg",))


def test_a_finding_says_what_it_means() -> None:
    card = Finding("splits.leak", 2, ("a.jpg",)).to_json()
    assert card["severity"] == "error"
    assert card["what"] == CODES["splits.leak"].what
    assert card["count"] == 2


@pytest.mark.parametrize(("code", "count"), [("labels.unheard_of", 1), ("labels.outside", 0)])
def test_no_finding_without_a_meaning(code: str, count: int) -> None:
    with pytest.raises(ValueError, match="known code"):
        Finding(code, count)
