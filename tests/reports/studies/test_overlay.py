"""Studies over one another as plain data: refused in words where they cannot be compared."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from objectives.records.front import hypervolume
from reports.studies.overlay import MOST, best_within, hindrance_of, lay_over, shared_devices, volume_at
from reports.table.table import StudyTable
from spaces.errors import AutomlError


@pytest.fixture
def pair(report_table: Callable[..., StudyTable]) -> tuple[StudyTable, StudyTable]:
    return replace(report_table(60), name="one"), replace(report_table(40, seed=2), name="two")


def other(table: StudyTable, **fingerprints: str) -> StudyTable:
    return replace(table, fingerprints={**table.fingerprints, **fingerprints})


def test_studies_of_one_data_set_and_device(pair: tuple[StudyTable, StudyTable]) -> None:
    found = lay_over(pair)
    assert (found.device, found.devices, found.notes) == ("shelf camera", ("shelf camera",), ())
    assert found.reference is not None
    for table, steps in zip(found.tables, found.volumes, strict=True):
        maps, latencies = zip(*((row.map, row.p50_ms) for row in table.finished), strict=True)
        assert steps[-1].hypervolume == pytest.approx(hypervolume(maps, latencies, found.reference))
        assert [step.seconds for step in steps] == sorted(step.seconds for step in steps)
        assert volume_at(steps, steps[-1].seconds) == steps[-1].hypervolume
        assert volume_at(steps, 0.0) == 0.0


def test_the_best_within_a_latency(pair: tuple[StudyTable, StudyTable]) -> None:
    front = pair[0].front
    for limit in (front[0].p50_ms, front[3].p50_ms, 1e9):
        assert limit is not None
        within = [row.map or 0 for row in pair[0].finished if (row.p50_ms or 0) <= limit]
        best = best_within(front, limit)
        assert best is not None
        assert best.map == max(within)
    assert best_within(front, 1e-9) is None


DIFFERING: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "data": (
        {"data": "contents-0011223344556677"},
        {},
        "have other data: shelves (da7a01) and shelves (0011223344556677): their images or labels differ",
    ),
    "another data set": (
        {"data": "x"},
        {"data": {"name": "aisle", "classes": ["a"], "splits": {"train": {"images": 9}}}},
        "have other data: shelves (da7a01) and aisle (x): 6 and 1 classes, not the same; train: 1200 and 9 images",
    ),
    "device": (
        {"device": "zz"},
        {"device": {"name": "pi", "threads": 4}},
        "have other devices: shelf camera and pi: processor Cortex-A76 and unknown",
    ),
    "split": (
        {"training": "2 epochs, seed 1, scored on test"},
        {},
        "are scored otherwise: unknown, and scored on test",
    ),
}


@pytest.mark.parametrize("kind", DIFFERING)
def test_what_cannot_be_compared_is_said(pair: tuple[StudyTable, StudyTable], kind: str) -> None:
    one, two = pair
    fingerprints, fields, words = DIFFERING[kind]
    changed = other(replace(two, **fields), **fingerprints)
    line = hindrance_of([one, changed])
    assert line.startswith(f"over: 'one' and 'two' {words}")
    assert "\n" not in line
    with pytest.raises(AutomlError, match="over: 'one' and 'two'"):
        lay_over([one, changed])


def test_how_many(pair: tuple[StudyTable, StudyTable]) -> None:
    one, two = pair
    assert hindrance_of([]) == "over: two studies or more are laid over one another, got none"
    assert hindrance_of([one, one]) == "over: two studies or more are laid over one another, got one"
    assert hindrance_of([one, two, one]) == f"over: at most {MOST} studies, each once, got 3"
    assert hindrance_of([replace(one, name=str(i)) for i in range(MOST + 1)]).endswith(f"got {MOST + 1}")
    assert "'two' keeps no fingerprint of its data" in hindrance_of([one, replace(two, fingerprints={})])


def test_what_differs_beside_is_said(pair: tuple[StudyTable, StudyTable]) -> None:
    one, two = (
        other(table, training=f"{epochs} epochs, seed 3, scored on val", gate=str(epochs))
        for table, epochs in zip(pair, (2, 9), strict=True)
    )
    assert lay_over([one, two]).notes == (
        "They differ in the length or seed of training (one: 2 epochs, seed 3, scored on val; "
        "two: 9 epochs, seed 3, scored on val).",
        "They differ in the gate: each pick is by the study's own.",
    )


def test_a_further_device_that_both_have(pair: tuple[StudyTable, StudyTable]) -> None:
    one, two = pair
    fields = {**two.record.attributes, "automl.devices": {"pi": {"name": "pi"}}}
    two = replace(two, record=type(two.record)(fields), device={"name": "desk"})
    two = other(two, device="of the desk", **{"device.pi": one.fingerprints["device"]})
    assert shared_devices([one, two]) == {"shelf camera": ("shelf camera", "pi")}
    found = lay_over([one, two])
    assert [table.device["name"] for table in found.tables] == ["shelf camera", "pi"]
    with pytest.raises(AutomlError, match="no device 'desk' that all of these studies have; they share shelf camera"):
        lay_over([one, two], "desk")
