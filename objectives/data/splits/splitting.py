"""How images come to their splits, as the settings say it."""

import re
from dataclasses import dataclass

from spaces.errors import DataError, nearest

SPLIT_WAYS = ("given", "repair", "group", "time", "fold")
_FOLD = re.compile(r"(\d+)/(\d+)(?:x(\d+))?")


@dataclass(frozen=True)
class Splitting:
    """How images come to their splits.

    Attributes:
        way: one of SPLIT_WAYS. "given": as the files say, and a validation split from training where there is none;
            "repair": the same, and copies that lie in several splits go to one; "group": all anew by groups; "time":
            all anew, trained on the past; "fold": one of the parts of what is not for testing is scored on.
        group: regular expression that finds in an image's path what must stay on one side; None for nothing.
        time: regular expression that finds a time there.
        fold: "2/5", or "7/5x2" for the second of five parts the second time round.
        seed: of all chance.
    """

    way: str = "given"
    group: str | None = None
    time: str | None = None
    fold: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.way not in SPLIT_WAYS:
            hint = nearest(self.way, SPLIT_WAYS)
            raise DataError(f"data.splits: unknown choice '{self.way}'{hint}; known: {', '.join(SPLIT_WAYS)}")
        for way, given in (("time", self.time), ("fold", self.fold)):
            if (self.way == way) != (given is not None):
                raise DataError(f"data.splits: '{way}' and data.{way} go together; give both, or neither")
        if self.fold is not None:
            self.part()

    def part(self) -> tuple[int, int, int]:
        """Return the fold's number from 1 on, the parts, and how often they are made.

        Raises:
            DataError: it is no fold.
        """
        found = _FOLD.fullmatch(self.fold or "")
        number, count, repeats = (int(text or 1) for text in found.groups()) if found else (0, 0, 0)
        if count < 2 or not 1 <= number <= count * repeats:
            raise DataError(f"data.fold: must be like 2/5, the second of five parts, or 7/5x2; got '{self.fold}'")
        return number, count, repeats
