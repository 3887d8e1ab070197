"""Classes of two detectors, matched by name. No torch in here."""

import re
from collections.abc import Mapping, Sequence

Rows = Mapping[int, int]  # the user's class index to the file's


def shared_rows(classes: Sequence[str], known: Sequence[str]) -> Rows:
    """Return the user's class index to that of the class that a file knows by the same name.

    Case does not count, nor whether words are parted by a space, a dash or an underscore; where a file has several
    names that differ in nothing else, the one that is written alike, else the first.
    """
    plain = {_plain(name): index for index, name in reversed(list(enumerate(known)))}
    exact = {name: index for index, name in reversed(list(enumerate(known)))}
    found = ((index, exact.get(name, plain.get(_plain(name)))) for index, name in enumerate(classes))
    return {index: row for index, row in found if row is not None}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
