"""One trial's reasons in words: why it was proposed, what was decided on its way, how the predictions held."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from objectives.records.records import Decision, Proposal
from reports.analysis.calibration import Prediction, latency_prediction, map_predictions
from reports.table.row import TrialRow
from reports.table.words import ms, number, percent, share

ROLES = {
    "start": "asked for by the user",
    "asked": "asked for while the search ran",
    "stock": "the baseline",
    "baseline": "the first of all",  # a candidate of the sampler's; not the stock detector
    "spread": "to spread over the range of latencies",
    "explore": "to explore",
    "gain": "expected to move the front",
    "peer": "the sampler’s choice",
    "child": "for its place near the front",
}


@dataclass(frozen=True)
class Reason:
    """A short label and one line of text."""

    label: str
    text: str


def reasons(row: TrialRow) -> tuple[Reason, ...]:
    """Return all that is known of the trial's reasons, in the order of its life; empty for older studies."""
    return (*_proposed(row.proposal), *map(_decided, row.decisions), *_held(row))


def _proposed(proposal: Proposal | None) -> Iterator[Reason]:
    """Yield why the trial was proposed, and what was expected of it."""
    if proposal is None:
        return
    role = ROLES.get(proposal.role, proposal.role)
    sampler = f" (sampler {proposal.sampler})" if proposal.sampler else ""
    yield Reason("proposed", f"{role}{sampler}" + (f": {proposal.why}" if proposal.why else ""))
    seen = " (looked at, without a file)" if proposal.role == "child" and _accuracy(proposal) else ""
    expected = [part for part in (_gain(proposal), f"{_accuracy(proposal)}{seen}", _latency(proposal)) if part]
    if expected:
        yield Reason("expected", ", ".join(expected))


def _gain(proposal: Proposal) -> str:
    gain = _known(proposal.expected_gain)
    return "" if gain is None else f"{percent(gain)} more hypervolume"


def _accuracy(source: Proposal | Decision) -> str:
    value = _known(source.predicted_map)
    return "" if value is None else f"mAP {_with_sd(share(value), share, source.predicted_map_sd)}"


def _latency(proposal: Proposal) -> str:
    value = _known(proposal.latency_ms)
    if value is None:
        return ""
    if proposal.latency_measured:
        return f"p50 {ms(value)} (measured)"
    return f"p50 {_with_sd(number(value), number, proposal.latency_sd_ms)} ms (predicted)"


def _decided(decision: Decision) -> Reason:
    """Return what was decided at one rung."""
    why = f": {decision.why}" if decision.why else ""
    accuracy = _accuracy(decision)
    expected = f" (expects {accuracy})" if accuracy else ""
    return Reason(f"epoch {decision.epoch}", f"{decision.decision}{why}{expected}")


def _held(row: TrialRow) -> Iterator[Reason]:
    """Yield how each prediction held, once the figure is there."""
    for prediction in map_predictions(row):
        moment = f"at epoch {prediction.epoch}" if prediction.epoch else "at proposal"
        expected = _with_sd(share(prediction.expected), share, prediction.sd)
        off = _off(share(abs(prediction.error)), prediction, ("lower", "higher"))
        yield Reason("held", f"mAP {share(prediction.came)} where {expected} was expected {moment}: {off}")
    if latency := latency_prediction(row):
        expected = _with_sd(number(latency.expected), number, latency.sd)
        off = _off(percent(abs(latency.error) / latency.expected), latency, ("faster", "slower"))
        yield Reason("held", f"p50 {ms(latency.came)} where {expected} ms was expected at proposal: {off}")


def _off(size: str, prediction: Prediction, directions: tuple[str, str]) -> str:
    """Return '`0.019 higher, 0.6 sd`'."""
    direction = directions[prediction.error < 0]
    return f"{size} {direction}" + (f", {prediction.deviations:.1f} sd" if prediction.deviations is not None else "")


def _with_sd(value: str, form: Callable[[float], str], sd: float | None) -> str:
    """Return '`0.412 ± 0.031`', or the value alone where no deviation was stated."""
    known = _known(sd)
    return f"{value} ± {form(known)}" if known else value


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
