"""What a board runs: one of three verbs, in a process of its own beneath one that watches the line.

    cd FOLDER && python3 -I run.py probe      with one line of JSON, the job, on standard input, which stays open

Output: lines of JSON. `{"alive": seconds}` about once a second; the last line is `{"done": ...}` or
`{"fault": "class of the error", "text": "one line"}`.

    probe      `done`: a list, for each of the job's artifacts `{"latency": {...}}` or `{"error": "one line"}`; the job
               is that of `objectives.latency.probe.measure`; `root` is that of the file system that health is read from
    detect     `done`: what was found on images, see `objectives.deploy.board.detect`
    describe   `done`: the board's description, see `objectives.deploy.board.description`, and `calm_ms`: calm times
               by fingerprint, see `objectives.latency.calm_times`; takes no job

Paths of a job are relative to FOLDER. Beside FOLDER lie `inputs` (sent once), `calm` (calm times of the reference
network, by fingerprint) and `work` (what a run leaves in between; it ends with it).
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from objectives.latency.calm_times import kept_calm_ms
from objectives.latency.on_board.health_watch import HealthWatch
from objectives.latency.on_board.supervise import Watch, supervise
from objectives.machine.parent_death import die_with_parent
from spaces.errors import first_line

WITH_JOB = ("probe", "detect")  # their line is watched: they may take minutes
WITHOUT_JOB = ("describe",)
WORK = "work"  # the inner process: `run.py work VERB PARENT OUTPUT`


def main(arguments: Sequence[str]) -> int:
    """Run a verb and return the exit status: 0 done, 1 a fault, 2 a wrong line, 3 the line broke."""
    folder = Path(sys.argv[0]).resolve().parent
    if len(arguments) == 4 and arguments[0] == WORK:
        return _work(arguments[1], int(arguments[2]), int(arguments[3]), folder)
    if len(arguments) != 1 or arguments[0] not in (*WITH_JOB, *WITHOUT_JOB):
        verbs = ", ".join((*WITH_JOB, *WITHOUT_JOB))
        sys.stderr.write(f"run.py: needs one of {verbs}; got '{' '.join(arguments)}'\n")
        return 2
    command = [sys.executable, "-I", str(folder / "run.py"), WORK, arguments[0]]
    watch = HealthWatch() if arguments[0] == "probe" else Watch()
    return supervise(command, folder.parent, watch, has_job=arguments[0] in WITH_JOB)


def _work(verb: str, parent_pid: int, output: int, folder: Path) -> int:
    """Do the work of a verb and write its last line to a pipe of its own: runtimes print as they like."""
    die_with_parent(parent_pid)
    try:
        job = json.loads(sys.stdin.readline()) if verb in WITH_JOB else {}
        line = {"done": VERBS[verb](job, folder)}
    except Exception as error:  # whatever a runtime raises: it goes to the other end as one line
        line = {"fault": type(error).__name__, "text": first_line(error, most=1000)}
    with os.fdopen(output, "w") as lines:
        lines.write(json.dumps(line) + "\n")
    return int("fault" in line)


def _probe(job: dict[str, Any], folder: Path) -> Any:
    from objectives.latency.probe import measure

    if job.get("cores"):
        os.sched_setaffinity(0, job["cores"])
    return measure({"calm_folder": str(folder.parent / "calm"), **job})


def _detect(job: dict[str, Any], _folder: Path) -> Any:
    from objectives.deploy.board.detect import detect

    return detect(job)


def _describe(_job: dict[str, Any], folder: Path) -> Any:
    from objectives.deploy.board.description import describe

    return {**describe(), "calm_ms": kept_calm_ms(folder.parent / "calm")}


VERBS: dict[str, Callable[[dict[str, Any], Path], Any]] = {
    "probe": _probe,
    "detect": _detect,
    "describe": _describe,
}
