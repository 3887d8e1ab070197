"""Checks of a rollout's settings: words that are known, numbers within bounds, rules that its kind can have."""

from collections.abc import Mapping
from typing import Any

from search.settings.pipeline.stream_checks import check_bounds, check_choice
from spaces.errors import SettingsError

ROLLOUTS = ("direct", "shadow", "canary")
LAYOUT_NAMES = (
    "triton",
    "container",
)  # as in rollout.layouts.registry; a test holds the two equal
RULES_OF_LABELS = ("precision_min", "recall_min", "false_negative_rate_max")


def check_rollout(rollout: Mapping[str, Any]) -> None:
    """Check how a version comes to serve.

    Raises:
        SettingsError: a word is unknown, a number out of bounds, or a rule cannot be decided.
    """
    check_choice("rollout.kind", rollout["kind"], ROLLOUTS)
    for layout in rollout["layouts"]:
        check_choice("rollout.layouts", layout, LAYOUT_NAMES)
    check_bounds("rollout.share", rollout["share"], 0.001, 1)
    check_bounds("rollout.keep", rollout["keep"], 2, 1e6)  # what serves, and what served before it
    for name in ("hours", "images_min", "wait_days", "watch_hours"):
        check_bounds(f"rollout.{name}", rollout[name], 0, 1e9)
    if rollout["kind"] == "canary" and rollout["rules"].disagree_share_max is not None:
        raise SettingsError(
            "rollout.rules.disagree_share_max: needs images that both versions answer, which a canary has none of; "
            "set it to null, or rollout.kind=shadow"
        )


def check_rules(rules: Mapping[str, Any]) -> None:
    """Check the bounds of the rules.

    Raises:
        SettingsError: one is out of bounds.
    """
    for name in ("failed_share_max", "disagree_share_max", *RULES_OF_LABELS):
        check_bounds(f"rollout.rules.{name}", rules[name], 0, 1)
    for name in ("p95_ms_max", "p95_share_max", "p95_measured_share_max"):
        check_bounds(f"rollout.rules.{name}", rules[name], 0, 1e9)
    check_bounds("rollout.rules.labelled_min", rules["labelled_min"], 1, 1e9)
    check_bounds("rollout.rules.level", rules["level"], 0.5, 0.99999)


def check_hooks(hooks: Mapping[str, Any]) -> None:
    """Check the hooks.

    Raises:
        SettingsError: their time is none, or a line is empty.
    """
    check_bounds("hooks.timeout_s", hooks["timeout_s"], 0.1, 86_400)
    for name in ("labels_asked", "rollout_begun", "promoted", "rolled_back", "alert"):
        line = hooks[name]
        if line is not None and not line.strip():
            raise SettingsError(f"hooks.{name}: is an empty line; name a command, or null for none")
