"""Many workers on one PostgreSQL: is a trial lost or done twice, what does choosing cost, and the database, and memory?

    PYTHONPATH=tests python tests/benchmarks/many_workers.py [--workers 64] [--trials 2000] [--sampler random]
        [--trial-s 5] [--folders 1] [--settings store.artifacts=...]

Each worker is a searching process of its own that joins the study as `automl search` does. Its trials run in it and
only sleep, for `--trial-s` seconds on average: what is measured is the cost of the search, not of training. With so
many workers on few cores the sleep decides how busy the machine is: `trials_per_s` x `search_cpu_ms` is the share of
the cores that the workers want. `--folders` spreads them over so many folders, as machines with disks of their own;
that needs claims in the database and an artifact store, which `--settings` can name.

Prints one JSON line: percentiles of `ask_ms` (read the trials, decide, ask, sample, store the values) alone and with
waiting for this process's turn; per trial milliseconds in statements and commits of the database (`database_ms`), their
number, and milliseconds of processor time of the searching process; memory of a worker when it began its first trial
and in the end. All of it but memory is of the time from when the last worker had entered until a worker's last choice.
It fails if a trial is lost, failed, or was begun twice.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from objectives.records.records import Ending
    from objectives.trial.job import TrialJob, TrialListener
    from search.loop.search import Search

PRELOADED = ("search.loop.run", "search.samplers.peers", "search.engine.known_latency", "search.workers.inline")
TRIAL_S = "AUTOML_TRIAL_S"  # seconds that a trial sleeps, on average


@dataclass
class Seen:
    """What one worker has seen.

    Attributes:
        choices: what there was at each choice of a trial.
        database_ms: of all statements and commits so far.
        statements: number of these.
        memory_kb: resident, at the first trial and in the end.
        began_s: when it had entered the study, in seconds since 1970.
    """

    choices: list["Choice"] = field(default_factory=list)
    database_ms: float = 0.0
    statements: int = 0
    memory_kb: list[float] = field(default_factory=list)
    began_s: float = 0.0


@dataclass
class Choice:
    """A choice of a trial; all but its first three figures are of the process until then.

    Attributes:
        number: of the trial.
        ask_ms: of the choice in its turn.
        turn_ms: the same with waiting for the turn.
        at_s: when, in seconds since 1970.
        database_ms: of all statements and commits.
        statements: number of these.
        cpu_ms: of the process.
    """

    number: int
    ask_ms: float
    turn_ms: float
    at_s: float
    database_ms: float
    statements: int
    cpu_ms: float


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--sampler", default="random", choices=("random", "known_latency"))
    parser.add_argument("--trial-s", type=float, default=5.0)
    parser.add_argument("--folders", type=int, default=1)
    parser.add_argument("--settings", nargs="*", default=[])
    options = parser.parse_args()
    from postgres_server import postgres_server

    os.environ[TRIAL_S] = str(options.trial_s)
    with postgres_server() as server, tempfile.TemporaryDirectory() as name:
        url = server.url(server.new_database())
        lines = [line_of(Path(name), number, url, options) for number in range(options.workers)]
        seen = searched(lines)
        check(url, options.trials, seen)
        print(json.dumps({**vars(options), "cores": os.cpu_count(), **told(seen)}))


def line_of(root: Path, worker: int, url: str, options: argparse.Namespace) -> list[str]:
    """Return the settings of a worker."""
    from fault_harness import Arena, write_images

    arena = Arena.__new__(Arena)  # its line alone; all workers share one data set
    arena.root, arena.trials, arena.epochs, arena.workers, arena.overrides = root, options.trials, 2, 1, ()
    if worker == 0:
        write_images(root / "data")
    pruner = "gain" if options.sampler == "known_latency" else "none"
    return [
        *arena.line[2:],
        f"store.folder={root / f'machine-{worker % options.folders}'}",
        f"store.url={url}",
        "trial.backend=inline",
        "trial.run=many_workers:run_trial",
        f"sampler={options.sampler}",
        f"pruner={pruner}",
        *options.settings,
    ]


def searched(lines: list[list[str]]) -> list[Seen]:
    """Run a worker by each line, the first one a little ahead, and return what they saw."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    receivers, workers = [], []
    for line in lines:
        receiver, sender = context.Pipe(duplex=False)
        workers.append(context.Process(target=work, args=(line, sender)))
        receivers.append(receiver)
        workers[-1].start()
        sender.close()
        time.sleep(5.0 if len(workers) == 1 else 0.1)  # the first makes the study
    found: list[Seen] = [receiver.recv() for receiver in receivers]
    for worker in workers:
        worker.join()
    return found


def work(line: list[str], sender: Any) -> None:
    """Search in this process, and send what was seen."""
    from search.loop.run import open_search, run_to_its_end
    from search.settings.dataset import load_data
    from search.settings.settings import load_settings
    from search.view.base import View

    class Silent(View):
        """Shows nothing."""

    seen = Seen()
    settings = load_settings(line)
    with open_search(settings, load_data(settings.data), Silent()) as opened:
        watch(opened, seen)
        seen.began_s = time.time()
        run_to_its_end(opened)
        seen.memory_kb.append(memory_kb())
    sender.send(seen)
    sender.close()


