"""What is wrong with a data set: findings, each a code with a count and the first few places."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from objectives.data.codes import CODES

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # controls, line ends, half characters
EXAMPLES_MAX = 5  # places that a finding names
EXAMPLE_CHARS = 300  # of a place


def printable(text: str) -> str:
    """Return a text in one line that any terminal and any file can take: what would break the line is escaped."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


@dataclass(frozen=True)
class Finding:
    """One kind of fault, as often as it was found.

    Attributes:
        code: a key of CODES.
        count: how often.
        examples: the first few places, EXAMPLES_MAX at most.
    """

    code: str
    count: int
    examples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in CODES or self.count < 1:
            raise ValueError(f"a finding needs a known code and a count of 1 or more, got {self.code}: {self.count}")

    @property
    def line(self) -> str:
        """The finding for people, with its first place; class names are all shown that were kept."""
        code = CODES[self.code]
        shown = self.examples if self.code.startswith("classes.") else self.examples[:1]
        places = f" ({', '.join(shown)})" if shown else ""
        return f"{self.count} {code.what}: {code.action}{places}"

    def to_json(self) -> dict[str, Any]:
        """Return the finding with its meaning."""
        code = CODES[self.code]
        return {
            "code": self.code,
            "severity": str(code.severity),
            "count": self.count,
            "what": code.what,
            "examples": list(self.examples),
            "action": code.action,
        }


@dataclass
class Findings:
    """Findings being collected: counts by code, in the order in which they were first met."""

    _found: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def add(self, code: str, example: str = "", count: int = 1) -> None:
        """Count one more; the first few examples are kept."""
        total, examples = self._found.get(code, (0, []))
        example = printable(example[:EXAMPLE_CHARS])
        if example and len(examples) < EXAMPLES_MAX and example not in examples:
            examples.append(example)
        self._found[code] = (total + count, examples)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add what another part found."""
        for finding in findings:
            self.add(finding.code, count=finding.count)
            _total, examples = self._found[finding.code]
            examples += [e for e in finding.examples if e not in examples][: EXAMPLES_MAX - len(examples)]

    def made(self) -> tuple[Finding, ...]:
        """Return what was found."""
        return tuple(Finding(code, count, tuple(examples)) for code, (count, examples) in self._found.items())
