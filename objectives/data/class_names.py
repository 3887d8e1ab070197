"""Class names as a data set's files give them: as written, each once."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from objectives.data.findings import UNPRINTABLE, Findings, printable
from spaces.errors import DataError


def clean_name(text: str, where: str, source: Path, findings: Findings) -> str:
    """Return a name without the spaces around it, which are a finding.

    Args:
        text: the name as written.
        where: the class it belongs to, for the error ("class 3").
        source: the file.
        findings: takes what is found.

    Raises:
        DataError: it is empty, or holds what no line can show.
    """
    name = text.strip()
    if not name:
        raise DataError(f"data.root: {where} of '{source}' has no name; give it one")
    if UNPRINTABLE.search(name):
        raise DataError(f"data.root: {where} of '{source}' has a name that cannot be printed: '{printable(name)[:80]}'")
    if name != text:
        findings.add("classes.spaces", name)
    return name


def add_case(classes: Iterable[str], findings: Findings) -> None:
    """Record the classes that differ in nothing but upper and lower case."""
    folded: dict[str, list[str]] = {}
    for name in classes:
        folded.setdefault(name.casefold(), []).append(name)
    for names in folded.values():
        if len(names) > 1:
            findings.add("classes.case", " and ".join(names), len(names))


def check_unique(classes: Iterable[str], source: Path) -> None:
    """Refuse classes of one name: their scores could not be kept apart.

    Raises:
        DataError: a name stands twice.
    """
    twice = [name for name, count in Counter(classes).items() if count > 1]
    if twice:
        raise DataError(
            f"data.root: '{source}' has several labelled classes of one name ({', '.join(twice)}); "
            "rename them, or give their boxes one class"
        )
