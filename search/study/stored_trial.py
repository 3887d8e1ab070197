"""One trial in the store that this process works on: read once, written through at once."""

from typing import TYPE_CHECKING, Any

from objectives.records import attributes as keys
from objectives.records.failures import batch_divisor
from objectives.records.records import Ending, Latency, Outcome, Resources, Rung
from spaces.candidate import Candidate

if TYPE_CHECKING:
    import optuna


class StoredTrial:
    """A trial by its number; only the process that has claimed it may hold one."""

    def __init__(self, study: "optuna.Study", number: int) -> None:
        self._study, self.number = study, number
        self._storage = study._storage
        self._id = self._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
        stored = self._storage.get_trial(self._id)
        self._attributes: dict[str, Any] = dict(stored.user_attrs)
        self.was_asked_for = "fixed_params" in stored.system_attrs
        self.params = stored.params
        self.was_sampled_in_part = bool(stored.params.keys() - stored.system_attrs.get("fixed_params", {}).keys())
        self._is_running = not stored.state.is_finished()

    def __contains__(self, key: str) -> bool:
        return key in self._attributes

    def get(self, key: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self._attributes.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Write an attribute."""
        self._storage.set_trial_user_attr(self._id, key, value)
        self._attributes[key] = value

    def append(self, key: str, value: Any) -> None:
        """Write an attribute that is a list, with one value more."""
        self.set(key, [*self.get(key, []), value])

    @property
    def is_cut(self) -> bool:
        """Whether it had neither ended nor paused when it was read; one that nobody else has claimed was cut then."""
        return self._is_running and not self.get(keys.PAUSED)

    @property
    def candidate(self) -> Candidate | None:
        """Its candidate; None if it has not begun."""
        values = self.get(keys.CANDIDATE)
        return Candidate.from_json(values) if values else None

    @property
    def rungs(self) -> list[Rung]:
        """The rungs that it has told."""
        return [Rung.from_json(value) for value in self.get(keys.RUNGS, [])]

    @property
    def latency(self) -> Latency | None:
        """Its latency before training, if it was measured."""
        values = self.get(keys.LATENCY_UNTRAINED)
        return Latency.from_json(values) if values else None

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage that its earlier processes have told."""
        return Resources.from_json(self.get(keys.RESOURCES, {})).seconds

    @property
    def attempts(self) -> list[Ending]:
        """Deaths after which it was taken up again."""
        return [Ending.from_json(value) for value in self.get(keys.ATTEMPTS, [])]

    @property
    def batch_divisor(self) -> int:
        """What its batch is divided by, since the whole one did not fit into memory."""
        return batch_divisor(end.error_class for end in self.attempts)

    def tell(self, end: Ending, values: tuple[float, float] | None) -> None:
        """Store how it ended, with both objectives if it finished."""
        from optuna.trial import TrialState

        if self.get(keys.PAUSED):
            self.set(keys.PAUSED, False)  # a death from here on leaves a trial that was cut, and goes on or is told
        self.set(keys.ENDING, end.to_json())
        if end.outcome == Outcome.FINISHED and values is not None:
            self._study.tell(self.number, list(values))
        elif end.outcome == Outcome.FAILED:
            self._study.tell(self.number, state=TrialState.FAIL)
        else:
            self._study.tell(self.number, state=TrialState.PRUNED)
