"""Parts of a pipeline's settings as frozen records; their defaults stand in `conf/pipeline/base.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from objectives.data.pictures.picture import LOOKS_BITS
from objectives.drift.sample import WATCHABLE
from search.settings.pipeline.rollout_checks import RULES_OF_LABELS, check_hooks, check_rollout, check_rules
from search.settings.pipeline.stream_checks import (
    LABEL_TOOLS,
    check_bounds,
    check_choice,
    check_stream,
)
from search.settings.pipeline.watched_check import (
    check_cron,
    check_images_min,
    check_over_zero,
    check_performance,
    check_webhook,
    listen_address,
)
from spaces.errors import SettingsError, nearest

ON_RECENT = ("either", "better", "not_worse", "ignored")  # what the recent validation set must say
CRITICAL_RULES = ("recall_min", "drop_max")


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
    random_share: float
    prelabel: bool
    wait_days: float | None
    share_min: float

    def __post_init__(self) -> None:
        check_choice("labelling.tool", self.tool, LABEL_TOOLS)
        check_bounds("labelling.images_max", self.images_max, 1)
        check_bounds("labelling.random_share", self.random_share, 0, 1)
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

    def __post_init__(self) -> None:
        if not self.hours_share > 0:
            raise SettingsError(f"search.hours_share: must be a share over 0, got {self.hours_share}")
        if self.carry < 0:
            raise SettingsError(f"search.carry: must be 0 or more, got {self.carry}")
        if not 0 < self.shrink <= 1:
            raise SettingsError(f"search.shrink: must lie in 0..1, 0 left out, got {self.shrink}; 1 is the whole space")
        if not 0 <= self.door <= 1:
            raise SettingsError(f"search.door: must be a share of the later rounds, 0 to 1, got {self.door}")


@dataclass(frozen=True)
class JudgeSettings:
    """What a challenger must keep; `critical` is class -> {"recall_min": ..., "drop_max": ...}, either left out."""

    overrides: list[str]
    margin: float
    slower_max: float | None
    level: float
    critical: dict[str, Any]
    on_recent: str

    def __post_init__(self) -> None:
        if self.on_recent not in ON_RECENT:
            hint = nearest(str(self.on_recent), ON_RECENT)
            raise SettingsError(
                f"gates.on_recent: unknown choice '{self.on_recent}'{hint}; known: {', '.join(ON_RECENT)}"
            )
        if not -1 < self.margin < 1:
            raise SettingsError(f"gates.margin: must be a difference of mAP, over -1 and under 1, got {self.margin}")
        if self.slower_max is not None and not self.slower_max > -1:
            raise SettingsError(f"gates.slower_max: must be a share over -1, or null, got {self.slower_max}")
        if not 0.5 <= self.level < 1:
            raise SettingsError(f"gates.level: must lie in 0.5..1, 1 left out, got {self.level}")
        for name, rules in self.critical.items():
            _check_critical(name, rules)


def _check_critical(name: str, rules: object) -> None:
    """Check the rules of one critical class."""
    if not isinstance(rules, Mapping) or not rules:
        raise SettingsError(f"gates.critical.{name}: needs {' or '.join(CRITICAL_RULES)}, got {rules!r}")
    for rule, value in rules.items():
        if rule not in CRITICAL_RULES:
            hint = nearest(str(rule), CRITICAL_RULES)
            raise SettingsError(
                f"gates.critical.{name}: unknown rule '{rule}'{hint}; known: {', '.join(CRITICAL_RULES)}"
            )
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise SettingsError(f"gates.critical.{name}.{rule}: must be a share, 0 to 1, got {value!r}")


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
