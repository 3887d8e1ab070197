"""OpenVINO's core stays: a process that has dropped what it ran still takes Ctrl-C."""

import subprocess
import sys
import textwrap

import pytest

DROPPED = """
import gc, os, signal, time
from objectives.latency.reference_network import network_bytes
from objectives.latency.reference_runs import REFERENCE_RUNS
network = network_bytes()
first, _ = REFERENCE_RUNS["openvino"](network)
second, _ = REFERENCE_RUNS["openvino"](network)
first(), second()
del first  # before the later one
gc.collect()
del second
gc.collect()
try:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background, too
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.seconds
def test_a_process_takes_ctrl_c_after_openvino() -> None:
    line = [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(DROPPED)]  # its stack for signals stands, too
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
