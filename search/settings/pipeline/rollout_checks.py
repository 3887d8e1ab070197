"""Checks of a rollout's settings: words that are known, numbers within bounds, rules that its kind can have."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from spaces.errors import SettingsError, nearest

if TYPE_CHECKING:
    from search.settings.pipeline.parts import HookSettings, RolloutRules, RolloutSettings

ROLLOUTS = ("direct", "shadow", "canary")
LAYOUT_NAMES = ("triton", "container")  # those of search.operate.rollout.layouts.registry; a test holds the two equal
OF_LABELS = ("precision_min", "recall_min", "false_negative_rate_max")


def check_rollout(rollout: "RolloutSettings") -> None:
    """Check how a version comes to serve.

    Raises:
        SettingsError: a word is unknown, a number out of bounds, or a rule can never be told.
    """
    _check_word("rollout.kind", rollout.kind, ROLLOUTS)
    for layout in rollout.layouts:
        _check_word("rollout.layouts", layout, LAYOUT_NAMES)
    _check_range("rollout.share", rollout.share, 0.001, 1)
    _check_range("rollout.keep", rollout.keep, 2, 1e6)  # what serves, and what served before it
    for name in ("hours", "images_min", "wait_days", "watch_hours"):
        _check_range(f"rollout.{name}", getattr(rollout, name), 0, 1e9)
    if rollout.kind == "canary" and rollout.rules.disagree_share_max is not None:
        raise SettingsError(
            "rollout.rules.disagree_share_max: needs images that both versions answer, which a canary has none of; "
            "set it to null, or rollout.kind=shadow"
        )


def check_rules(rules: "RolloutRules") -> None:
    """Check the bounds of the rules.

    Raises:
        SettingsError: one is out of bounds.
    """
    for name in ("failed_share_max", "disagree_share_max", *OF_LABELS):
        _check_range(f"rollout.rules.{name}", getattr(rules, name), 0, 1)
    for name in ("p95_ms_max", "p95_share_max", "p95_measured_share_max"):
        _check_range(f"rollout.rules.{name}", getattr(rules, name), 0, 1e9)
    _check_range("rollout.rules.labelled_min", rules.labelled_min, 1, 1e9)
    _check_range("rollout.rules.level", rules.level, 0.5, 0.99999)


def check_hooks(hooks: "HookSettings") -> None:
    """Check the hooks.

    Raises:
        SettingsError: their time is none, or a line is empty.
    """
    _check_range("hooks.timeout_s", hooks.timeout_s, 0.1, 86_400)
    for name in ("labels_asked", "rollout_begun", "promoted", "rolled_back", "alert"):
        line = getattr(hooks, name)
        if line is not None and not line.strip():
            raise SettingsError(f"hooks.{name}: is an empty line; name a command, or null for none")


def _check_word(setting: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise SettingsError(f"{setting}: '{value}' is none of {', '.join(known)}{nearest(value, known)}")


def _check_range(setting: str, value: float | None, least: float, most: float) -> None:
    """Refuse a number outside of its bounds; None is no number, and free."""
    if value is not None and not least <= value <= most:
        raise SettingsError(f"{setting}: must lie in {least:g}..{most:g}, got {value}")
