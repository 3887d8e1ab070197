"""Searches on a real GPU, end to end: for whoever has one. Exits with one line where there is none.

    PYTHONPATH=tests:tests/benchmarks python tests/benchmarks/gpu_search.py [--only whole,kill,memory,two] [--processor]

By the installed script, on a few rendered shelves, in a folder that goes again:

- whole: a search, its trainings on the GPU in mixed precision; seconds and peak memory of each.
- kill: the searching process and its trial by SIGKILL in the middle of a training; the same line goes on. At most one
  epoch is trained twice, and no lease stays.
- memory: out of the GPU's memory for real. A process of ours takes all but `--left-mb` of it; a training that needs
  more dies, and is taken up with half the batch. Then with `gpu.share=2`: two trainings of which the GPU has memory
  for one; the one that dies is tried again alone, with its whole batch.
- two: two studies on one GPU. With `gpu.share=1` one waits for the other; with `gpu.share=2` both train at once.

`--processor` runs `whole`, `kill` and the first half of `two` without a GPU, to see that the commands are right.
Nothing of this was run on a GPU yet (docs/gpus.md).
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from objectives.data.shelves.render import render_shelves
from objectives.machine.gpus.driver import memory_of
from objectives.machine.gpus.visible import gpu_notes, visible_gpus
from objectives.records.failures import Failure
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from search.study.store import load_study
from spaces.errors import AutomlError

AUTOML = str(Path(sys.executable).with_name("automl"))
LONG_S = 1800.0
HOG = """
import sys, torch
free, _ = torch.cuda.mem_get_info(0)
hoard = torch.empty(max(0, free - int(sys.argv[1]) * 10**6), dtype=torch.uint8, device="cuda:0")
print("hoards", flush=True)
sys.stdin.read()
"""


class Bench:
    """A folder with shelves and studies, and the device that is trained on."""

    def __init__(self, folder: Path, device: str, left_mb: int) -> None:
        self.folder, self.device, self.left_mb = folder, device, left_mb
        self.data = render_shelves(folder / "shelves", train=24, val=8, test=1)

    def line(self, name: str, *overrides: str) -> list[str]:
        """Return the line of a study."""
        usual = ["conf=smoke", f"name={name}", f"data.root={self.data}", f"store.folder={self.folder / 'runs'}"]
        small = ["trial.epochs=6", "budget.trials=3", "baseline=none", "experience=none", "pruner=none"]
        return [AUTOML, "search", *usual, *small, f"trial.train_device={self.device}", *overrides]

    def start(self, name: str, *overrides: str) -> "subprocess.Popen[str]":
        """Start a search; what it prints goes to a file."""
        with (self.folder / f"{name}.txt").open("a") as out:
            return subprocess.Popen(self.line(name, *overrides), stdout=out, stderr=subprocess.STDOUT, text=True)

    def run(self, name: str, *overrides: str) -> list[TrialRecord]:
        """Run a search to its end and return its trials."""
        process = self.start(name, *overrides)
        code = process.wait(LONG_S)
        check(code == 0, f"{name}: exit code {code}: {(self.folder / f'{name}.txt').read_text()[-2000:]}")
        return self.trials(name)

    def trials(self, name: str) -> list[TrialRecord]:
        """Return the trials of a study as they are stored now; none while there is no study."""
        with suppress(AutomlError):
            return trial_records(load_study(self.folder / "runs", name, None))
        return []

    def until(self, what: Callable[[], bool], text: str) -> None:
        """Wait until something is."""
        end = time.monotonic() + LONG_S
        while not what():
            check(time.monotonic() < end, f"it never came: {text}")
            time.sleep(0.2)


def check(holds: bool, text: str) -> None:
    """End the script with a line if something does not hold."""
    if not holds:
        raise SystemExit(f"failed: {text}")


def whole(bench: Bench) -> None:
    """Search, and print what each trial cost."""
    began = time.monotonic()
    for trial in bench.run("whole"):
        check(trial.phase is Phase.FINISHED and trial.resources is not None, f"trial {trial.number}: {trial.ending}")
        assert trial.resources is not None
        used = trial.resources
        train_s = used.seconds.get("train", 0.0)
        print(
            f"  trial {trial.number}: {train_s:.1f} s of training, {used.gpu_peak_bytes / 1e9:.2f} GB, {used.machine}"
        )
        check(bench.device == "cpu" or used.gpu_peak_bytes > 0, "no memory of the GPU was used")
    (session,) = StudyRecord.of(load_study(bench.folder / "runs", "whole", None)).sessions.values()
    print(f"  {time.monotonic() - began:.0f} s in all; {session.machine.words if session.machine else 'no card'}")


def kill(bench: Bench) -> None:
    """Kill the search with its trials in the middle of a training, and go on."""
    process = bench.start("kill", "trial.evaluate_every=1")
    bench.until(lambda: any(len(trial.rungs) >= 2 for trial in bench.trials("kill")), "the second epoch")
    before = max(len(trial.rungs) for trial in bench.trials("kill"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    trials = bench.run("kill", "trial.evaluate_every=1")
    check(all(trial.phase is Phase.FINISHED for trial in trials), "not all trials finished")
    epochs = [tuple(rung.epoch for rung in trial.rungs) for trial in trials]
    check(all(seen == tuple(range(1, 7)) for seen in epochs), f"epochs are missing or twice: {epochs}")
    seconds = time.monotonic() - began
    print(f"  killed after {before} epochs; the same line went on: {len(trials)} whole trials, {seconds:.0f} s")


def memory(bench: Bench) -> None:
    """Run out of the GPU's memory for real, alone and beside another training."""
    large = ("space.size.pixels=640", "space.train.batch=64", "budget.trials=1", "start=[]")
    with hoarding(bench.left_mb):
        (trial,) = bench.run("alone", *large)
    classes = [death.error_class for death in trial.attempts] + [trial.ending.error_class if trial.ending else ""]
    print(f"  with {bench.left_mb} MB left: {classes}, batch by {trial.batch_divisor}, then {trial.phase.value}")
    check(Failure.OUT_OF_DEVICE_MEMORY in classes, "the GPU had memory enough: lower --left-mb")
    shared = ("gpu.share=2", "gpu.memory_mb=1", "workers=2")  # a wrong expectation, so that both are let in
    with hoarding(round(1.5 * bench.left_mb)):
        trials = bench.run("shared", *large, *shared, "budget.trials=2")
    for trial in trials:
        deaths = [death.error_class for death in trial.attempts]
        print(f"  shared: trial {trial.number}: {deaths}, batch by {trial.batch_divisor}, then {trial.phase.value}")


