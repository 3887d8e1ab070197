"""The process that reads what files of weights say of their training. No torch in here."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

READ_TIMEOUT_S = 300.0  # torch takes seconds to be imported, many times that on a machine that swaps


@dataclass(frozen=True)
class Carried:
    """What one file says of its training.

    Attributes:
        arguments: of the training, as its trainer names them; empty if the file carries none.
        detector: name of the model file that the network was built from, as "yolo26n"; empty if not said.
        why_not: why the file cannot be read, in a line; empty if it was.
    """

    arguments: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    detector: str = ""
    why_not: str = ""


def read_carried(paths: Sequence[Path]) -> list[Carried]:
    """Return what each file says, in their order; nothing of a file runs, and no torch stays in this process."""
    if not paths:
        return []
    command = [sys.executable, "-m", "objectives.weights.carried"]
    given = json.dumps([str(path.absolute()) for path in paths])
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=READ_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return [Carried(why_not=f"reading '{path.name}' took over {READ_TIMEOUT_S:g} s") for path in paths]
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"])[-1]
        return [Carried(why_not=f"'{path.name}' cannot be read: {reason}") for path in paths]
    return [Carried(**found) for found in json.loads(done.stdout.splitlines()[-1])]
