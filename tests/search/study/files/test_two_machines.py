"""Two machines, as it were: the installed script in two folders, one PostgreSQL, one S3 server; what dies goes on."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import optuna
import pytest
import torch
from fault_harness import NAME, Arena
from postgres_server import PostgresServer
from s3_server import S3Server

from objectives.records.artifacts.stored_files import artifacts_of
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from search.loop.housekeeping import GONE_S
from search.study.files.place import ArtifactPlace, open_place
from search.study.files.sweep import needed

pytestmark = [pytest.mark.slow, pytest.mark.seconds]

CHECKPOINT = "training-1/checkpoint.pt"
EPOCHS = 40
LONG_S = 60.0


class Lab:
    """Two machines with one study."""

    def __init__(self, root: Path, postgres: PostgresServer, bucket: str) -> None:
        self.url, self.place = postgres.url(postgres.new_database()), open_place(bucket)
        of_both = (f"store.url={self.url}", f"store.artifacts={bucket}", "store.lease_s=2", "baseline=none")
        self.machines = [
            Arena(root / name, trials=2, epochs=EPOCHS, epoch_s=0.1, overrides=of_both) for name in ("one", "two")
        ]

        self.storage = optuna.storages.RDBStorage(self.url)

    @property
    def study(self) -> optuna.Study:
        return optuna.load_study(study_name=NAME, storage=self.storage)

    def trial(self, number: int) -> TrialRecord | None:
        """Return a trial; None before it is there."""
        if NAME not in optuna.get_all_study_names(self.storage):
            return None
        return dict(enumerate(trial_records(self.study))).get(number)


@pytest.fixture
def lab(tmp_path: Path, postgres: PostgresServer, bucket: str) -> Iterator[Lab]:
    lab = Lab(tmp_path, postgres, f"{bucket}/{uuid4().hex}")
    try:
        yield lab
    finally:
        for machine in lab.machines:
            for process in machine.processes():
                process.kill()
        lab.storage.engine.dispose()


def wait_until(what: Callable[[], object], seconds: float = LONG_S) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)


def epoch_of(place: ArtifactPlace, trial: TrialRecord) -> int:
    """Return the epoch of the checkpoint that a trial lists."""
    content = b"".join(place.read(trial.files[CHECKPOINT].object))
    return int(torch.load(io.BytesIO(content), weights_only=True)["epoch"])


@contextmanager
def frozen(s3: S3Server) -> Iterator[None]:
    s3.freeze()
    try:
        yield
    finally:
        s3.thaw()


def test_what_a_kill_cuts_goes_on_elsewhere_from_the_last_checkpoint_that_is_listed(lab: Lab, s3: S3Server) -> None:
    one, two = lab.machines
    one.start()
    wait_until(lambda: (trial := lab.trial(0)) is not None and CHECKPOINT in trial.files)
    with frozen(s3):
        trained = len(one.epochs_trained())
        wait_until(lambda: len(one.epochs_trained()) >= trained + 10)  # the bucket is away, the training is not
        for process in one.processes():
            process.kill()
    cut = lab.trial(0)
    assert cut is not None
    assert cut.phase is Phase.RUNNING
    listed = epoch_of(lab.place, cut)
    two.finish()
    trials = trial_records(lab.study)
    assert [trial.phase for trial in trials] == [Phase.FINISHED] * 2
    of_cut = sorted(epoch for number, epoch in two.epochs_trained() if number == 0)
    assert of_cut == list(range(listed + 1, EPOCHS + 1))
    assert max(two.epochs_trained().values()) == 1
    study = lab.study
    dead = StudyRecord.of(study).sessions[0]  # silent for long, by now
    long_ago = [[second - 2 * GONE_S for second in span] for span in dead.spans]
    StudyWriter(study).session(0, replace(dead, spans=long_ago))
    one.finish()  # nothing is left to do but to remove what the dead process has left
    artifacts = artifacts_of(study)
    assert artifacts is not None
    assert set(lab.place.names(f"{artifacts.prefix}/")) == needed(study)


def test_two_machines_search_at_once(lab: Lab) -> None:
    one, two = lab.machines
    for machine in lab.machines:
        machine.start()
    for machine in lab.machines:
        machine.finish()
    trials = trial_records(lab.study)
    assert [trial.phase for trial in trials] == [Phase.FINISHED] * 2
    trained = one.epochs_trained() + two.epochs_trained()
    assert trained == dict.fromkeys(((n, epoch) for n in range(2) for epoch in range(1, EPOCHS + 1)), 1)
    assert one.epochs_trained()
    assert two.epochs_trained()
    assert set(lab.place.names("")) == needed(lab.study)
