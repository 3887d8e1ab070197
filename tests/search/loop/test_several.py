"""Several searching processes on one study, each the installed script: nothing twice, nothing lost."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from fault_harness import Arena
from optuna.trial import FrozenTrial, TrialState
from quick_search import LONG_S, begun, lines_of, plant, run, settings_of, taken, trials_of, wait_until

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from search.loop import search as runner
from search.loop.search import IDLE_S
from search.view.lines import LineView

pytestmark = pytest.mark.seconds

Searcher = subprocess.Popen[str]


@pytest.fixture
def arena(tmp_path: Path) -> Arena:
    return Arena(tmp_path / "arena", trials=2)


@contextmanager
def searching(arena: Arena, processes: int) -> Iterator[list[Searcher]]:
    """Give the arena's line so many times at once; what still searches in the end is killed."""
    with (arena.root / "output.txt").open("a") as log:
        started = [
            subprocess.Popen(
                arena.line, cwd=arena.root, env=arena.environment, stdout=log, stderr=subprocess.STDOUT, text=True
            )
            for _ in range(processes)
        ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def hold(arena: Arena, *trials: int) -> None:
    """Have trials wait in their second epoch."""
    for number in trials:
        (arena.faults / f"trial{number}epoch2-hold-0").touch()


def held(arena: Arena) -> list[int]:
    """Return the trials that wait."""
    return sorted(int(file.name.split("-")[4]) for file in taken(arena.faults, "trial*-hold"))


def go_on(arena: Arena, number: int) -> None:
    for file in taken(arena.faults, f"trial{number}epoch2-hold"):
        file.unlink()


def begins(arena: Arena) -> list[tuple[int, int]]:
    """Return each beginning of a trial's process: the trial, and the searching process that began it."""
    told = [(number, what.split()) for number, _, what in lines_of(arena.folder)]
    return [(number, int(words[2].rstrip(","))) for number, words in told if words[0] == "begins" and number >= 0]


def check(arena: Arena, repeated_max: int = 0) -> list[FrozenTrial]:
    """Check that a study is whole; return its trials."""
    trials = arena.stored()
    assert [(t.number, t.state) for t in trials] == [(n, TrialState.COMPLETE) for n in range(arena.trials)]
    assert set(arena.epochs_trained()) == {
        (n, epoch) for n in range(arena.trials) for epoch in range(1, arena.epochs + 1)
    }
    assert arena.repeated() <= repeated_max
    assert not any(t.user_attrs.get(keys.ATTEMPTS) for t in trials)
    assert "Traceback" not in (arena.root / "output.txt").read_text()
    wait_until(lambda: not arena.processes())
    return trials


@contextmanager
def two_searching(arena: Arena) -> Iterator[list[Searcher]]:
    """Start two searches and wait until each holds one of the first two trials; they come by trial."""
    hold(arena, 0, 1)
    with searching(arena, 2) as searchers:
        wait_until(lambda: held(arena) == [0, 1])
        trial_of = {pid: number for number, pid in begins(arena)}
        yield sorted(searchers, key=lambda process: trial_of[process.pid])


@pytest.mark.slow
def test_two_searches_share_a_budget(arena: Arena) -> None:
    arena.trials = 8
    with two_searching(arena) as searchers:
        go_on(arena, 0)
        go_on(arena, 1)
        assert [process.wait(LONG_S) for process in searchers] == [0, 0]
    check(arena)
    assert {pid for _, pid in begins(arena)} == {process.pid for process in searchers}
    assert sorted(number for number, _ in begins(arena)) == list(range(8))  # none was begun twice
    sessions = [name for name in study_of(arena).user_attrs if name.startswith(keys.SESSION)]
    assert len(sessions) == 2


def study_of(arena: Arena) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.load_study(study_name="smoke", storage=f"sqlite:///{arena.folder / 'study.sqlite3'}")


@pytest.mark.slow
def test_a_killed_search_leaves_its_trial_to_the_other(arena: Arena) -> None:
    with two_searching(arena) as (doomed, survivor):
        os.kill(doomed.pid, signal.SIGKILL)
        doomed.wait()
        go_on(arena, 0)  # nobody waits there any more
        go_on(arena, 1)
        assert survivor.wait(LONG_S) == 0
    check(arena, repeated_max=1)
    assert begins(arena)[2:] == [(0, survivor.pid)]


@pytest.mark.slow
def test_a_stopped_search_is_not_taken_for_dead(arena: Arena) -> None:
    """Its trial is left alone until it goes on: no clock says that it has died."""
    with two_searching(arena) as (stopped, other):
        os.kill(stopped.pid, signal.SIGSTOP)
        go_on(arena, 0)
        go_on(arena, 1)
        wait_until(lambda: arena.stored()[1].state is TrialState.COMPLETE)
        time.sleep(2 * IDLE_S)  # the other one looks for something to do
        assert other.poll() is None  # and waits for what may be left to it
        assert len(begins(arena)) == 2
        assert arena.stored()[0].state is TrialState.RUNNING
        os.kill(stopped.pid, signal.SIGCONT)
        assert [process.wait(LONG_S) for process in (stopped, other)] == [0, 0]
    check(arena)
    assert len(begins(arena)) == 2


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, marks=pytest.mark.slow),
    ],
)
def test_a_search_that_ends_takes_its_trial_along_and_the_same_line_goes_on(
    arena: Arena, number: signal.Signals
) -> None:
    hold(arena, 0)
    with searching(arena, 1) as (searcher,):
        wait_until(lambda: held(arena) == [0])
        searcher.send_signal(number)
        assert searcher.wait(LONG_S) == (-number if number == signal.SIGKILL else 130)
    wait_until(lambda: not arena.processes())
    told = (arena.root / "output.txt").read_text().partition("; go on with: ")[2].partition("\n")[0]
    assert shlex.split(told) == ([] if number == signal.SIGKILL else ["automl", *arena.line[1:]])  # it can be pasted
    go_on(arena, 0)
    with searching(arena, 1) as (searcher,):
        assert searcher.wait(LONG_S) == 0
    check(arena)  # the first epoch is not trained again


