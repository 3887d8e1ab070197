"""Parts of a pipeline's settings as frozen records; their defaults stand in `conf/pipeline/base.yaml`."""

from dataclasses import dataclass
from typing import Any

from search.settings.pipeline.rollout_checks import RULES_OF_LABELS, check_hooks, check_rollout, check_rules
from search.settings.pipeline.stream_checks import (
    LABEL_TOOLS,
    LOOKS_BITS,
    check_bounds,
    check_choice,
    check_stream,
)
from search.settings.pipeline.watched_check import (
    check_cron,
    check_drift,
    check_images_min,
    check_over_zero,
    check_performance,
    check_webhook,
    listen_address,
)


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
    near_bits: int | None
    near_hours: float
    privacy: str | None

    def __post_init__(self) -> None:
        check_stream(self.time, self.time_format, self.group, self.privacy)
        check_bounds("stream.near_bits", self.near_bits, 0, LOOKS_BITS - 1)
        check_bounds("stream.near_hours", self.near_hours, 0)


@dataclass(frozen=True)
class LabellingSettings:
    """How images are handed over to be labelled, and how long a round waits for them."""

    images_max: int
    tool: str
    prelabel: bool
    wait_days: float | None
    share_min: float

    def __post_init__(self) -> None:
        check_choice("labelling.tool", self.tool, LABEL_TOOLS)
        check_bounds("labelling.images_max", self.images_max, 1)
        check_bounds("labelling.wait_days", self.wait_days, 0)
        check_bounds("labelling.share_min", self.share_min, 0, 1)


@dataclass(frozen=True)
class VersionSettings:
    """How a version of the data set is made of what was labelled."""

    recent_share: float
    recent_days: float
    images_max: int | None

    def __post_init__(self) -> None:
        check_bounds("versions.recent_share", self.recent_share, 0, 1)
        check_bounds("versions.recent_days", self.recent_days, 0)
        check_bounds("versions.images_max", self.images_max, 1)


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
        check_drift(self.watch, self.margins)
        check_images_min("triggers.drift", self.images_min)
        for name in ("window_days", "baseline_days", "false_alarms"):
            check_over_zero(f"triggers.drift.{name}", getattr(self, name))


@dataclass(frozen=True)
class PerformanceSettings:
    """A bound on a figure of the logged detections against labels that came back."""

    metric: str
    classes: list[str]
    bound: float | None
    window_days: float
    images_min: int
    level: float

    def __post_init__(self) -> None:
        check_performance(self.metric, self.bound, self.level)
        check_images_min("triggers.performance", self.images_min)
        check_over_zero("triggers.performance.window_days", self.window_days)


@dataclass(frozen=True)
class TriggerSettings:
    """When a round begins."""

    cron: str | None
    labelled_min: int | None
    labelled_share: float | None
    drift: DriftSettings
    performance: PerformanceSettings

    def __post_init__(self) -> None:
        if self.cron is not None:
            check_cron(self.cron)
        check_over_zero("triggers.labelled_min", self.labelled_min)
        check_over_zero("triggers.labelled_share", self.labelled_share)


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
    p95_measured_share_max: float | None
    failed_share_max: float | None
    disagree_share_max: float | None
    precision_min: float | None
    recall_min: float | None
    false_negative_rate_max: float | None
    classes: list[str]
    labelled_min: int
    level: float

    def __post_init__(self) -> None:
        check_rules(vars(self))

    @property
    def of_labels(self) -> bool:
        """Whether a rule needs labels that come back."""
        return any(getattr(self, name) is not None for name in RULES_OF_LABELS)


@dataclass(frozen=True)
class RolloutSettings:
    """How a new version comes to serve."""

    kind: str
    share: float
    hours: float
    images_min: int
    wait_days: float
    layouts: list[str]
    keep: int
    rules: RolloutRules
    watch_hours: float

    def __post_init__(self) -> None:
        check_rollout(vars(self))


@dataclass(frozen=True)
class HookSettings:
    """Commands of the user's, each a line for the shell, or None."""

    labels_asked: str | None
    rollout_begun: str | None
    promoted: str | None
    rolled_back: str | None
    alert: str | None
    timeout_s: float

    def __post_init__(self) -> None:
        check_hooks(vars(self))


@dataclass(frozen=True)
class MonitoringSettings:
    """Where metrics and alerts go."""

    prometheus: str | None
    listen: str | None
    webhook: str | None

    def __post_init__(self) -> None:
        if self.listen is not None:
            listen_address(self.listen)
        if self.webhook is not None:
            check_webhook(self.webhook)
