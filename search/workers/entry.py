"""The entry of a trial's process, kept apart so that starting one imports nothing heavy."""

from typing import Any


def start(pipe: Any, job: Any, settings_folder: Any) -> None:
    """Hand over to the code that brings torch along."""
    from search.workers.child import run_in_child

    run_in_child(pipe, job, settings_folder)
