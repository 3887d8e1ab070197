"""A round's judgement: champion and challenger by `automl compare`, on the frozen set and on the recent one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from objectives.compare.verdict import Ruling
from objectives.machine.files import write_text
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState
from search.operate.rounds.contract import NO_CHAMPION, JudgedRound
from search.operate.rounds.line import judged_words
from search.operate.rounds.rulings import (
    FROZEN_SET,
    RECENT_SET,
    Document,
    critical_records,
    first_rules,
    in_short,
    later_rules,
    rule_over,
)
from search.operate.rounds.search_again import check_end, data_words, round_of

VERDICT_CODES = (0, 1, 3)  # exit codes of `automl compare` that are one


@dataclass(frozen=True)
class ComparedSet:
    """A set that both are compared on.

    Attributes:
        name: FROZEN_SET or RECENT_SET.
        words: of the line: its data set, its split.
    """

    name: str
    words: tuple[str, ...]


def judge_round(context: OperateContext, state: PipelineState, number: int) -> JudgedRound:
    """Judge a round's challenger; comparisons that were made are not made again.

    Args:
        context: of the pipeline.
        state: what is known.
        number: of the round, whose search is done.

    Raises:
        AutomlError: a comparison has failed.
    """
    one = round_of(state, number)
    searched = one.words(FactKind.SEARCHED)
    if searched["winner"] is None:
        return JudgedRound(str(Ruling.KEEP), (searched["why"],), {}, None, (), ())
    challenger = context.paths.folder / searched["export"]
    version = state.champion.version if state.champion else None
    champion = context.paths.deployment(version) if version else challenger
    against = version or NO_CHAMPION
    sets = list(_sets(context, state, number))
    words = [str(champion), str(challenger), *judged_words(searched["line"])]
    found = {of.name: _compared(context, number, of, against, words) for of in sets if version or of.name == FROZEN_SET}
    frozen, recent = found[FROZEN_SET], found.get(RECENT_SET)
    rules = first_rules(frozen)
    if version:
        rules = later_rules(frozen, recent, context.settings.gates.on_recent)
    ruling, why = rule_over(rules)
    if not version:
        why = ("there is no champion: what keeps the gate is promoted", *why)
    pages = [context.paths.round(number).comparison(f"{name}-{against}", "html") for name in found]
    return JudgedRound(
        str(ruling),
        why,
        in_short(frozen),
        in_short(recent) if recent else None,
        critical_records(frozen, recent, rules),
        tuple(page.relative_to(context.paths.folder).as_posix() for page in pages),
        against,
    )


def _sets(context: OperateContext, state: PipelineState, number: int) -> Iterator[ComparedSet]:
    one = round_of(state, number)
    version = one.words(FactKind.VERSION_MADE)["data"] if FactKind.VERSION_MADE in one.facts else {}
    frozen = [f"frozen={version['frozen']}"] if version.get("frozen") else []
    yield ComparedSet(FROZEN_SET, (*data_words(context, one), "split=val", *frozen, "gate=true"))
    if version.get("recent") and context.settings.gates.on_recent != "ignored":
        yield ComparedSet(RECENT_SET, (f"data.root={context.paths.folder / version['recent']}", "split=val"))


def _compared(context: OperateContext, number: int, of: ComparedSet, against: str, words: list[str]) -> Document:
    """Return a comparison's document, made now unless it was made before."""
    paths = context.paths.round(number)
    target, page, log = (paths.comparison(f"{of.name}-{against}", kind) for kind in ("json", "html", "txt"))
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        line = ["compare", *words, *of.words, *_rules(context), "format=json", f"page={page}"]
        end = context.run_line(line, log)
        check_end(end, line, str(log), fine=VERDICT_CODES)
        write_text(target, end.output)
    document: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return document


def _rules(context: OperateContext) -> Iterator[str]:
    """Yield the words of the rules."""
    gates = context.settings.gates
    yield f"margin={gates.margin:g}"
    yield f"slower_max={'null' if gates.slower_max is None else format(gates.slower_max, 'g')}"
    yield f"level={gates.level:g}"
    for name, rules in gates.critical.items():
        for rule, value in rules.items():
            yield f"critical.{name}.{rule}={value:g}"
