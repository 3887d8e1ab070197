"""What is kept of a trial that failed."""

from pathlib import Path

from objectives.machine.process_tree import Usage
from objectives.records.failures import Failure
from objectives.records.paths import TrialPaths
from objectives.records.records import Ending, Outcome
from search.workers.post_mortem import TAIL_LINES, failed_with, log_tail, with_death
from spaces.errors import SpaceError


def test_an_exception_becomes_an_ending_of_one_line() -> None:
    assert failed_with(SpaceError("head.kind:\n  unknown")) == Ending(
        Outcome.FAILED, "head.kind: unknown", Failure.NOT_BUILDABLE
    )
    assert failed_with(ValueError("x" * 1000)).reason == f"ValueError: {'x' * 300}"


def test_only_a_failure_has_a_death(tmp_path: Path) -> None:
    TrialPaths(tmp_path).log.write_text("the end\n")
    stopped = Ending(Outcome.STOPPED, "behind")
    assert with_death(stopped, tmp_path, 1.0, Usage(2, 3)) is stopped
    death = with_death(Ending(Outcome.FAILED, "so it was", Failure.CRASHED), tmp_path, 1.5, Usage(2, 3)).death
    assert death is not None
    assert (death.log_tail, death.seconds, death.processes, death.peak_bytes) == ("the end", 1.5, 2, 3)


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = TrialPaths(tmp_path).log
    assert log_tail(log) == ""
    log.write_bytes(b"\xff" + "".join(f"line {i}\n" for i in range(1000)).encode())
    lines = log_tail(log).splitlines()
    assert len(lines) == TAIL_LINES
    assert lines[-1] == "line 999"
    log.write_text("x" * 10_000)
    assert len(log_tail(log)) < 10_000
