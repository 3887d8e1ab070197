"""The words of a round's `automl search`, made once and kept: a study's space is fixed, and the same line goes on."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from objectives.machine.files import write_text
from search.operate.context import OperateContext
from search.operate.rounds.earlier import EarlierRounds
from search.operate.rounds.shrink import is_whole, shrink
from search.settings.settings import load_settings
from spaces.dimension import Choice
from spaces.errors import AutomlError, SettingsError


@dataclass(frozen=True)
class SearchLine:
    """A round's line.

    Attributes:
        study: name of the study.
        words: of `automl`, the command first.
        narrowed: dimension -> the domain that is searched of it, where that is less than the whole one.
        why_whole: why the whole space is searched; empty where it is not.
    """

    study: str
    words: tuple[str, ...]
    narrowed: dict[str, str]
    why_whole: str

    @classmethod
    def read(cls, path: Path) -> "SearchLine":
        """Read what `write` has written."""
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**values, "words": tuple(values["words"])})

    def write(self, path: Path) -> None:
        """Write it whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(asdict(self), indent=2))


def first_line(context: OperateContext, number: int, data: Sequence[str]) -> SearchLine:
    """Return the line of a round that looks for the first champion: round 1, and others until a version serves.

    Args:
        context: of the pipeline.
        number: of the round.
        data: words of the data set.
    """
    study, words = _begun(context, number, context.settings.search.first, data)
    return SearchLine(study, tuple(words), {}, "no version has come to serve yet")


def later_line(context: OperateContext, number: int, data: Sequence[str], earlier: EarlierRounds) -> SearchLine:
    """Return the line of a later round: fewer hours, no stock baseline, a smaller space, and what it begins with.

    What `search.again` names itself stays as it says.

    Args:
        context: of the pipeline.
        number: of the round.
        data: words of the data set.
        earlier: what the rounds before leave to it.

    Raises:
        SettingsError: the settings make no line, or nothing says how many hours the first search has.
    """
    of_search = context.settings.search
    study, words = _begun(context, number, of_search.again, data)
    named = {_key(word) for word in of_search.again}
    words += _terms(context, earlier, named)
    space = load_settings(words[1:]).space
    carried = ["carry=[" + ",".join(map(_quoted, earlier.carried)) + "]"] if earlier.carried else []
    carried = [] if "carry" in named else carried
    # The champion is the first of them: what is asked of a round first is whether it comes back on today's images.
    carried += ["trial.polish_first=1"] if carried and "trial.polish_first" not in named else []
    start = {name: value for name, value in earlier.champion.items() if name in space.domains}
    start = {name: value for name, value in start.items() if value in space.domains[name]}
    # What is carried is trained on from its weights: to train the same anew first would take the hours of that.
    if "start" not in named and (start or carried):
        words.append("start=[]" if carried else f"start=[{_mapping(start)}]")
    if is_whole(number, of_search.door):
        return SearchLine(study, (*words, *carried), {}, "the door: this round searches the whole space")
    good = [*earlier.good, *([earlier.champion] if earlier.champion else [])]
    smaller = {
        name: domain for name, domain in shrink(space, good, of_search.shrink).items() if f"space.{name}" not in named
    }
    narrowed = [*words, *(f"space.{name}={domain}" for name, domain in smaller.items())]
    try:
        load_settings(narrowed[1:])
    except AutomlError as error:
        return SearchLine(study, (*words, *carried), {}, f"a smaller space makes no search: {error}")
    why = "" if smaller else "nothing of it can be left out"
    return SearchLine(study, (*narrowed, *carried), {name: str(domain) for name, domain in smaller.items()}, why)


def judged_words(line: Sequence[str]) -> list[str]:
    """Return the words of a search that `automl compare` needs too: preset, device, protocol of latency, gate."""
    groups = ("conf", "name", "device", "devices", "latency", "gate", "steer")
    return [word for word in line[1:] if _key(word).split(".")[0] in groups]


def _begun(context: OperateContext, number: int, own: Sequence[str], data: Sequence[str]) -> tuple[str, list[str]]:
    study = f"{context.settings.name}-r{number:04d}"
    words = ["search", f"conf={context.settings.search.conf}", *own, *context.settings.gates.overrides]
    return study, [*words, f"name={study}", f"store.folder={context.paths.runs}", *data]


def _terms(context: OperateContext, earlier: EarlierRounds, named: Collection[str]) -> Iterator[str]:
    """Yield hours and baseline, unless they are named."""
    of_search = context.settings.search
    if "budget.hours" not in named:
        first = [f"conf={of_search.conf}", *of_search.first, f"name={context.settings.name}"]
        hours = load_settings(first).budget.hours or earlier.hours
        if hours is None:
            raise SettingsError(
                "search.hours_share: neither the preset nor search.first says how many hours, and no first search was "
                "timed; give search.again=[budget.hours=...]"
            )
        yield f"budget.hours={hours * of_search.hours_share:.4g}"
    if "baseline" not in named:
        yield "baseline=none"


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def _mapping(candidate: Mapping[str, Any]) -> str:
    """Return a candidate in Hydra's grammar."""
    return "{" + ", ".join(f"{name}: {_value(value)}" for name, value in candidate.items()) + "}"


def _value(value: Any) -> str:
    """Return a value as the text of a domain of it alone has it."""
    return str(Choice((value,))).removeprefix("choice(").removesuffix(")")


def _quoted(text: str) -> str:
    escaped = text.replace("'", "\\'")
    return f"'{escaped}'"
