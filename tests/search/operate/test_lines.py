"""Lines of automl as children: what they print, how they end, and that they never outlive who started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from process_words import words_of
from quick_search import wait_until

from search.operate.lines import run_line

pytestmark = pytest.mark.seconds
RUNS = "import sys; from pathlib import Path; from search.operate.lines import run_line\n"
LONG = ["search", "conf=smoke", "trial.run=quick_trainer:run_trial", "budget.trials=100000", "baseline=none"]


def children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def lives(process: psutil.Process) -> bool:
    """Whether a process runs: one that has ended is kept by name until its parent asks."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def operating(tmp_path: Path, prelude: str = "") -> subprocess.Popen[str]:
    """Start a process that runs a search without an end."""
    code = f"{RUNS}{prelude}run_line({[*LONG, f'store.folder={tmp_path}']!r}, Path({str(tmp_path / 'log.txt')!r}))"
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


def began(tmp_path: Path) -> bool:
    """Whether trials of the search have ended."""
    log = tmp_path / "log.txt"
    return log.exists() and len(list((tmp_path / "smoke" / "trials").glob("*"))) > 2


def test_output_is_returned_and_logged_with_the_line(tmp_path: Path) -> None:
    end = run_line(["presets"], tmp_path / "a" / "log.txt")
    assert end.code == 0
    assert "conf=retail" in end.output
    log = (tmp_path / "a" / "log.txt").read_text()
    assert log == f"$ automl presets\n{end.output}"


def test_a_mistake_is_in_the_log_and_in_the_exit_code(tmp_path: Path) -> None:
    end = run_line(["show"], tmp_path / "log.txt")
    assert (end.code, end.output) == (2, "")
    assert "NAME" in (tmp_path / "log.txt").read_text()


@pytest.mark.slow
def test_a_killed_operator_takes_its_line_along_and_the_next_one_waits_for_its_end(tmp_path: Path) -> None:
    parent = operating(tmp_path)
    with parent:
        wait_until(lambda: began(tmp_path))
        family = children_of(psutil.Process(parent.pid))
        line = psutil.Process(parent.pid).children()[0]
        assert "search.commands.operating.line" in words_of(line)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    run_line(["presets"], tmp_path / "log.txt")  # waits for the line, whose log it is
    assert not lives(line)
    wait_until(lambda: not any(map(lives, family)))


@pytest.mark.slow
def test_an_interruption_is_passed_on_and_waited_for(tmp_path: Path) -> None:
    parent = operating(tmp_path, "import signal; signal.signal(signal.SIGTERM, signal.default_int_handler)\n")
    with parent:
        wait_until(lambda: began(tmp_path))
        family = children_of(psutil.Process(parent.pid))
        os.kill(parent.pid, signal.SIGTERM)
        _, errors = parent.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert not any(map(lives, family))
    assert "interrupted" in (tmp_path / "log.txt").read_text()
