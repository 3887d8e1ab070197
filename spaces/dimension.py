"""One dimension of a search space: a domain of values, read from Hydra's sweep grammar."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from spaces.errors import SpaceError

Value = str | int | float | bool

# Texts that Hydra reads as themselves without quotes.
_PLAIN_TEXT = re.compile(r"(?!(true|false|null|nan|inf)$)[a-z_/][\w./:@-]*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Choice:
    """A finite set of values without an order, `choice(a, b)`."""

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise SpaceError("choice: needs at least one value, got none")
        if len({(isinstance(v, bool), v) for v in self.values}) < len(self.values):
            raise SpaceError(f"choice: each value once, got {', '.join(map(str, self.values))}")

    def __contains__(self, value: object) -> bool:
        return any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in self.values)

    def __str__(self) -> str:
        return f"choice({', '.join(_text(v) for v in self.values)})"

    @property
    def size(self) -> float:
        """Number of values."""
        return len(self.values)


@dataclass(frozen=True)
class Grid:
    """Evenly spaced numbers from `low` to `high`, both included; `range(160, 416, 32)` ends at 384."""

    low: int | float
    high: int | float
    step: int | float

    def __post_init__(self) -> None:
        if not self.step > 0 or self.high < self.low:
            raise SpaceError(f"range: needs start < stop and a positive step, got {self}")

    def __iter__(self) -> Iterator[int | float]:
        count = round((self.high - self.low) / self.step) + 1
        return (self.low + i * self.step for i in range(count))

    def __contains__(self, value: object) -> bool:
        if not _is_number(value):
            return False
        return any(math.isclose(float(value), float(v), rel_tol=1e-9, abs_tol=1e-12) for v in self)  # type: ignore[arg-type]  # _is_number

    def __str__(self) -> str:
        # Between two values if they are fractions: Hydra reads range(0.0, 0.1, 0.1) as 0.0 and 0.1.
        stop = self.high + (self.step if self.is_integer else self.step / 2)
        return f"range({self.low}, {stop}, {self.step})"

    @property
    def is_integer(self) -> bool:
        """Whether all values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.step, int)

    @property
    def size(self) -> float:
        """Number of values."""
        return sum(1 for _ in self)


@dataclass(frozen=True)
class Interval:
    """A continuous interval, both ends included; `log` samples its logarithm evenly, `integer` rounds."""

    low: float
    high: float
    log: bool = False
    integer: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise SpaceError(f"interval: needs finite ends and start < end, got {self}")
        if self.log and self.low <= 0:
            raise SpaceError(f"interval: tag(log, ...) needs a positive start, got {self}")

    def __contains__(self, value: object) -> bool:
        if not _is_number(value) or not self.low <= value <= self.high:  # type: ignore[operator]  # _is_number
            return False
        return not self.integer or value == int(value)  # type: ignore[call-overload]  # _is_number

    def __str__(self) -> str:
        text = f"interval({_text(self.low)}, {_text(self.high)})"
        text = f"int({text})" if self.integer else text
        return f"tag(log, {text})" if self.log else text

    @property
    def size(self) -> float:
        """Number of values; infinite unless integer."""
        return self.high - self.low + 1 if self.integer else math.inf


Domain = Choice | Grid | Interval


def parse_domain(name: str, text: object) -> Domain:
    """Read one dimension's domain from Hydra's sweep grammar; a plain value fixes the dimension.

    Args:
        name: the dimension's name, for messages.
        text: `choice(a, b)`, `range(160, 416, 32)`, `interval(0, 1)`, `tag(log, interval(1e-4, 1e-2))`,
            `int(interval(1, 5))`, or a plain string, number or truth value.

    Raises:
        SpaceError: the text is no domain, or the domain is empty.
    """
    if isinstance(text, bool | int | float):
        return Choice((text,))
    if not isinstance(text, str):
        raise SpaceError(f"space.{name}: needs a value or a sweep such as choice(a, b), got {text!r}")
    if not text.strip():
        raise SpaceError(f"space.{name}: the domain is empty; give a value or a sweep such as choice(a, b)")
    try:
        return _domain_of(_parse(text))
    except SpaceError as error:
        raise SpaceError(f"space.{name}: {error}") from None


def _parse(text: str) -> Any:
    from hydra.errors import HydraException

    try:
        return _parser().parse_override(f"x={text}").value()
    except HydraException as error:
        if "empty choice" in str(error) or "choice()" in text.replace(" ", ""):
            raise SpaceError("choice: needs at least one value, got none") from None
        raise SpaceError(f"not in Hydra's sweep grammar: {text!r}") from None


@cache
def _parser() -> Any:
    # Imported late: antlr costs 0.1 s that `automl --help` does not need.
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create()


def _domain_of(parsed: Any) -> Domain:
    from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, RangeSweep

    if isinstance(parsed, ChoiceSweep):
        return Choice(tuple(_plain(v) for v in parsed.list))
    if isinstance(parsed, RangeSweep):
        values = list(parsed.range()) if parsed.step else []
        if not values:
            raise SpaceError(f"range: is empty: range({parsed.start}, {parsed.stop}, {parsed.step})")
        low, high = min(values), max(values)
        return Grid(_number(low), _number(high), abs(_number(parsed.step)))
    if isinstance(parsed, IntervalSweep):
        if parsed.start is None or parsed.end is None:
            raise SpaceError("interval: needs a start and an end")
        integer = isinstance(parsed.start, int) and isinstance(parsed.end, int)
        return Interval(parsed.start, parsed.end, "log" in parsed.tags, integer)
    return Choice((_plain(parsed),))


def _plain(value: Any) -> Value:
    text = getattr(value, "text", value)  # a quoted string of Hydra's
    if isinstance(text, str | int | float):
        return text
    raise SpaceError(f"a value must be a text, a number or true/false, got {value!r}")


def _number(value: Any) -> int | float:
    return value if isinstance(value, int) else float(value)  # Hydra counts in decimals


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Value) -> str:
    """Write a value so that Hydra reads the same one back."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, str) and not _PLAIN_TEXT.fullmatch(value):
        from hydra.core.override_parser.types import Quote, QuotedString

        quoted: str = QuotedString(value, Quote.single).with_quotes()
        return quoted
    return str(value)
