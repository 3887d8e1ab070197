"""Processor seconds from /proc, for boards without psutil: psutil's own figures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from objectives.machine import other_load, proc_times

TICK_S = 0.05  # what passes between two readings of a busy machine, and the kernel's rounding
WORK = "import time\nwhile time.process_time() < 0.4: pass\ninput()"

pytestmark = pytest.mark.skipif(not Path("/proc/stat").exists(), reason="not Linux")


def test_everyones_are_psutils() -> None:
    before, theirs, after = proc_times.everyone_s(), other_load.everyone_s(), proc_times.everyone_s()
    assert before - TICK_S <= theirs <= after + TICK_S


@pytest.mark.seconds
def test_ones_own_are_psutils_with_a_childs_and_a_grandchilds() -> None:
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORK!r}])"
    began = proc_times.own_s()
    with subprocess.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE) as child:
        while proc_times.own_s() - began < 0.4:
            assert child.poll() is None
        before, theirs, after = proc_times.own_s(), other_load.own_s(), proc_times.own_s()
        assert before - TICK_S <= theirs <= after + TICK_S
        child.communicate(b"\n")
    assert proc_times.own_s() - began >= 0.4  # of children that have ended, too


def test_names_with_brackets_and_spaces_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second field of /proc/PID/stat is whatever a process calls itself."""

    monkeypatch.setattr(proc_times, "PROC", tmp_path)
    ticks, own = os.sysconf("SC_CLK_TCK"), os.getpid()
    for pid, parent, used in ((own, 1, 100), (own + 1, own, 30), (own + 2, own + 1, 7), (own + 3, 1, 1000)):
        (tmp_path / str(pid)).mkdir()
        fields = f"{pid} (a) b (c d) S {parent} 0 0 0 0 0 0 0 0 0 {used} 0 0 0 20 0"
        (tmp_path / str(pid) / "stat").write_text(fields)
    assert proc_times.own_s() == pytest.approx(137 / ticks)
    (tmp_path / "stat").write_text("cpu  10 20 30 400 50 6 7 8 9 1\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert proc_times.everyone_s() == pytest.approx(81 / ticks)
