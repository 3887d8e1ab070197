"""One trial, from candidate to figures: its job, its stages, its rehearsal."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Return `run_trial`, which lines may name as `objectives.trial:run_trial`; late, since torch comes along."""
    if name == "run_trial":
        from objectives.trial.trial import run_trial

        return run_trial
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
