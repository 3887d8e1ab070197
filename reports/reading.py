"""Records out of a store that any version may have written: what cannot be read is left aside."""

import dataclasses
import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args

from objectives.records import Record

R = TypeVar("R", bound=Record)


def record(kind: type[R], value: Any) -> R | None:
    """Return the record, or None where it is missing or not of this version's form."""
    try:
        found = kind.from_json(value)
    except (TypeError, KeyError, AttributeError, ValueError):
        return None
    return found if _is_typed(found) else None


def records(kind: type[R], value: Any) -> tuple[R, ...]:
    """Return the readable records of a list, in its order."""
    found = [record(kind, item) for item in value] if isinstance(value, list) else []
    return tuple(item for item in found if item is not None)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the mapping, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def finite(value: float) -> float | None:
    """Return the number, or None for NaN and infinity."""
    return value if math.isfinite(value) else None


def _is_typed(found: Record) -> bool:
    """Whether the numbers of a record are numbers, its flags flags, its texts texts."""
    fields = dataclasses.fields(found)  # type: ignore[arg-type]  # every record is a dataclass
    return all(_fits(getattr(found, item.name), item.type) for item in fields)


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a plain kind or of one of a union's; nested kinds are not looked into."""
    if isinstance(kind, UnionType):
        return any(_fits(value, part) for part in get_args(kind))
    if kind in (int, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) if kind in (bool, str, NoneType) else True
