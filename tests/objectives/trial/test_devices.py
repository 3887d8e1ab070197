"""A real trial on two devices: measured on each, in one process; stopped only by what no device would take."""

from dataclasses import replace
from pathlib import Path

import pytest
from defaults import CPU
from recorder import Event, Recorder
from small_jobs import quick_job, tiny_candidate

from objectives.data.dataset import Dataset
from objectives.records.gate import Gate
from objectives.records.records import Latency, Outcome
from objectives.trial.bounds import stopped_by, stopped_words
from objectives.trial.job import TrialJob
from objectives.trial.trial import _Trial, run_trial

pytestmark = pytest.mark.slow  # two runtimes' processes for each figure
TWO = replace(CPU, name="two", threads=2)


class OnDevices(Recorder):
    """Keeps what was measured on further devices, too."""

    def latency_on(self, device: str, latency: Latency, trained: bool) -> None:
        self._keep("latency_on", device, latency, trained)


def job(dataset: Dataset, folder: Path, gate: Gate = Gate(), **more: object) -> TrialJob:  # noqa: B008  # frozen
    return quick_job(dataset, folder, tiny_candidate(), more_devices=(TWO,), gate=gate, **more)


def measured(events: list[Event]) -> list[tuple[object, ...]]:
    """Return each measurement: the device's name, its fingerprint in the figure, and whether it was trained."""
    found = []
    for event in events:
        if event[0] == "latency":
            found.append((CPU.name, event[1].device, event[2]))
        elif event[0] == "latency_on":
            found.append((event[1], event[2].device, event[3]))
    return found


def test_a_trial_is_measured_on_each_device_before_and_after_its_training(few_blocks: Dataset, tmp_path: Path) -> None:
    told = OnDevices()
    ending = run_trial(job(few_blocks, tmp_path), told)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    one, two = ("two", TWO.fingerprint), (CPU.name, CPU.fingerprint)
    assert measured(told.events) == [(*one, False), (*two, False), (*one, True), (*two, True)]
    assert len(told.of("rung")) == 2
    assert len(told.of("accuracy")) == 1


def test_what_is_known_already_is_not_measured_again(few_blocks: Dataset, tmp_path: Path) -> None:
    told = OnDevices()
    work = job(few_blocks, tmp_path, measure_only=True)
    run_trial(work, told)
    (first,), ((_, _, second, _),) = told.of("latency"), [e for e in told.events if e[0] == "latency_on"]
    again = OnDevices()
    run_trial(replace(work, latency=first, latencies={"two": second}), again)
    assert measured(again.events) == []
    run_trial(replace(work, latency=first), again)
    assert measured(again.events) == [("two", TWO.fingerprint, False)]


@pytest.mark.parametrize(
    ("of_two", "on_all", "stops"),
    [(1e-6, False, "cpu; breaks p50 <= 1e-06 ms; p50"), (1e6, False, ""), (1e6, True, "cpu; breaks p50 <= 1e-06 ms")],
)  # fmt: skip
def test_a_bound_of_one_device_stops_a_trial_only_where_all_are_wanted(
    few_blocks: Dataset, tmp_path: Path, of_two: float, on_all: bool, stops: str
) -> None:
    told = OnDevices()
    gate = Gate(p50_ms_max=1e-6, devices={"two": {"p50_ms_max": of_two}})
    work = job(few_blocks, tmp_path, gate, on_all=on_all)
    run_trial(replace(work, measure_only=True), told)
    found = [*told.of("latency"), *(event[2] for event in told.events if event[0] == "latency_on")]
    broken = stopped_by(work, found)
    assert bool(broken) == bool(stops)
    assert stops in stopped_words(work, found, broken)
    if stops:
        ending = run_trial(work, OnDevices())
        assert ending is not None
        assert ending.outcome == Outcome.OVER_BOUND
        assert ending.reason.count("breaks") == (1 if on_all else 2)


def test_a_trial_gives_way_on_all_of_its_devices(few_blocks: Dataset, tmp_path: Path) -> None:
    board = replace(CPU, name="board", runtime="openvino", provider="GPU")
    work = replace(job(few_blocks, tmp_path), more_devices=(board,))
    trial = _Trial(work, OnDevices(), frozenset())
    assert trial.devices.keys == ["GPU", "cpu"]  # always in this order: no two trials wait for each other
