"""What a death costs in real training: epochs trained twice and seconds lost, by kind of death.

    PYTHONPATH=tests:tests/benchmarks python tests/benchmarks/kill_cost.py [--kills 12] [--seed 0]

A search of tiny detectors on a few rendered shelves, by the installed script. Trials write down when each piece of
their work begins (`counted_training.py`). At a random moment of a training one death happens: of the trial's process,
of the searching process, of both, by SIGKILL; a SIGSEGV; a SIGKILL with the newest checkpoint cut in half; a SIGSTOP,
which `trial.silence_s` must find. After a death of the search the same line is given again.

Seconds lost are those from when the piece that died was first begun until the same piece was begun again: what was done
in vain, what it took to see it, a new process, and the way back there. A crash or a hang ends its trial: `seconds` are
then those that it had worked, and no epoch is trained twice. Prints a table. The claim: at most one epoch per death.
"""

import argparse
import contextlib
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from counted_training import PIECES
from fault_harness import HERE, LONG_S, Arena
from optuna.trial import TrialState

from objectives.data.shelves.render import render_shelves
from objectives.records import attributes as keys
from objectives.records.failures import Failure

EPOCHS = 8
SILENCE_S = 30
DEATHS = ("trial", "search", "both", "trial", "search", "both", "trial", "search", "both", "crash", "truncated", "hang")
ENDS_ITS_TRIAL = {"crash": Failure.CRASHED, "hang": Failure.TIMED_OUT}
REAL = (
    "trial.run=counted_training:run_trial",
    "trial.train_device=cpu",
    f"trial.silence_s={SILENCE_S}",
    "trial.memory_mb=null",
    "trial.processes_max=64",
    "trial.evaluate_every=1",
)


@dataclass(frozen=True)
class Piece:
    """A piece of a trial's work that was begun: when, by which process, what."""

    began_s: float
    pid: int
    name: str


@dataclass(frozen=True)
class Cost:
    """What one death has cost."""

    death: str
    trial: int
    piece: str
    repeated: int
    seconds: float


@dataclass
class RealArena(Arena):
    """A study of real trainings."""

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the search: its trials find `counted_training`."""
        found = super().environment
        return {**found, "PYTHONPATH": os.pathsep.join((str(HERE / "benchmarks"), found["PYTHONPATH"]))}


def main() -> None:
    """Let the deaths happen and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    deaths = [DEATHS[i % len(DEATHS)] for i in range(options.kills)]
    chance.shuffle(deaths)
    with tempfile.TemporaryDirectory() as name:
        images = render_shelves(Path(name) / "shelves", train=64, val=16, test=4)
        arena = RealArena(Path(name) / "study", options.kills + 1, EPOCHS, overrides=(f"data.root={images}", *REAL))
        costs = [suffer(arena, death, chance) for death in deaths]
        arena.finish()
        print(table(costs, lost(arena, costs)))


def suffer(arena: RealArena, death: str, chance: random.Random) -> Cost:
    """Let one death happen to a trial that has not seen one yet, and return what it has cost."""
    number, epoch_s = _in_training(arena, chance.randint(2, EPOCHS))
    time.sleep(chance.uniform(0, epoch_s))
    at_death = pieces(arena, number)
    before = max(at_death, key=lambda piece: piece.began_s)
    HAPPENS[death](arena, before.pid, arena.folder / "trials" / f"{number:05d}")
    if death in ENDS_ITS_TRIAL:
        _wait(arena, lambda: arena.stored()[number].state is TrialState.FAIL)
        worked_s = time.time() - at_death[0].began_s
        return told(Cost(death, number, before.name, 0, worked_s))
    _wait(arena, lambda: any(piece.pid != before.pid and piece.name == before.name for piece in pieces(arena, number)))
    after = [piece for piece in pieces(arena, number) if piece.pid != before.pid]
    again = {piece.name for piece in after if piece.name.startswith("epoch-")} & {piece.name for piece in at_death}
    back = next(piece for piece in after if piece.name == before.name)
    first = next(piece for piece in at_death if piece.name == before.name)
    return told(Cost(death, number, before.name, len(again), back.began_s - first.began_s))


