"""What others use of the processor: a process's own work and its children's are not counted."""

import subprocess
import sys
import time

import pytest

from objectives.machine.other_load import Others, own_s

WORK_S = 0.5  # processor seconds
WORK = f"import time\nwhile time.process_time() < {WORK_S}: pass"


@pytest.mark.seconds
def test_a_childs_work_is_ones_own_while_it_lives_and_afterwards() -> None:
    began = own_s()
    with subprocess.Popen([sys.executable, "-c", f"{WORK}\ninput()"], stdin=subprocess.PIPE) as child:
        end = time.monotonic() + 60
        while own_s() - began < WORK_S:
            assert time.monotonic() < end, "its work is not seen"
            time.sleep(0.01)
        child.communicate(b"\n")
    assert own_s() - began >= WORK_S


@pytest.mark.slow
@pytest.mark.seconds
def test_another_ones_work_is_seen() -> None:
    """The worker is nobody's child here: its parent ends at once."""
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WORK.replace('0.5', '3.0')!r}])"
    subprocess.run([sys.executable, "-c", start], check=True)
    others = Others()
    time.sleep(1.5)
    assert others.cores() > 0.3  # of one that it would use alone