def watch(opened: "Search", seen: Seen) -> None:
    """Have a search note what it does."""
    watch_database(opened.study._storage._backend.engine, seen)  # type: ignore[attr-defined]  # SearchStorage's
    alone, next_trial, waits = opened.claims.alone, opened._next_trial, [0.0, 0.0]

    @contextmanager
    def timed_alone() -> Iterator[None]:
        asked = time.perf_counter()
        with alone():
            waits[:] = asked, time.perf_counter()
            yield

    def timed_next(trials: Any) -> Any:
        chosen = next_trial(trials)
        if chosen is not None:
            turn_ms, ask_ms = (1000 * (time.perf_counter() - since) for since in waits)
            so_far = time.time(), seen.database_ms, seen.statements, 1000 * time.process_time()
            seen.choices.append(Choice(chosen.number, ask_ms, turn_ms, *so_far))
            if not seen.memory_kb:
                seen.memory_kb.append(memory_kb())
        return chosen

    opened.claims.alone = timed_alone  # type: ignore[method-assign]  # timed in place
    opened._next_trial = timed_next  # type: ignore[method-assign]  # timed in place


def watch_database(engine: Any, seen: Seen) -> None:
    """Have what an engine executes and commits noted."""
    from sqlalchemy import event

    began = [0.0]

    def begin(*_: object) -> None:
        began[0] = time.perf_counter()

    def end(*_: object) -> None:
        seen.database_ms += 1000 * (time.perf_counter() - began[0])
        seen.statements += 1

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    for name in ("do_commit", "do_rollback"):
        setattr(engine.dialect, name, timed(getattr(engine.dialect, name), seen))


def timed(call: Callable[[Any], None], seen: Seen) -> Callable[[Any], None]:
    """Return a call whose milliseconds are the database's."""

    def noted(connection: Any) -> None:
        began = time.perf_counter()
        call(connection)
        seen.database_ms += 1000 * (time.perf_counter() - began)

    return noted


def memory_kb() -> float:
    """Return the resident memory of this process."""
    import psutil

    return float(psutil.Process().memory_info().rss / 1024)


def check(url: str, trials: int, seen: list[Seen]) -> None:
    """Check that each trial is there once, finished, and was begun once."""
    import optuna
    from fault_harness import NAME
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    stored = optuna.load_study(study_name=NAME, storage=url).get_trials(deepcopy=False)
    ended = {TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING}  # paused ones run, for Optuna
    assert [trial.number for trial in stored] == list(range(trials)), len(stored)
    assert {trial.state for trial in stored} <= ended, Counter(trial.state for trial in stored)
    begun = Counter(number for one in seen for number in {choice.number for choice in one.choices})
    assert begun.keys() == set(range(trials))
    if all(trial.state is TrialState.COMPLETE for trial in stored):  # no trial was paused and taken up by another
        assert begun.total() == trials, [number for number, times in begun.items() if times > 1]


def told(seen: list[Seen]) -> dict[str, Any]:
    """Return the figures."""
    all_in = max(one.began_s for one in seen)
    kept = [[choice for choice in one.choices if choice.at_s > all_in] for one in seen]
    spans = [(choices[0], choices[-1], len(choices) - 1) for choices in kept if len(choices) > 1]
    asked = [choice for choices in kept for choice in choices]
    trials = sum(count for _, _, count in spans)

    def per_trial(figure: Callable[[Choice], float]) -> float:
        return round(sum(figure(last) - figure(first) for first, last, _ in spans) / trials, 1)

    return {
        "trials_counted": trials,
        "trials_per_s": round(len(asked) / (max(choice.at_s for choice in asked) - all_in), 2),
        "ask_ms": spread([choice.ask_ms for choice in asked]),
        "ask_with_turn_ms": spread([choice.turn_ms for choice in asked]),
        "database_ms_per_trial": per_trial(lambda choice: choice.database_ms),
        "statements_per_trial": per_trial(lambda choice: choice.statements),
        "search_cpu_ms_per_trial": per_trial(lambda choice: choice.cpu_ms),
        "memory_mb_first": round(statistics.median(one.memory_kb[0] for one in seen) / 1024, 1),
        "memory_mb_end": round(statistics.median(one.memory_kb[-1] for one in seen) / 1024, 1),
    }


def spread(values: list[float]) -> dict[str, float]:
    """Return median, 95th and 99th percentile and largest."""
    cuts = statistics.quantiles(values, n=100)
    return {name: round(ms, 1) for name, ms in zip(("p50", "p95", "p99"), (cuts[49], cuts[94], cuts[98]), strict=True)}


def run_trial(job: "TrialJob", listener: "TrialListener") -> "Ending | None":
    """Sleep, as a trial that trains on another device; what it measures is a formula of its candidate."""
    from objectives.records.records import Accuracy, Ending, Latency, Outcome, Resources, Rung
    from objectives.trial.job import RungDecision

    chance = int(job.candidate.fingerprint[:8], 16) / 16**8
    pixels = float(str(job.candidate["size.pixels"]))
    p50_ms, quality = pixels / 64 * (0.5 + chance), 0.2 + 0.3 * chance + pixels / 2000
    latency = Latency(p50_ms, 1.2 * p50_ms, p50_ms, p50_ms, p50_ms, 60, 1.0, True, "", job.device.fingerprint, 10**8)
    mean_s = float(os.environ[TRIAL_S])
    if job.latency is None:
        listener.latency(latency, trained=False)
    if job.measure_only:
        return None
    for epoch in range(job.reported_epoch + 1, job.epochs + 1):
        time.sleep(mean_s * (0.5 + chance) / job.epochs)
        seen = quality * epoch / job.epochs
        word = listener.rung(Rung(epoch, seen, seen, mean_s * epoch, 1.0, epoch < job.epochs))
        if word is not RungDecision.GO_ON:
            return None if word is RungDecision.PAUSE else Ending(Outcome.STOPPED, "at a rung")
    listener.latency(latency, trained=True)
    listener.accuracy(Accuracy(quality, quality, {}, job.split, len(job.images)))
    listener.resources(Resources(10**6, 10**8, 10**6, 10**8, {"train": mean_s, "score": 0.1}))
    return Ending(Outcome.FINISHED, "")


if __name__ == "__main__":
    main()