def two(bench: Bench) -> None:
    """Search two studies on one GPU, one after the other, and both at once."""
    for share in (1, 2) if bench.device != "cpu" else (1,):
        began = time.monotonic()
        names = [f"{name}{share}" for name in ("one", "other")]
        processes = [bench.start(name, f"gpu.share={share}", "budget.trials=2") for name in names]
        most = 0
        while any(process.poll() is None for process in processes):
            running = sum(trial.phase is Phase.RUNNING for name in names for trial in bench.trials(name))
            gpus = visible_gpus()
            memory_now = memory_of(gpus[0]) if gpus else None
            most = max(most, len(memory_now.processes) if memory_now else running)
            time.sleep(0.5)
        check(all(process.returncode == 0 for process in processes), f"share {share}: a search failed")
        finished = sum(trial.phase is Phase.FINISHED for name in names for trial in bench.trials(name))
        print(f"  gpu.share={share}: {finished} of 4 trials, at most {most} at once, {time.monotonic() - began:.0f} s")


@contextmanager
def hoarding(left_mb: int) -> Iterator[None]:
    """Take the memory of the first GPU but for so much."""
    line = [sys.executable, "-c", HOG, str(left_mb)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hog:
        assert hog.stdout is not None
        check(hog.stdout.readline().strip() == "hoards", "the GPU's memory could not be taken")
        try:
            yield
        finally:
            hog.kill()


PARTS: dict[str, Callable[[Bench], None]] = {"whole": whole, "kill": kill, "memory": memory, "two": two}


def run_parts(names: Sequence[str], device: str, left_mb: int) -> None:
    """Run the parts that are asked for, each under its name."""
    with tempfile.TemporaryDirectory(prefix="automl-gpu-") as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")  # its leases are its own
        bench = Bench(Path(folder), device, left_mb)
        for name in names:
            print(name, flush=True)
            PARTS[name](bench)


def main() -> None:
    """Read the line and run the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--left-mb", type=int, default=3000)
    parser.add_argument("--processor", action="store_true")
    given = parser.parse_args()
    names = [name for name in given.only.split(",") if not (given.processor and name == "memory")]
    gpus = visible_gpus()
    if not gpus and not given.processor:
        raise SystemExit("; ".join(["no GPU here: nothing was run", *gpu_notes()]))
    for gpu in gpus:
        print(f"GPU {gpu.board}: {gpu.name or 'unknown'}, {gpu.memory_bytes / 1e9:.0f} GB, {gpu.uuid}")
    run_parts(names, "cpu" if given.processor else "0", given.left_mb)


if __name__ == "__main__":
    main()
