"""What a budget buys: trials, hours, memory and disk, worked out from what a few candidates cost."""

import math
from dataclasses import dataclass
from statistics import fmean, median
from typing import Self

from objectives.data.dataset import Dataset
from objectives.machine.disk import free_bytes
from objectives.machine.gpus.visible import wanted_gpus
from reports.table.words import size
from search.engine.models.costs import BEFORE
from search.plan.model import SearchPlan
from search.samplers.schedulers import scheduler_class
from search.settings.settings import Settings
from search.study.folder.keep import CHILDREN_MOST
from search.workers.jobs import Jobs
from search.workers.limits import machine_memory_bytes
from spaces.network.family import may_be_elastic

TENSORS = 4  # weights, their average, and two moments of the optimiser: what a checkpoint holds
GENERATIONS = 2  # of a checkpoint that are kept
LOGS_BYTES = 500_000  # log, pictures and descriptions of a trial


@dataclass(frozen=True)
class Forecast:
    """What is to be expected of a search whose trials cost what its plan says.

    Attributes:
        trial_s: seconds of a usual trial that is trained to its end.
        stopped_s: seconds of a trial that ends at its first rung; `trial_s` where nothing is stopped.
        first_rung: epochs until the first rung.
        epochs: of a whole training.
        trials: of the budget.
        hours: of the budget; None for no limit.
        families: whether trainings are of families, whose children are trials too.
        together: trials that truly run at once, each as fast as alone.
        workers: trials at once; on a processor the trials share its cores.
        memory_bytes: memory that a large candidate's trial needs.
        machine_bytes: memory of the machine.
        trial_bytes: files of a trial that is kept.
        waiting_bytes: checkpoints of a trial that waits.
        free_bytes: room on the disk.
        baseline_s: seconds of the stock detector that comes first, one of the trials; 0 without one.
        carried: detectors of other studies that come first, trials that are exported, measured and scored alone.
        carried_s: seconds of one of them.
    """

    trial_s: float
    stopped_s: float
    first_rung: int
    epochs: int
    trials: int
    hours: float | None
    families: bool
    together: int
    workers: int
    memory_bytes: int
    machine_bytes: int
    trial_bytes: int
    waiting_bytes: int
    free_bytes: int
    baseline_s: float = 0.0
    carried: int = 0
    carried_s: float = 0.0

    @classmethod
    def of(cls, plan: SearchPlan, settings: Settings, dataset: Dataset) -> Self:
        """Work out a plan that holds at least one timed candidate."""
        job = Jobs(settings, dataset).job(0, plan.candidates[0])
        overhead_s, epoch_s = fmean(one.overhead_s for one in plan.timed), fmean(one.epoch_s for one in plan.timed)
        scheduler = scheduler_class(settings.pruner)
        first = job.epochs if not scheduler.ends_early else job.deciding[0]
        parameters = median(one.parameters for one in plan.timed)
        gpus = wanted_gpus(settings.trial.train_device)
        return cls(
            trial_s=overhead_s + job.epochs * epoch_s,
            stopped_s=(overhead_s if first == job.epochs else BEFORE * overhead_s) + first * epoch_s,
            first_rung=first,
            epochs=job.epochs,
            trials=settings.budget.trials,
            hours=settings.budget.hours,
            families=may_be_elastic(settings.space),
            together=max(1, min(settings.workers, settings.gpu.share * len(gpus))),
            workers=settings.workers,
            memory_bytes=max(one.peak_bytes for one in plan.timed),
            machine_bytes=machine_memory_bytes(),
            trial_bytes=round(4 * parameters + plan.artifact_bytes + LOGS_BYTES),
            waiting_bytes=round(GENERATIONS * TENSORS * 4 * parameters) if scheduler.pauses else 0,
            free_bytes=free_bytes(settings.folder),
            baseline_s=stock.overhead_s + job.epochs * stock.epoch_s if (stock := plan.baseline) else 0.0,
            carried=len(settings.carry),
            carried_s=overhead_s,
        )

    @property
    def first_s(self) -> float:
        """Seconds of all that comes before the search's own trials."""
        return self.baseline_s + self.carried * self.carried_s

    @property
    def trained(self) -> int:
        """Trials of the budget that are trained: all but those that were carried."""
        return max(0, self.trials - self.carried)

    @property
    def bought(self) -> tuple[int, int] | None:
        """Trainings that the hours buy: all trained to their end, or all stopped at the first rung; None: no hours."""
        if self.hours is None:
            return None
        seconds = 3600 * self.hours * self.together
        if seconds < self.first_s:
            return 0, 0
        first, left_s = int(self.baseline_s > 0), seconds - self.first_s
        return first + math.floor(left_s / self.trial_s), first + math.floor(left_s / self.stopped_s)

    @property
    def counted_s(self) -> tuple[float, float]:
        """Seconds that the budget's count of trials takes: all stopped at the first rung, all trained to their end."""
        others = max(0, self.trained - (self.baseline_s > 0))
        stopped_s, whole_s = (self.first_s + others * each for each in (self.stopped_s, self.trial_s))
        return stopped_s / self.together, whole_s / self.together

    @property
    def binding(self) -> str:
        """Which limit of the budget ends the search: "trials", "hours", or "either"."""
        if self.families and self.bought is not None:
            return "either"  # children are trials of seconds, and how many are worth it is not known
        if self.bought is None or self.bought[0] >= self.trained:
            return "trials"
        return "hours" if self.bought[1] < self.trained else "either"

    @property
    def trials_most(self) -> int:
        """Trials with files that the whole budget can buy."""
        others = self.carried + (CHILDREN_MOST if self.families else 0)
        return self.trials if self.bought is None else min(self.trials, self.bought[1] + others)

    @property
    def disk_bytes(self) -> int:
        """Bytes of the files of all trials together, waiting trials included."""
        return self.trials_most * (self.trial_bytes + self.waiting_bytes)

    def warnings(self, size_mb_max: float | None) -> list[str]:
        """Return what does not fit, one line each."""
        found = []
        if self.workers * self.memory_bytes > self.machine_bytes:
            found.append(
                f"memory: {self.workers} large candidates at once need {size(self.workers * self.memory_bytes)}, "
                f"the machine has {size(self.machine_bytes)}; run fewer workers, or lower train.batch or size.pixels"
            )
        if self.bought is not None and self.bought[0] < 1:
            found.append(
                f"hours: not even one trial fits {self.hours:g} h; raise budget.hours, or lower trial.epochs or "
                "trial.images_seen"
            )
        needed = min(self.disk_bytes, math.inf if size_mb_max is None else 1e6 * size_mb_max)
        if needed > self.free_bytes:
            found.append(
                f"disk: the trials may fill {size(needed)}, {size(self.free_bytes)} are free; free some, lower "
                "store.size_mb_max, or set store.folder=..."
            )
        return found