@pytest.mark.slow
def test_standard_output_is_the_events_alone(arena: Arena) -> None:
    done = subprocess.run(
        [*arena.line, "--log-format", "json"],
        cwd=arena.root,
        env=arena.environment,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=True,
    )
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert (events[0], events[-1]) == ("search_started", "search_ended")
    assert events.count("trial_ended") == arena.trials
    assert "report.html" in done.stderr  # the words are for people


@pytest.mark.slow
def test_a_process_with_nothing_to_do_waits_for_what_others_leave(
    tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget's last trial is claimed by a process that works on it, until that dies."""
    monkeypatch.setattr(runner, "IDLE_S", 0.1)
    settings = settings_of(tmp_path, "budget.trials=1", "pruner=none")

    class Cut(BaseException):
        pass

    class Cutting(LineView):
        def progress(self, number: int, epoch: int, share: float) -> None:
            if epoch == 3:
                wait_until(lambda: taken(settings.folder / "faults", "trial0epoch3-hold"))
                raise Cut

    plant(settings, "trial0epoch3-hold")
    with pytest.raises(Cut):
        run(settings, blocks, make_view=Cutting)
    code = (
        "import sys; from pathlib import Path; from search.study.claims.kernel_locks import KernelClaims\n"
        "claims = KernelClaims(Path(sys.argv[1])); print(claims.take(0), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(settings.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with begun(settings, blocks) as search:
            looks, done = [], len(lines_of(settings.folder))
            look = search._others_work

            def others_work() -> bool:
                looks.append(look())
                if len(looks) == 3:
                    assert len(lines_of(settings.folder)) == done
                    other.kill()
                    other.wait()
                return looks[-1]

            search._others_work = others_work  # type: ignore[method-assign]  # watched
            search.run()
    assert looks[:3] == [True] * 3
    assert trials_of(search)[0].state is TrialState.COMPLETE
    epochs = Counter(what for _, _, what in lines_of(settings.folder) if what.startswith("epoch"))
    assert epochs == Counter({f"epoch {n}": 1 for n in range(1, 5)})
