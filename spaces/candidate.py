"""One candidate: a value for every dimension that exists for it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from spaces.dimension import Value
from spaces.errors import SpaceError, nearest


@dataclass(frozen=True)
class Candidate(Mapping[str, Value]):
    """Every choice of a trial, frozen and hashable, in the order of their names.

    Attributes:
        items_: pairs of dimension name and value; dimensions whose condition does not hold are absent.
    """

    items_: tuple[tuple[str, Value], ...]

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> Self:
        """Build a candidate from a mapping of dimension name to value."""
        return cls(tuple(sorted(values.items())))

    def __getitem__(self, name: str) -> Value:
        for key, value in self.items_:
            if key == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.items_)

    def __len__(self) -> int:
        return len(self.items_)

    def number(self, name: str) -> float:
        """Return a numeric choice.

        Raises:
            SpaceError: the candidate has no such choice, or it is no number.
        """
        value = self._choice(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SpaceError(f"{name}: must be a number, got {value!r}")
        return value

    def text(self, name: str) -> str:
        """Return a choice as text.

        Raises:
            SpaceError: the candidate has no such choice.
        """
        return str(self._choice(name))

    def group(self, name: str) -> dict[str, Value]:
        """Return the choices of one group, without the group's name: `train.lr0` becomes `lr0`."""
        return {key.removeprefix(f"{name}."): value for key, value in self.items_ if key.startswith(f"{name}.")}

    def to_json(self) -> dict[str, Value]:
        """Return a mapping of JSON values."""
        return dict(self.items_)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild a candidate from `to_json`."""
        return cls.of(values)

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that name this candidate."""
        return hashlib.sha256(json.dumps(self.items_).encode()).hexdigest()[:12]

    def _choice(self, name: str) -> Value:
        if name not in self:
            raise SpaceError(f"{name}: the candidate has no such choice{nearest(name, self)}")
        return self[name]
