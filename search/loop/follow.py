"""One trial, followed: what it reports goes to the store and the view, and its rungs are decided."""

from collections.abc import Callable
from dataclasses import replace

from objectives.latency.hosts.queue import Answer, Ask, Order
from objectives.records.records import Accuracy, Ending, Latency, Outcome, Resources, Rung
from objectives.trial.job import RungDecision, TrialJob, TrialListener
from search.study.stored_trial import StoredTrial
from search.view.base import View
from spaces.network.family import Family

Decide = Callable[[StoredTrial, Rung], tuple[RungDecision, str]]  # a rung was stored; how to go on, and why


class TrialFollower(TrialListener):
    """Stores and shows what one trial reports."""

    def __init__(
        self,
        trial: StoredTrial,
        job: TrialJob,
        view: View,
        decide: Decide,
        warn: Callable[[str], None],
        tick: Callable[[], None],
        ask: Ask | None = None,
        machine: str = "",
    ) -> None:
        """Follow a trial from here on.

        Args:
            trial: this process has claimed it.
            job: that it runs.
            view: shows it.
            decide: is asked at each rung that decides, the last one apart.
            warn: takes the trial's warnings.
            tick: called at every sign of life: nothing else may run here until the trial has ended.
            ask: passes on orders for devices that another machine has.
            machine: kind of the machine that it runs on.
        """
        self.trial, self.job, self._view, self._decide = trial, job, view, decide
        self._warn, self._tick, self._ask, self._machine = warn, tick, ask, machine
        self.current_stage, self.epoch = "", 0
        self._spent = trial.record.stages_s  # by earlier processes of the trial
        self._why_stopped = ""
        if job.latency:
            view.latency(trial.number, job.latency, trained=False)
        for device, latency in job.latencies.items():
            view.latency_on(trial.number, device, latency, trained=False)

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The trial's rungs so far."""
        return self.trial.record.rungs

    def stage(self, name: str) -> None:
        """Show the stage."""
        self.current_stage = name
        self._view.stage(self.trial.number, name)

    def progress(self, epoch: int, share: float) -> None:
        """Show the progress."""
        self._tick()
        self.epoch = epoch
        self._view.progress(self.trial.number, epoch, share)

    def latency(self, latency: Latency, trained: bool) -> None:
        """Store and show the latency; a trained file's is stored with what comes next."""
        self.trial.record_latency(latency, trained=trained, later=True)
        self._view.latency(self.trial.number, latency, trained=trained)

    def latency_on(self, device: str, latency: Latency, trained: bool) -> None:
        """Store and show the latency on a further device."""
        self.trial.record_latency_on(device, latency, trained=trained)
        self._view.latency_on(self.trial.number, device, latency, trained=trained)

    def measured(self, order: Order) -> Answer | None:
        """Pass an order on: a sign of life, too."""
        self._tick()
        return super().measured(order) if self._ask is None else self._ask(order)

    def rung(self, rung: Rung) -> RungDecision:
        """Store and show the rung, and decide how the trial goes on."""
        self.trial.record_rung(rung)
        self._view.rung(self.trial.number, rung)
        if not rung.decides or rung.epoch >= self.job.epochs:
            return RungDecision.GO_ON
        decision, why = self._decide(self.trial, rung)
        self._why_stopped = why if decision is RungDecision.STOP else ""
        return decision

    def accuracy(self, accuracy: Accuracy) -> None:
        """Store the accuracy, with what comes next."""
        self.trial.record_accuracy(accuracy, later=True)

    def resources(self, resources: Resources) -> None:
        """Store what the trial has cost, its earlier processes included, with what comes next."""
        seconds = dict(self._spent)
        for stage, of_stage in resources.seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + of_stage
        self.trial.record_resources(replace(resources, seconds=seconds, machine=self._machine), later=True)

    def warning(self, text: str) -> None:
        """Hand the warning on."""
        self._warn(text)

    def family(self, family: Family) -> None:
        """Store which children an elastic training holds."""
        if self.trial.record.family != family.to_json():
            self.trial.record_family(family)

    def explained(self, ending: Ending | None) -> Ending | None:
        """Return the trial's ending; of one that was stopped, with the reason of the decision."""
        if ending is not None and ending.outcome == Outcome.STOPPED and self._why_stopped:
            return replace(ending, reason=self._why_stopped)
        return ending
