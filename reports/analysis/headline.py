"""What the search found against the stock detector, first of all: claim, figures side by side, how sure they are."""

from dataclasses import dataclass

from reports.analysis.doubts import accuracy_doubt
from reports.table.baseline import AgainstBaseline, against_baseline
from reports.table.baseline_words import map_words, pace_words, speed_words, standing_words
from reports.table.proof.contestants import Proof, ProofVerdict, Proven, read_proof
from reports.table.proof.intervals import SeedsInterval
from reports.table.proof.words import around, around_ms
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.words import ms, number, percent, plural, share

ALIKE = "at a latency that cannot be told from its"
BETTER, MIXED, WORSE, OPEN = "better", "mixed", "worse", "open"  # tones


@dataclass(frozen=True)
class Versus:
    """One figure of both: what it is, ours, the stock detector's, and how far they lie apart."""

    label: str
    ours: str
    stock: str
    apart: str


@dataclass(frozen=True)
class Headline:
    """What stands first.

    Attributes:
        claim: one sentence.
        tone: "better", "mixed", "worse" or "open".
        ours: name of the detector that is compared.
        stock: name of the stock detector.
        figures: side by side; empty where one of them has none.
        sureness: what the figures rest on, in a sentence.
        is_proven: whether that is a proof over several seeds.
    """

    claim: str
    tone: str
    ours: str
    stock: str
    figures: tuple[Versus, ...]
    sureness: str
    is_proven: bool


def headline(table: StudyTable) -> Headline | None:
    """Return what stands first; None for a study without a stock detector to compare with."""
    against = against_baseline(table)
    if against is None:
        return None
    stock, proof = f"stock {against.name.partition('@')[0]}", read_proof(table)
    if not against.is_comparable:
        return _open(f"The {stock} has no figures to compare with: it {standing_words(against)}.", stock)
    if proof is not None and proof.winner is not None and proof.baseline is not None and _has_means(proof):
        return _proven(proof, proof.winner, proof.baseline, stock)
    if against.pick is None:
        if not [row for row in table.finished if not row.is_baseline]:
            return _open(f"The {stock} is scored; nothing of the search is yet.", stock)
        claim = f"The search has put nothing before the {stock}: it is the pick itself."
        return Headline(claim, WORSE, f"trial {against.row.number}", stock, (), _unproven(table, proof, against), False)
    return _single(table, against, against.pick.row, stock, proof)


def headline_line(found: Headline) -> str:
    """Return the headline for the terminal: claim, figures and what they rest on."""
    sides = ", ".join(f"{one.label} {one.ours} against {one.stock}" for one in found.figures)
    return f"{found.claim} {f'{sides}. ' if sides else ''}{found.sureness}".strip()


def _open(claim: str, stock: str) -> Headline:
    return Headline(claim, OPEN, "", stock, (), "", False)


def _single(table: StudyTable, against: AgainstBaseline, row: TrialRow, stock: str, proof: Proof | None) -> Headline:
    """Return the headline by one training each."""
    beside, base = against.pick, against.row
    assert beside is not None  # the caller saw it
    apart = _latencies_apart(row, base)
    speed = speed_words(beside) if apart else ALIKE
    than = "as" if map_is_same(beside.map_gain) else "than"
    claim = f"Trial {row.number}: {map_words(beside)} {than} the {stock}, {speed}."
    tone = _tone(beside.map_gain, beside.speed if apart else 1.0)
    figures = (
        Versus("mAP", share(row.map), share(base.map), _signed(beside.map_gain)),
        Versus("p50", _interval(row), _interval(base), speed_words(beside) if apart else "cannot be told apart"),
    )
    return Headline(claim, tone, f"trial {row.number}", stock, figures, _unproven(table, proof, against), False)


def map_is_same(gain: float) -> bool:
    """Whether three decimals show no difference."""
    return share(abs(gain)) == share(0.0)


