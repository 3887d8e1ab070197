"""Parts of a pipeline's settings as frozen records; their defaults stand in `conf/pipeline/base.yaml`."""

from dataclasses import dataclass
from typing import Any

from objectives.drift.sample import WATCHABLE
from spaces.errors import SettingsError, nearest


@dataclass(frozen=True)
class PipelineStore:
    """Where the journal lies: a database's URL, or None for SQLite in the pipeline's folder."""

    url: str | None


@dataclass(frozen=True)
class FirstData:
    """The data set of the first round: its folder, and further settings of it as overrides of a search."""

    root: str
    overrides: list[str]


@dataclass(frozen=True)
class StreamSettings:
    """Where images, labels and predictions come from; see `conf/pipeline/base.yaml` for each."""

    images: str | None
    labels: str | None
    predictions: str | None
    time: str
    time_format: str | None
    group: str | None
    near_bits: int
    privacy: str | None


@dataclass(frozen=True)
class LabellingSettings:
    """How images are handed over to be labelled, and how long a round waits for them."""

    images_max: int
    tool: str
    prelabel: bool
    wait_days: float | None
    share_min: float


@dataclass(frozen=True)
class VersionSettings:
    """How a version of the data set is made of what was labelled."""

    recent_share: float
    recent_days: float
    images_max: int | None


@dataclass(frozen=True)
class DriftSettings:
    """What is watched for drift, over which windows, with which margins."""

    watch: list[str]
    window_days: float
    baseline_days: float
    images_min: int
    false_alarms: float
    margins: dict[str, float]

    def __post_init__(self) -> None:
        for name in (*self.watch, *self.margins):
            if name not in WATCHABLE:
                known = f"{nearest(name, WATCHABLE)}; known are {', '.join(WATCHABLE)}"
                raise SettingsError(f"triggers.drift: '{name}' is no figure that is watched{known}")
        missing = [name for name in self.watch if name not in self.margins]
        if missing:
            raise SettingsError(f"triggers.drift.margins: {missing[0]} is watched and has no margin; give it one")
        bad = {name: margin for name, margin in self.margins.items() if not 0 <= margin < 10}
        if bad:
            raise SettingsError(f"triggers.drift.margins: must lie in 0..10, shares of what was, got {bad}")
        if not 0 < self.window_days <= self.baseline_days:
            raise SettingsError(
                f"triggers.drift: window_days must be above 0 and baseline_days no less, got {self.window_days} and "
                f"{self.baseline_days}"
            )
        if self.images_min < 2:
            raise SettingsError(f"triggers.drift.images_min: must be 2 or more, got {self.images_min}")
        if not 0 < self.false_alarms <= 50:
            raise SettingsError(
                f"triggers.drift.false_alarms: must lie in 0..50 a year, 0 left out, got {self.false_alarms}"
            )


@dataclass(frozen=True)
class PerformanceSettings:
    """A bound on a figure of the logged detections against labels that came back."""

    metric: str
    classes: list[str]
    bound: float | None
    window_days: float
    images_min: int
    level: float


@dataclass(frozen=True)
class TriggerSettings:
    """When a round begins."""

    cron: str | None
    labelled_min: int | None
    labelled_share: float | None
    drift: DriftSettings
    performance: PerformanceSettings


@dataclass(frozen=True)
class AgainSettings:
    """How rounds search."""

    conf: str
    first: list[str]
    again: list[str]
    hours_share: float
    carry: int
    shrink: float
    door: float


@dataclass(frozen=True)
class JudgeSettings:
    """What a challenger must keep; `critical` is class -> {"recall_min": ..., "drop_max": ...}, either left out."""

    overrides: list[str]
    margin: float
    slower_max: float | None
    level: float
    critical: dict[str, Any]
    on_recent: str


@dataclass(frozen=True)
class RolloutRules:
    """Rules over the logs of champion and challenger; None leaves a quantity free."""

    p95_ms_max: float | None
    p95_share_max: float | None
    failed_share_max: float | None
    disagree_share_max: float | None
    precision_min: float | None
    recall_min: float | None
    false_negative_rate_max: float | None
    classes: list[str]
    level: float


@dataclass(frozen=True)
class RolloutSettings:
    """How a new version comes to serve."""

    kind: str
    share: float
    hours: float
    images_min: int
    layouts: list[str]
    keep: int
    rules: RolloutRules
    watch_hours: float


@dataclass(frozen=True)
class HookSettings:
    """Commands of the user's, each a line for the shell, or None."""

    labels_asked: str | None
    rollout_begun: str | None
    promoted: str | None
    rolled_back: str | None
    alert: str | None
    timeout_s: float


@dataclass(frozen=True)
class MonitoringSettings:
    """Where metrics and alerts go."""

    prometheus: str | None
    listen: str | None
    webhook: str | None
