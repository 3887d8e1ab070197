"""What mattered, in words: what the shares are of, how they were found, and what they leave open."""

from reports.analysis.importance import Importance
from reports.analysis.shares.accuracy import LEVEL
from reports.table.words import plural

CLEAR = round(100 * LEVEL)


def basis_words(item: Importance) -> str:
    """Return the sentences below a figure of importances; those without one have a reason instead."""
    return _latency(item) if item.objective == "latency" else _accuracy(item)


def _latency(item: Importance) -> str:
    known = 0.0 if item.explained is None else item.explained
    left_out = f" {plural(item.left_out, 'unstable figure')} left out." if item.left_out else ""
    together = " Parts with a + changed together and cannot be told apart." if _has_pair(item) else ""
    return (
        f"By what is deployed, in {_sample(item)}{item.trials:,} different networks: of trials, of children, and those "
        "that were measured ahead. Shares of the variance of log latency (Shapley values of a linear model); together "
        f"they explain {100 * known:.0f} % of networks that the model was not fitted to. Parts under 2 % are not named."
        f"{left_out}{together}"
    )


def _accuracy(item: Importance) -> str:
    known = 0.0 if item.explained is None else item.explained
    kin = ", each beside those of its own family: trainings are too few for the other choices"
    what = "scored detectors" if item.of_children else "finished trainings"
    named = "explains" if len(item.parts) == 1 else "explain"
    return (
        f"{len(item.parts)} of {plural(item.choices, 'choice')} {named} more of the mAP of "
        f"{_sample(item)}{item.trials:,} {what} than any choice explains in {CLEAR} of 100 shuffles of their "
        f"accuracies{kin if item.of_children else ''}. Shares of the variance (Shapley values), in brackets with "
        f"intervals of {CLEAR} % over resampled trials; together {100 * known:.0f} %. The other choices may matter: "
        "these trials do not show it."
    )


def _sample(item: Importance) -> str:
    return "an even sample of " if item.sampled else ""


def _has_pair(item: Importance) -> bool:
    return any(" + " in part.name for part in item.parts)
