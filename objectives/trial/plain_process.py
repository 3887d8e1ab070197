"""The process that writes a trained detector as a checkpoint of Ultralytics' own. No torch in here."""

import json
import subprocess
import sys
from pathlib import Path

TIMEOUT_S = 300.0  # torch and Ultralytics take five to be imported, many times that on a machine that swaps


def write_plain_checkpoint(weights: Path, target: Path) -> str:
    """Write the weights of a trial as a file that `YOLO` loads, trains and exports.

    Args:
        weights: as a trial leaves them.
        target: the file to write.

    Returns:
        why there is no such file, in a few words; empty where it was written.
    """
    job = json.dumps({"weights": str(weights.absolute()), "target": str(target.absolute())})
    command = [sys.executable, "-m", "objectives.trial.plain_checkpoint"]
    try:
        done = subprocess.run(command, input=job, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"writing it took over {TIMEOUT_S:g} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"])[-1]
    why_not: str = json.loads(done.stdout.splitlines()[-1])["why_not"]
    return why_not
