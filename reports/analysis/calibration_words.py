"""How predictions held, in words: a small table of shares and errors, and two sentences."""

from collections.abc import Callable
from dataclasses import dataclass

from reports.analysis.calibration import WITHIN_ONE_SD, WITHIN_TWO_SD, Agreement, Calibration
from reports.table.words import ABSENT, percent, plural, share

UNBROKEN = "\u00a0"  # a space that no line is broken at


@dataclass(frozen=True)
class CalibrationLine:
    """One line of the table: a label, a value for each kind of prediction, and the ideal value."""

    label: str
    values: tuple[str, ...]
    ideal: str


def kinds(calibration: Calibration) -> tuple[str, ...]:
    """Return the names of the columns: the kinds of predictions of mAP that are there."""
    named = (("at proposal", calibration.at_proposal), ("at rungs", calibration.at_rungs))
    return tuple(name for name, held in named if held.agreement)


def comparisons(calibration: Calibration) -> tuple[CalibrationLine, ...]:
    """Return the lines of the table of mAP; empty without predictions of it."""
    found = [held.agreement for held in (calibration.at_proposal, calibration.at_rungs) if held.agreement]
    if not found:
        return ()

    def line(label: str, form: Callable[[Agreement], str], ideal: str = "") -> CalibrationLine:
        return CalibrationLine(label, tuple(form(item) for item in found), ideal)

    return (
        line("predictions", lambda item: f"{item.count:,}"),
        line("of trials", lambda item: f"{item.trials:,}"),
        line("came within ± 1 sd", lambda item: _whole(item.within_one_sd), _whole(WITHIN_ONE_SD)),
        line("came within ± 2 sd", lambda item: _whole(item.within_two_sd), _whole(WITHIN_TWO_SD)),
        line("mean absolute error", lambda item: share(item.mean_absolute_error)),
        line("bias", _bias, "0"),
    )


def map_sentence(calibration: Calibration) -> str:
    """Return whether the beliefs before training were honest; empty where nothing can be said."""
    found = calibration.at_proposal.agreement
    if found is None or not found.belief:
        return ""
    as_far = f", as far as {plural(found.with_sd, 'trial')} can tell"
    leaning = ""
    if found.bias_se is not None and abs(found.bias) > 2 * found.bias_se:
        leaning = f" They are too {'high' if found.bias > 0 else 'low'} by {share(abs(found.bias))} on average."
    return f"The standard deviations at proposal are {found.belief}{as_far}.{leaning}"


def latency_sentence(calibration: Calibration) -> str:
    """Return how predicted latencies compare with measured ones; empty without any."""
    found = calibration.latency.agreement
    if found is None or found.median_ratio is None:
        return ""
    error = percent(found.mean_absolute_share).replace(" ", UNBROKEN)
    shares = (
        f" {_whole(found.within_one_sd)} came within ± 1 sd ({_whole(WITHIN_ONE_SD)} if all were right),"
        f" {_whole(found.within_two_sd)} within ± 2 sd ({_whole(WITHIN_TWO_SD)})."
        if found.with_sd
        else ""
    )
    return (
        f"{plural(found.count, 'trial')} had a latency from the model before one was measured."
        f" Measured over predicted is {found.median_ratio:.2f} at the median;"
        f" the mean absolute error is {error} of the measured figure.{shares}"
    )


def _whole(part: float | None) -> str:
    return ABSENT if part is None else f"{100 * part:.0f}{UNBROKEN}%"


def _bias(found: Agreement) -> str:
    error = f" ± {share(found.bias_se)}" if found.bias_se is not None else ""
    return f"{found.bias:+.3f}{error}".replace("-", "−")