def told(cost: Cost) -> Cost:
    """Print a cost as it comes."""
    print(cost, flush=True)
    return cost


def pieces(arena: RealArena, number: int) -> list[Piece]:
    """Return the pieces that a trial has begun."""
    log = arena.folder / "trials" / f"{number:05d}" / PIECES
    lines = log.read_text().splitlines() if log.exists() else []
    return [Piece(float(at), int(pid), name) for at, pid, name in (line.split() for line in lines)]


def _in_training(arena: RealArena, epoch: int) -> tuple[int, float]:
    """Wait for an epoch of a trial that no death has come to; return its number, and how long its last epoch took."""
    number = len(list(arena.folder.glob(f"trials/*/{PIECES}")))
    _wait(arena, lambda: any(piece.name == f"epoch-{epoch}" for piece in pieces(arena, number)))
    before, now = (piece.began_s for piece in pieces(arena, number)[-2:])
    return number, now - before


def _wait(arena: RealArena, holds: Callable[[], bool]) -> None:
    """Wait until something holds, while the line is given again whenever the search has died."""
    end = time.monotonic() + 2 * LONG_S
    while not holds():
        assert time.monotonic() < end, (arena.root / "output.txt").read_text()[-3000:]
        if not arena.is_running:
            arena.start()
        time.sleep(0.02)


def _kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _kill_search(arena: RealArena) -> None:
    assert arena.searcher is not None
    arena.searcher.kill()
    arena.searcher.wait()


def _kill_both(arena: RealArena, pid: int) -> None:
    _kill(pid)
    _kill_search(arena)


def _kill_and_truncate(pid: int, folder: Path) -> None:
    """Cut the newest checkpoint in half, as a disk might, once the process is gone."""
    os.kill(pid, signal.SIGSTOP)
    for checkpoint in folder.glob("training-*/checkpoint.pt"):
        checkpoint.write_bytes(checkpoint.read_bytes()[: checkpoint.stat().st_size // 2])
    _kill(pid)


HAPPENS: dict[str, Callable[[RealArena, int, Path], None]] = {
    "trial": lambda _arena, pid, _folder: _kill(pid),
    "search": lambda arena, _pid, _folder: _kill_search(arena),
    "both": lambda arena, pid, _folder: _kill_both(arena, pid),
    "crash": lambda _arena, pid, _folder: _kill(pid, signal.SIGSEGV),
    "truncated": lambda _arena, pid, folder: _kill_and_truncate(pid, folder),
    "hang": lambda _arena, pid, _folder: _kill(pid, signal.SIGSTOP),
}


def lost(arena: RealArena, costs: list[Cost]) -> set[int]:
    """Return the trials that have not ended as they should; check that no other has, and that nothing is left."""
    expected = {cost.trial: ENDS_ITS_TRIAL.get(cost.death) for cost in costs}
    found = {trial.number: trial.user_attrs[keys.ENDING]["error_class"] or None for trial in arena.stored()}
    assert found.keys() == set(range(arena.trials))
    assert not list(arena.folder.glob("trials/*/training-*"))
    psutil.wait_procs(arena.processes(), timeout=10)
    assert not arena.processes()
    return {number for number, failure in found.items() if failure != expected.get(number)}


def table(costs: list[Cost], lost: set[int]) -> str:
    """Return the costs by kind of death; `lost` are the trials that are not as they should be."""
    lines = [f"{'death':10} {'times':>6} {'lost':>5} {'repeated':>9} {'most':>5} {'seconds, median':>16} {'most':>7}"]
    for death in sorted({cost.death for cost in costs}):
        of = [cost for cost in costs if cost.death == death]
        seconds = sorted(cost.seconds for cost in of)
        repeated = [cost.repeated for cost in of]
        lines.append(
            f"{death:10} {len(of):6} {sum(cost.trial in lost for cost in of):5} {sum(repeated):9} {max(repeated):5} "
            f"{seconds[len(seconds) // 2]:16.1f} {seconds[-1]:7.1f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
