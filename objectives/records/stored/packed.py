"""Records that are kept in thousands: what is looked at again and again is at hand, the rest packed until asked for."""

import dataclasses
import pickle
import zlib
from collections.abc import Collection, Hashable
from functools import lru_cache
from typing import Any, TypeVar

UNPACKED_MOST = 256  # records that stay unpacked beside it: whoever looks at one asks for several of its fields
FASTEST = 1  # of zlib's levels: a better one saves a tenth

AnyRecord = TypeVar("AnyRecord")


class _Packed:
    """What the classes of packed records have in common; each is a subclass of its plain record, too."""

    _plain: type[Any]

    def __new__(cls, *values: Any, **named: Any) -> Any:
        """Make a plain record: `dataclasses.replace` of a packed one gives that."""
        return cls._plain(*values, **named)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self._plain) and _values(self) == _values(other)

    __hash__ = None  # type: ignore[assignment]  # as a plain record's, which has mappings

    def __reduce__(self) -> Any:
        return self._plain, tuple(_values(self))


class _Field:
    """A field that is unpacked when it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, record: Any, _: type[Any]) -> Any:
        return self if record is None else vars(record)["_rest"].unpacked()[self._name]


@dataclasses.dataclass(frozen=True, slots=True)
class _Rest:
    """Packed fields of a record, and an earlier record's, which say what these have in common."""

    names: tuple[str, ...]
    packed: bytes
    like: bytes

    def unpacked(self) -> dict[str, Any]:
        """Return the fields by their names."""
        return _unpacked(self)


class Packer:
    """Packs some fields of records of one kind; the first record is what the others are packed against."""

    def __init__(self, packed: Collection[str]) -> None:
        """Take the names of the fields."""
        self._names = tuple(packed)
        self._like = b""

    def pack(self, record: AnyRecord) -> AnyRecord:
        """Return a record of a subclass that is equal to this one."""
        raw = pickle.dumps([getattr(record, name) for name in self._names], protocol=5)
        self._like = self._like or raw
        deflate = zlib.compressobj(FASTEST, zdict=self._like)
        rest = _Rest(self._names, deflate.compress(raw) + deflate.flush(), self._like)
        at_hand = {name: value for name, value in vars(record).items() if name not in self._names}
        packed: AnyRecord = _made(type(record), self._names, {**at_hand, "_rest": rest})
        return packed


def extended(record: Any, kind: type[AnyRecord], **more: Any) -> AnyRecord:
    """Return a record of a subclass of the record's kind, with the fields that it has more; a packed one stays so."""
    rest = vars(record).get("_rest")
    made: AnyRecord = (
        kind(**vars(record), **more) if rest is None else _made(kind, rest.names, {**vars(record), **more})
    )
    return made


def changed(record: AnyRecord, **changes: Any) -> AnyRecord:
    """Return the record with other values of fields that are not packed; a packed one stays so."""
    rest = vars(record).get("_rest")
    if rest is None:
        return dataclasses.replace(record, **changes)  # type: ignore[type-var]  # a dataclass
    made: AnyRecord = _made(type(record), rest.names, {**vars(record), **changes})
    return made


def _made(kind: type[Any], names: tuple[str, ...], values: dict[str, Any]) -> Any:
    record = object.__new__(kind if issubclass(kind, _Packed) else _packed_kind(kind, names))  # type: ignore[arg-type]  # a class is hashable
    for name, value in values.items():
        object.__setattr__(record, name, value)
    return record


@lru_cache
def _packed_kind(kind: Hashable, names: tuple[str, ...]) -> type[Any]:
    """Return the class of packed records of a kind."""
    fields = {name: _Field(name) for name in names}
    assert isinstance(kind, type)  # of records
    return type(f"Packed{kind.__name__}", (_Packed, kind), {"_plain": kind, **fields})


@lru_cache(maxsize=UNPACKED_MOST)
def _unpacked(rest: _Rest) -> dict[str, Any]:
    inflate = zlib.decompressobj(zdict=rest.like)
    values = pickle.loads(inflate.decompress(rest.packed))  # our own, packed in this process
    return dict(zip(rest.names, values, strict=True))


def _values(record: Any) -> list[Any]:
    return [getattr(record, field.name) for field in dataclasses.fields(record)]
