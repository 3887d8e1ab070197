"""Parts of a pipeline's settings as frozen records; their defaults stand in `conf/pipeline/base.yaml`."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from spaces.errors import SettingsError, nearest

ROLLOUTS = ("direct", "shadow", "canary")
LAYOUT_NAMES = ("triton", "container")  # those of search.operate.rollout.layouts.registry; a test holds the two equal


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
        for name in ("failed_share_max", "disagree_share_max", "precision_min", "recall_min", "false_negative_rate_max"):
            _check_range(f"rollout.rules.{name}", getattr(self, name), 0, 1)
        for name in ("p95_ms_max", "p95_share_max", "p95_measured_share_max"):
            _check_range(f"rollout.rules.{name}", getattr(self, name), 0, 1e9)
        _check_range("rollout.rules.labelled_min", self.labelled_min, 1, 1e9)
        if not 0.5 <= self.level < 1:
            raise SettingsError(f"rollout.rules.level: must lie in 0.5..1, under 1; got {self.level}")

    @property
    def of_labels(self) -> bool:
        """Whether a rule needs labels that come back."""
        return any(one is not None for one in (self.precision_min, self.recall_min, self.false_negative_rate_max))


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
        _check_word("rollout.kind", self.kind, ROLLOUTS)
        for layout in self.layouts:
            _check_word("rollout.layouts", layout, LAYOUT_NAMES)
        _check_range("rollout.share", self.share, 0.001, 1)
        _check_range("rollout.keep", self.keep, 2, 1e6)  # what serves, and what served before it
        for name in ("hours", "images_min", "wait_days", "watch_hours"):
            _check_range(f"rollout.{name}", getattr(self, name), 0, 1e9)
        if self.kind == "canary" and self.rules.disagree_share_max is not None:
            raise SettingsError(
                "rollout.rules.disagree_share_max: needs images that both versions answer, which a canary has none of; "
                "set it to null, or rollout.kind=shadow"
            )


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


def _check_word(setting: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise SettingsError(f"{setting}: '{value}' is none of {', '.join(known)}{nearest(value, known)}")


def _check_range(setting: str, value: float | None, least: float, most: float) -> None:
    """Refuse a number outside of its bounds; None is no number, and free."""
    if value is not None and not least <= value <= most:
        raise SettingsError(f"{setting}: must lie in {least:g}..{most:g}, got {value}")
