"""Two machines, one study: the one without the device trains and asks, the one that has it measures."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import SCRIPT
from machines import needs_machines, on_machine
from postgres_server import PostgresServer, postgres_server
from quick_search import wait_until
from small_data import CARD, yolo

from objectives.records.trial_record import Phase, TrialRecord, trial_records
from search.study.store import load_study

pytestmark = [needs_machines, pytest.mark.seconds, pytest.mark.slow]
BENCH, TRAINER = "Bench CPU", "Trainer CPU"
QUICK = (
    *("trial.run=measuring_trainer:run_trial", "trial.epochs=1", "trial.train_device=cpu", "store.free_mb_min=1"),
    *("latency.images_min=10", "latency.cap_s=0.3", "latency.warmup_s=0.05", "latency.interval=9.0"),
    *("experience=none", "sampler=random", "pruner=none", "space.size.pixels=range(64,257,32)", "data.check=off"),
)
LONG_S = 120.0


class Study:
    """A study in a folder that both machines see."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder, self.more = folder, more
        labels = {f"{split}/{i}": "0 0.5 0.5 0.4 0.4" for split in ("train", "val") for i in range(4)}
        self.data = yolo(folder / "data", labels, CARD)

    def line(self, processor: str, *words: str) -> list[str]:
        return [*on_machine(self.folder, processor), str(SCRIPT), *words]

    def search(self, processor: str, trials: int, *words: str) -> list[str]:
        budget = (f"data.root={self.data}", f"budget.trials={trials}")
        return self.line(
            processor, "search", "--log-format", "plain", "conf=smoke", *QUICK, *budget, *self.more, *words
        )

    def measure(self, processor: str, *words: str) -> list[str]:
        return self.line(processor, "measure", "smoke", *[w for w in self.more if w.startswith("store.url")], *words)

    def run(self, line: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(line, cwd=self.folder, capture_output=True, text=True, timeout=LONG_S, check=False)

    @contextmanager
    def beside(self, line: list[str], log: str) -> Iterator["subprocess.Popen[bytes]"]:
        with (self.folder / log).open("ab") as out:
            process = subprocess.Popen(line, cwd=self.folder, stdout=out, stderr=out)
            try:
                yield process
            finally:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(LONG_S)
                finally:
                    process.kill()

    def text(self, log: str) -> str:
        return (self.folder / log).read_text()

    def trials(self) -> list[TrialRecord]:
        url = next((word.partition("=")[2] for word in self.more if word.startswith("store.url")), None)
        study = load_study(self.folder / "runs", "smoke", url)
        try:
            return trial_records(study)
        finally:
            getattr(study._storage, "_backend", study._storage).engine.dispose()

    def made_on_the_bench(self) -> "Study":
        done = self.run(self.search(BENCH, 1))
        assert done.returncode == 0, done.stderr
        return self


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def check_all_by_one_device(trials: list[TrialRecord], count: int, others: int) -> None:
    """Check that trials are finished, with figures of one device, so many of them by order of another machine."""
    assert [trial.phase for trial in trials] == count * [Phase.FINISHED]
    figures = [figure for trial in trials for figure in (trial.latency_untrained, trial.latency)]
    assert len({figure.device for figure in figures if figure}) == 1
    asked = [trial for trial in trials if trial.latency and trial.latency.measured_by == os.uname().nodename]
    assert len(asked) == others


@pytest.mark.usefixtures("cache")
def test_a_machine_without_the_device_joins_where_somebody_measures(tmp_path: Path) -> None:
    study = Study(tmp_path).made_on_the_bench()
    alone = study.run(study.search(TRAINER, 3))  # the study may as well have been moved here
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "was made with another device" in alone.stderr
    assert "device: processor: Bench CPU -> Trainer CPU" in alone.stderr
    with study.beside(study.measure(BENCH), "measure.txt") as process:
        wait_until(lambda: "Ctrl-C ends" in study.text("measure.txt"))
        refused = study.run(study.search(TRAINER, 3, "queue.elsewhere=never"))
        assert "was made with another device" in refused.stderr
        done = study.run(study.search(TRAINER, 3))
        assert done.returncode == 0, done.stderr
        assert process.wait(LONG_S) == 0  # the budget is the one that the study was made with
    differs = "device=cpu: another machine has it (processor Bench CPU -> Trainer CPU here); the study's queue is asked"
    assert differs in re.sub(r"\s+", " ", done.stdout)
    check_all_by_one_device(study.trials(), 3, 2)
    said = study.text("measure.txt").splitlines()
    assert (
        len([line for line in said if re.match(r"order \d+ on cpu: p50 .* ms, p95 .* ms.*\[\d+\.\d+ s\]$", line)]) == 4
    )
    assert said[-1].startswith("The budget of study 'smoke' is used; 4 measured here.")


@pytest.mark.usefixtures("cache")
def test_a_search_on_the_machine_that_has_the_device_measures_beside_its_own_trials(tmp_path: Path) -> None:
    study = Study(tmp_path)
    with study.beside(study.search(BENCH, 12), "bench.txt") as bench:
        wait_until(lambda: "1/12" in study.text("bench.txt"))
        with study.beside(study.search(TRAINER, 12, "workers=2"), "trainer.txt") as trainer:
            assert trainer.wait(LONG_S) == 0
            assert bench.wait(LONG_S) == 0
    trials = study.trials()
    asked = sum(bool(trial.latency and trial.latency.measured_by) for trial in trials)
    check_all_by_one_device(trials, 12, asked)
    assert 1 <= asked <= 11
    note = "latencies on cpu are measured here for machines that have another device"
    assert study.text("bench.txt").count(note) == 1


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.mark.usefixtures("cache")
def test_trials_wait_for_whoever_measures_and_are_taken_up_again(tmp_path: Path, server: PostgresServer) -> None:
    """By a database server: claims reach other machines, so who joins may come before who measures."""
    study = Study(tmp_path, f"store.url={server.url(server.new_database())}", "queue.wait_s=1").made_on_the_bench()
    with study.beside(study.search(TRAINER, 3), "trainer.txt") as trainer:
        line = "no machine that has it measures for this study; there give: automl measure smoke --store postgresql"
        wait_until(lambda: line in re.sub(r"\s+", " ", study.text("trainer.txt")))
        first, *others = study.trials()
        assert first.phase is Phase.FINISHED
        assert all(trial.latency is None for trial in others)
        with study.beside(study.measure(BENCH), "measure.txt"):
            assert trainer.wait(LONG_S) == 0
    assert study.text("trainer.txt").count("its trials wait and are taken up again") == 1
    check_all_by_one_device(study.trials(), 3, 2)


@pytest.mark.usefixtures("cache")
def test_machines_with_folders_of_their_own_send_files_by_the_artifact_store(
    tmp_path: Path, server: PostgresServer
) -> None:
    url = server.url(server.new_database())
    study = Study(tmp_path, f"store.url={url}", f"store.artifacts={tmp_path / 'artifacts'}").made_on_the_bench()
    with study.beside(study.measure(BENCH), "measure.txt"):
        wait_until(lambda: "Ctrl-C ends" in study.text("measure.txt"))
        done = study.run(study.search(TRAINER, 3, "store.folder=own"))
        assert done.returncode == 0, done.stderr
    check_all_by_one_device(study.trials(), 3, 2)
    assert not (tmp_path / "runs" / "smoke" / "queue").exists()
    assert not (tmp_path / "own" / "smoke" / "queue").exists()
    assert [path for path in (tmp_path / "artifacts" / "queue").rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("cache")
def test_a_real_trial_asks_and_goes_on(tmp_path: Path) -> None:
    real = "trial.run=objectives.trial.trial:run_trial"
    study = Study(tmp_path, real).made_on_the_bench()
    with study.beside(study.measure(BENCH), "measure.txt"):
        wait_until(lambda: "Ctrl-C ends" in study.text("measure.txt"))
        done = study.run(study.search(TRAINER, 2))
        assert done.returncode == 0, done.stderr
    check_all_by_one_device(study.trials(), 2, 1)
