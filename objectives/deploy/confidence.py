"""The deployed confidence as settings and files have it: a score, or the rule by which it is chosen after training."""

import re
from dataclasses import dataclass
from typing import Any

from objectives.deploy.artifact import ArtifactMeta
from spaces.errors import SettingsError

SCORE_CONFIDENCE = 0.001  # of the boxes that enter the precision-recall curve; none below it is ever looked at
UNCHOSEN_CONFIDENCE = 0.25  # of a file whose confidence is still to be chosen; Ultralytics' too
BEST_F1 = "best_f1"
RECALL_RULE = re.compile(r"recall(?:_|>=|@)(?P<share>\d*\.?\d+)")


@dataclass(frozen=True)
class Rule:
    """How the confidence is chosen: the best F1, or the highest one at which recall is `recall` at least."""

    recall: float | None = None

    def __str__(self) -> str:
        return BEST_F1 if self.recall is None else f"recall_{self.recall:g}"


def read_confidence(value: Any, setting: str) -> float | Rule:
    """Return a setting's confidence, or the rule by which it is chosen.

    Raises:
        SettingsError: it is neither a score nor a rule.
    """
    if str(value) == BEST_F1:
        return Rule()
    if found := RECALL_RULE.fullmatch(str(value).replace(" ", "")):
        share = float(found["share"])
        if 0 < share <= 1:
            return Rule(share)
    try:
        score = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        score = float("nan")
    if not 0 <= score < 1:
        raise SettingsError(
            f"{setting}: must be a score from 0 to under 1, {BEST_F1}, or recall_R with R in (0, 1], such as "
            f"recall_0.9; got '{value}'"
        )
    return score


def confidence_of(meta: ArtifactMeta, otherwise: float = UNCHOSEN_CONFIDENCE) -> float:
    """Return the deployed confidence of a file: the one that was chosen for it, else the other one."""
    return otherwise if meta.confidence is None else meta.confidence
