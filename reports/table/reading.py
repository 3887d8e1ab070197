"""Records out of a store that any version may have written: what cannot be read is left aside."""

import dataclasses
import gc
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args

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
    """Whether the numbers of a record are numbers, its flags flags, its texts texts, its records such records."""
    return all(_fits(getattr(found, name), kinds) for name, kinds in _checked_fields(type(found)))  # type: ignore[arg-type]  # a class can be hashed


@cache
def _checked_fields(kind: type[Record]) -> tuple[tuple[str, tuple[type, ...]], ...]:
    """Return the fields of plain kinds, and what each may hold; lists and mappings are not looked into."""
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]  # every record is a dataclass
    parts = {item.name: get_args(item.type) if isinstance(item.type, UnionType) else (item.type,) for item in fields}
    plain = {name: kinds for name, kinds in parts.items() if all(_is_plain(part) for part in kinds)}
    # A whole number may stand for a float, as JSON writes it.
    return tuple((name, (*kinds, int) if float in kinds else kinds) for name, kinds in plain.items())


def _is_plain(kind: Any) -> bool:
    return isinstance(kind, type) and (kind in (int, float, bool, str, NoneType) or issubclass(kind, Record))


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of one of these kinds; a flag is no number."""
    if not isinstance(value, kinds) or (value.__class__ is bool and bool not in kinds):
        return False
    return not isinstance(value, Record) or _is_typed(value)
