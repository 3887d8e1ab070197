"""A proof in sentences: what it has come to, what its figures are of, how hopeful the search was, the test split."""

import math
from collections.abc import Iterator, Sequence

from objectives.records.proof import Length, SplitLook
from reports.table.gate_words import miss_words
from reports.table.proof.contestants import Proof, ProofVerdict, Proven
from reports.table.proof.intervals import SeedsInterval
from reports.table.words import ms, number, percent, plural, share


def verdict_sentence(proof: Proof) -> str:
    """Return '`Trial 12 beats the baseline yolo26n by 0.043 ± 0.012 mAP at 7.9 ms (baseline 12.1 ms).`'."""
    winner, baseline = proof.winner, proof.baseline
    if proof.verdict is ProofVerdict.UNDER_WAY:
        return f"The proof is under way: {proof.ended} of {plural(proof.total, 'training')} have ended."
    if winner is None:
        return _no_winner(proof)
    if baseline is None:
        return (
            f"Trial {winner.number} wins the proof: mAP {around(winner.map)} at {_p50(winner)}; the study has no "
            "baseline to compare it with."
        )
    apart, at = winner.over_baseline, f"at {_p50(winner)} (baseline {_p50(baseline)})"
    name = baseline_name(baseline)
    if apart is None:
        return f"Trial {winner.number} cannot be told from the {name}: too few trainings of both have finished."
    by = f"{share(abs(apart.mean))} ± {share(apart.half)} mAP"
    match proof.verdict:
        case ProofVerdict.BETTER:
            return f"Trial {winner.number} beats the {name} by {by} {at}."
        case ProofVerdict.WORSE:
            return f"Trial {winner.number} does not beat the {name}: it is worse by {by} {at}{_ships(proof, baseline)}."
        case _:
            side = "above" if apart.mean >= 0 else "below"
            return f"Trial {winner.number} cannot be told from the {name}: it is {by} {side} it {at}."


def _ships(proof: Proof, baseline: Proven) -> str:
    if proof.ships is baseline:
        return "; --pick gate ships the baseline"
    by = " and ".join(map(miss_words, baseline.missed))
    return f"; the baseline breaks the gate by its means ({by}), so --pick gate ships the trial all the same"


def stale_sentence(proof: Proof) -> str:
    """Return that a trial of the search that ended since the proof began leads it now; empty where none does."""
    leader, ended = proof.since.leader, proof.since.ended
    if leader is None:
        return ""
    line = "`automl prove` again" if proof.is_complete else "`automl prove --anew` takes it in"
    have = "has" if ended == 1 else "have"
    return (
        f"{plural(ended, 'trial')} {have} ended since the proof began; trial {leader.number} now leads by the search's "
        f"figures: {line}."
    )


def details(proof: Proof) -> Iterator[str]:
    """Yield what is to be known of the figures, in sentences."""
    if stale_sentence(proof):
        yield stale_sentence(proof)
    seeds = ", ".join(str(seed) for seed in proof.record.seeds)
    among = f", the best of {len(proof.finalists)} being picked" if len(proof.finalists) > 1 else ""
    yield (
        f"Means over {len(proof.record.seeds)} seeds ({seeds}), {_epochs(proof)}; intervals at "
        f"{percent(proof.record.level)}{among}; the gate is judged by the means."
    )
    if proof.failed:
        yield f"{plural(proof.failed, 'training')} of the proof failed: the figures are of the others."
    going_on = [f"trial {one.number}" for one in proof.contestants if one.is_of_family and not one.terms.again]
    if going_on:
        yield (
            f"{_listed(going_on)} went on from the weights of the search: the intervals cover this last training alone."
        )
    again = [f"trial {one.number}" for one in proof.contestants if one.is_of_family and one.terms.again]
    if again:
        yield (
            f"{_listed(again)} went on again from the weights of the same detector: the intervals cover this last "
            "training alone."
        )
    hopeful = optimism_sentence(proof)
    if hopeful:
        yield hopeful
    yield from test_sentences(proof)


def optimism_sentence(proof: Proof) -> str:
    """Return how much better the search's figures were than the proof's; empty while that is not known."""
    if proof.optimism is None:
        return ""
    side = "above" if proof.optimism >= 0 else "below"
    said = f"The search's mAP of the finalists lies {share(abs(proof.optimism))} {side} the proof's on average"
    if proof.is_alike:
        return f"{said}: so hopeful was the search."
    return f"{said}; the difference includes that they were trained longer, or from other weights, than in the search."


def test_sentences(proof: Proof) -> Iterator[str]:
    """Yield the scores on the test split, and how often it was looked at."""
    scored = [one for one in proof.contestants if one.scores]
    if scored:
        said = ", ".join(f"{_name(one)} {test_score(one)}" for one in scored)
        look = next(look for look in proof.looks if scored[0].scores[0] in look.scores)
        yield f"Split {look.split} ({look.images:,} images), mean over the files of the seeds: {said}."
    if proof.looks:
        yield looks_words(proof.looks)
    if proof.looks and proof.winner is not None and not proof.winner.scores:
        yield f"Trial {proof.winner.number} was not scored on it; --test-again does."


def looks_words(looks: Sequence[SplitLook]) -> str:
    """Return '`It was looked at once, by automl prove on 2026-11-26.`', or how often."""
    last = looks[-1]
    when = last.when[:10]
    split = f"The {last.split} split"
    if len(looks) == 1:
        return f"{split} was looked at once, by automl {last.by} on {when}."
    return (
        f"{split} was looked at {len(looks)} times, the last time by automl {last.by} on {when}: what was chosen or "
        "changed since the first look may fit it by luck."
    )


def test_score(one: Proven) -> str:
    """Return a contestant's mAP on the test split; one score alone has no interval."""
    return around(one.test) if one.test else share(one.scores[0].map if one.scores else None)


def around(found: SeedsInterval | None, form: str = ".3f") -> str:
    """Return '`0.812 ± 0.021`'."""
    return "–" if found is None else f"{found.mean:{form}} ± {found.half:{form}}"


def around_ms(found: SeedsInterval | None) -> str:
    """Return '`7.91 ± 0.12 ms`'."""
    if found is None:
        return "–"
    mean = number(found.mean)
    places = len(mean.partition(".")[2])
    half = (
        math.ceil(found.half * 10**places - 1e-9) / 10**places
    )  # as many places as the mean, and never less than it is
    return f"{mean} ± {half:.{places}f} ms"


def baseline_name(one: Proven) -> str:
    """Return '`baseline yolo26n`'."""
    return f"baseline {one.row.baseline}"


def _name(one: Proven) -> str:
    return f"the {baseline_name(one)}" if one.is_baseline else f"trial {one.number}"


def _p50(one: Proven) -> str:
    return ms(one.p50_ms.mean if one.p50_ms else one.row.p50_ms)


def _no_winner(proof: Proof) -> str:
    fit = [one for one in proof.finalists if one.map is not None]
    if not fit:
        return "No finalist has two trainings that finished: the proof says nothing."
    near = min(fit, key=lambda one: sum(miss.relative for miss in one.missed))
    by = " and ".join(map(miss_words, near.missed))
    return f"No finalist keeps the gate by its means over the seeds; trial {near.number} comes nearest ({by})."


def _epochs(proof: Proof) -> str:
    counts = sorted({one.terms.epochs for one in proof.contestants})
    how = {Length.FULL: " as automl train does", Length.TRIAL: " as in the search"}.get(Length(proof.record.length), "")
    return f"{' or '.join(str(count) for count in counts)} epochs each{how}"


def _listed(names: Sequence[str]) -> str:
    text = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return text[0].upper() + text[1:]