def _proven(proof: Proof, winner: Proven, base: Proven, stock: str) -> Headline:
    """Return the headline by the proof's means."""
    apart = winner.over_baseline
    assert apart is not None  # the caller saw them
    assert winner.p50_ms is not None
    assert base.p50_ms is not None
    speed = base.p50_ms.mean / winner.p50_ms.mean
    is_apart = winner.p50_ms.high < base.p50_ms.low or base.p50_ms.high < winner.p50_ms.low
    pace = pace_words(speed) if is_apart else "cannot be told apart"
    by = f"{share(abs(apart.mean))} ± {share(apart.half)}"
    also = pace_words(speed) if is_apart else ALIKE
    named = f"Trial {winner.number}"
    match proof.verdict:
        case ProofVerdict.BETTER:
            claim, gain = f"{named}: {by} more mAP than the {stock}, {also}.", 1.0
        case ProofVerdict.WORSE:
            claim, gain = f"{named}: {by} less mAP than the {stock}, {also}.", -1.0
        case _:
            claim, gain = f"{named}: mAP that cannot be told from that of the {stock}, {also}.", 0.0
    tone = _tone(gain, speed if is_apart else 1.0)
    figures = (
        Versus("mAP", around(winner.map), around(base.map), _signed(apart.mean, apart)),
        Versus("p50", around_ms(winner.p50_ms), around_ms(base.p50_ms), pace),
    )
    seeds = len(winner.trainings)
    sureness = f"Proven: means over {plural(seeds, 'training')} each, with intervals of {percent(proof.record.level)}."
    return Headline(claim, tone, f"trial {winner.number}", stock, figures, sureness, True)


def _has_means(proof: Proof) -> bool:
    both = (proof.winner, proof.baseline)
    return all(one is not None and one.p50_ms is not None for one in both) and bool(
        proof.winner and proof.winner.over_baseline
    )


def _unproven(table: StudyTable, proof: Proof | None, against: AgainstBaseline) -> str:
    """Return that the figures are of one training each, how few images they rest on, and what would prove them."""
    row = against.pick.row if against.pick else against.row
    few = accuracy_doubt(row.accuracy) if row.accuracy else ""
    optimistic = row.is_child and any(family.looked_at for family in table.families)
    said = "Not proven: one training each, whose chance is not known"
    said += f"; the mAP {few}" if few else ""
    said += "; the pick is the best of many by this very mAP, and so in part by luck" if optimistic else ""
    if proof is not None and proof.verdict is ProofVerdict.UNDER_WAY:
        return f"{said}. The proof is under way: {proof.ended} of {plural(proof.total, 'training')} have ended."
    if proof is not None:
        return f"{said}. The proof has no winner."
    return f"{said}. automl prove {table.name} trains both again with other seeds."


def _latencies_apart(one: TrialRow, other: TrialRow) -> bool:
    """Whether the 95 % intervals of two medians lie apart; figures without one are taken as they are."""
    own, others = one.p50_ends_ms, other.p50_ends_ms
    return own is None or others is None or own[1] < others[0] or others[1] < own[0]


def _interval(row: TrialRow) -> str:
    """Return '7.83 ms (7.79 to 7.90)'."""
    ends = row.p50_ends_ms
    return ms(row.p50_ms) + (f" ({number(ends[0])} to {number(ends[1])})" if ends else "")


def _signed(gain: float, found: SeedsInterval | None = None) -> str:
    sign = "" if map_is_same(gain) else "+" if gain > 0 else "−"
    return f"{sign}{share(abs(gain))}" + (f" ± {share(found.half)}" if found else "")


def _tone(gain: float, speed: float) -> str:
    """Return "better" where it is better in one and no worse in the other, "worse" likewise, else "mixed"."""
    in_map = 0 if map_is_same(gain) else 1 if gain > 0 else -1
    in_speed = 0 if number(speed) == number(1.0) else 1 if speed > 1 else -1
    signs = (in_map, in_speed)
    if max(signs) > 0 and min(signs) < 0:
        return MIXED
    return BETTER if max(signs) > 0 else WORSE if min(signs) < 0 else OPEN
