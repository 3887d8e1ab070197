"""Which figures of a kept trial a fork takes along: those that its own settings would have scored, too."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from objectives.records.gate import Gate, own_function
from objectives.records.records import Accuracy
from objectives.records.study_record import StudyRecord
from search.settings.settings import Settings


@dataclass(frozen=True)
class Scoring:
    """How a study scores its trials, beyond mAP.

    Attributes:
        confidence: `latency.confidence`, a number or a rule; None where an older automl did not keep it.
        own: metrics of the user's own: name to what each is, without its bounds.
    """

    confidence: float | str | None
    own: Mapping[str, Mapping[str, Any]]

    @classmethod
    def stored(cls, study: StudyRecord) -> Self:
        """Return how a study that is there has scored."""
        return cls(study.settings.get("latency", {}).get("confidence"), _own(study.gate))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return how a search with these settings scores."""
        return cls(settings.latency.confidence, _own(settings.gate))

    def carried(self, accuracy: Accuracy, then: "Scoring") -> Accuracy:
        """Return what of a trial's accuracy holds here, too; the rest was not measured.

        Args:
            accuracy: of a study that scored in another way, perhaps.
            then: that way.
        """
        if not self._is_same_confidence(accuracy, then):  # metrics of the user's own are given the confidence
            return _without_confidence(accuracy)
        own = {name: value for name, value in (accuracy.own or {}).items() if self._is_same_metric(name, then)}
        return replace(accuracy, own=own or None)

    def _is_same_confidence(self, accuracy: Accuracy, then: "Scoring") -> bool:
        """Whether figures as deployed are those of this confidence; a number may have changed within a study."""
        if isinstance(self.confidence, str):
            return then.confidence == self.confidence
        return accuracy.confidence == self.confidence and not isinstance(then.confidence, str)

    def _is_same_metric(self, name: str, then: "Scoring") -> bool:
        return name in self.own and then.own.get(name) == self.own[name]


def _own(gate: Gate) -> dict[str, dict[str, Any]]:
    return {one["name"]: own_function(one) for one in gate.own or ()}


def _without_confidence(accuracy: Accuracy) -> Accuracy:
    per_class = {name: replace(one, precision=None, recall=None) for name, one in accuracy.per_class.items()}
    return replace(accuracy, per_class=per_class, precision=None, recall=None, f1=None, own=None)
