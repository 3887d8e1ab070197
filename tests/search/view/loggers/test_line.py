"""A line to a logger: it never holds up who calls, whatever the logger does, and loses nothing that it can carry."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from quick_search import wait_until

from search.view.loggers import line as lines
from search.view.loggers.contract import LoggedStudy, LoggedTrial, StudyLogger
from search.view.loggers.line import Call, LoggerLine

STUDY = LoggedStudy("shelves", "0123", Path("runs/shelves"), "here-1", {}, {})
HANG_S = 60.0


class Keeping(StudyLogger):
    """Keeps what it is called with; raises what `fails` holds first, and waits for `gate`."""

    def __init__(self, *fails: Exception, opens: bool = True) -> None:
        self.fails, self.opens = list(fails), opens
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()

    def open(self, study: LoggedStudy) -> None:
        self._called(f"open {study.name}", may_fail=not self.opens)

    def trial_started(self, trial: LoggedTrial) -> None:
        self._called(trial.name)

    def close(self) -> None:
        self._called("close", may_fail=False)

    def _called(self, what: str, *, may_fail: bool = True) -> None:
        self.threads.add(threading.get_ident())
        assert self.gate.wait(HANG_S)
        if may_fail and self.fails:
            raise self.fails.pop(0)
        self.calls.append(what)


def started(number: int) -> Call:
    return lambda logger: logger.trial_started(LoggedTrial(number, "", {}))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def begin(said: list[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[StudyLogger], LoggerLine]:
    """Opener of lines, which wait for milliseconds where they would for seconds."""
    monkeypatch.setattr(lines, "FIRST_REPEAT_S", 0.01)
    monkeypatch.setattr(lines, "TOOL_AWAY_MOST_S", 0.3)
    monkeypatch.setattr(lines, "STALLED_MOST_S", 0.3)

    def opened(logger: StudyLogger) -> LoggerLine:
        line = LoggerLine("mine", logger, said.append)
        line.open(STUDY)
        return line

    return opened


Begin = Callable[[StudyLogger], LoggerLine]


def test_calls_come_in_order_from_one_thread_that_is_another(begin: Begin, said: list[str]) -> None:
    logger = Keeping()
    line = begin(logger)
    for number in range(50):
        line.put(started(number))
    line.close()
    assert logger.calls == ["open shelves", *(f"trial {number:05d}" for number in range(50)), "close"]
    assert len(logger.threads) == 1
    assert threading.get_ident() not in logger.threads
    assert said == []


def test_a_tool_that_is_away_gets_each_call_later_after_one_warning(begin: Begin, said: list[str]) -> None:
    logger = Keeping(
        ConnectionError("gone to http://u:secret@lab\nsecond line"), OSError(28, "full"), RuntimeError("x")
    )
    line = begin(logger)
    for number in range(3):
        line.put(started(number))
    wait_until(lambda: len(logger.calls) == 4)
    line.close()
    assert logger.calls == ["open shelves", "trial 00000", "trial 00001", "trial 00002", "close"]
    assert said == ["logger.mine: gone to http://u:***@lab; it is tried again, and the search goes on"]


def test_a_call_that_can_never_succeed_is_left_out_and_counted(begin: Begin, said: list[str]) -> None:
    logger = Keeping(ValueError("no such column"), KeyError("map"))
    line = begin(logger)
    for number in range(4):
        line.put(started(number))
    line.close()
    assert logger.calls == ["open shelves", "trial 00002", "trial 00003", "close"]
    assert said == [
        "logger.mine: no such column; this record is left out, and the search goes on",
        "logger.mine: 2 records not logged; the study itself has them all",
    ]


def test_a_logger_that_refuses_to_begin_is_left(begin: Begin, said: list[str]) -> None:
    logger = Keeping(ImportError("No module named 'nothing'"), opens=False)
    line = begin(logger)
    wait_until(lambda: said)
    for number in range(4):
        line.put(started(number))
    line.close()
    assert logger.calls == []
    assert said == [
        "logger.mine: No module named 'nothing'; nothing is logged there, and the search goes on",
        "logger.mine: 4 records not logged; the study itself has them all",
    ]


def test_whoever_calls_waits_for_nothing_and_memory_is_bounded(begin: Begin, said: list[str]) -> None:
    """A logger that hangs from its first call on: ten thousand calls take no longer than to a logger that is quick."""
    hanging = Keeping()
    hanging.gate.clear()
    line = begin(hanging)
    slowest_s = 0.0
    for number in range(10_000):
        began_s = time.perf_counter()
        line.put(started(number), is_spare=number % 2 == 0)
        slowest_s = max(slowest_s, time.perf_counter() - began_s)
    assert len(line._calls) == lines.CALLS_MOST
    assert slowest_s < 0.5
    began_s = time.monotonic()
    line.close()
    assert time.monotonic() - began_s < HANG_S / 4
    assert said[-1] == "logger.mine: 10,001 records not logged; the study itself has them all"
    hanging.gate.set()


def test_ends_of_trials_have_room_where_single_epochs_have_none(begin: Begin) -> None:
    hanging = Keeping()
    hanging.gate.clear()
    line = begin(hanging)
    for _ in range(lines.CALLS_MOST):
        line.put(started(0), is_spare=True)
    assert len(line._calls) == lines.SPARE_MOST
    line.put(started(1))
    assert len(line._calls) == lines.SPARE_MOST + 1
    hanging.gate.set()
    line.close()
    assert hanging.calls[-2:] == ["trial 00001", "close"]


def test_a_tool_that_is_away_at_the_end_is_tried_once_more(
    begin: Begin, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "FIRST_REPEAT_S", HANG_S)
    logger = Keeping(ConnectionError("away"))
    line = begin(logger)
    line.put(started(0))
    wait_until(lambda: said)
    began_s = time.monotonic()
    line.close()
    assert time.monotonic() - began_s < HANG_S / 4
    assert logger.calls == ["open shelves", "trial 00000", "close"]
    assert said == ["logger.mine: away; it is tried again, and the search goes on"]


def test_a_line_that_was_never_opened_closes(said: list[str]) -> None:
    LoggerLine("mine", Keeping(), said.append).close()
    assert said == []
