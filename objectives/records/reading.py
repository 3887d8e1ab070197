"""Records out of a store that any version may have written: what cannot be read is left aside."""

import gc
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from objectives.records.records import Record

R = TypeVar("R", bound=Record)


@contextmanager
def uncollected() -> Iterator[None]:
    """Let no garbage be looked for while very many records are built: none of them is any, and looking takes half."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def record(kind: type[R], value: Any) -> R | None:
    """Return the record, or None where it is missing or not of this version's form."""
    if value is None:
        return None
    try:
        return kind.from_json(value)
    except ValueError:
        return None


def records(kind: type[R], value: Any) -> tuple[R, ...]:
    """Return the readable records of a list, in its order."""
    found = [record(kind, item) for item in value] if isinstance(value, list) else []
    return tuple(item for item in found if item is not None)


def named_records(kind: type[R], value: Any) -> dict[str, R]:
    """Return the readable records of a mapping by their names, in its order."""
    found = ((str(name), record(kind, item)) for name, item in mapping(value).items())
    return {name: item for name, item in found if item is not None}


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the mapping, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def finite(value: float) -> float | None:
    """Return the number, or None for NaN and infinity."""
    return value if math.isfinite(value) else None
