"""Heartbeat: signs of life at most once a second, at every epoch's beginning, and while waiting."""

import threading
import time
from pathlib import Path

import pytest

from objectives.machine.device_locks import exclusive
from objectives.records.records import Accuracy, Latency, Resources, Rung
from objectives.trial.heartbeat import Heartbeat
from objectives.trial.job import RungDecision, TrialListener

pytestmark = pytest.mark.seconds


class Listener(TrialListener):
    def __init__(self) -> None:
        self.signs: list[tuple[int, float]] = []

    def progress(self, epoch: int, share: float) -> None:
        self.signs.append((epoch, share))

    def stage(self, name: str) -> None: ...
    def latency(self, latency: Latency, trained: bool) -> None: ...
    def accuracy(self, accuracy: Accuracy) -> None: ...
    def resources(self, resources: Resources) -> None: ...
    def warning(self, text: str) -> None: ...
    def rung(self, rung: Rung) -> RungDecision:
        return RungDecision.GO_ON


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_signs_are_given_once_a_second_and_at_every_epoch() -> None:
    listener = Listener()
    heartbeat = Heartbeat(listener, ["cpu"], first_epoch=3)
    with heartbeat.devices.working():
        heartbeat.epoch(3)
        for i in range(1000):
            heartbeat.batch(i / 1000)
        heartbeat.epoch(4)
        time.sleep(1.05)
        heartbeat.batch(0.25)
    assert listener.signs == [(3, 0.0), (4, 0.0), (4, 0.25)]


@pytest.mark.slow
def test_signs_go_on_while_waiting_and_the_clock_stands_still() -> None:
    listener = Listener()
    heartbeat = Heartbeat(listener, ["cpu"])
    measuring, done = threading.Event(), threading.Event()

    def measure() -> None:
        with exclusive(["cpu"]):
            measuring.set()
            done.wait(20)

    with heartbeat.devices.working():
        heartbeat.epoch(1)
        began, worked = time.perf_counter(), heartbeat.work_s()
        measurer = threading.Thread(target=measure)
        measurer.start()
        threading.Timer(2.3, done.set).start()
        while not measuring.is_set():
            heartbeat.batch(0.5)
            time.sleep(0.01)
        heartbeat.batch(0.5)
        measurer.join()
        waited_s = time.perf_counter() - began
        assert waited_s > 2.2
        assert heartbeat.work_s() - worked < waited_s - 1.5
    assert listener.signs[0] == (1, 0.0)
    assert 2 <= len(listener.signs[1:]) <= 4
    assert set(listener.signs[1:]) == {(1, 0.5)}
