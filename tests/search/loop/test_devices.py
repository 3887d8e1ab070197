"""Several devices in one search: one training, a latency and a front on each, the gate of each, the steering."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from quick_search import Begun, elastic_settings, lines_of, run, settings_of
from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.records import Latency, Outcome
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import trial_records
from reports.table.on_device import everywhere_words, on_device, passing_everywhere, row_on, tables_of
from reports.table.table import StudyTable, read_study
from reports.table.verdict import judge
from reports.terminal import summary
from search.loop.latencies.settle import unsettled
from search.settings.settings import Settings
from search.study.fork import ensure_fork, forked_settings
from search.study.store import load_study
from search.view.json_lines import JsonView
from spaces.errors import AutomlError, StoreError

pytestmark = pytest.mark.seconds

TWO = ("devices=[cpu,cpu_all]",)
BOUNDS = ("gate.p95_ms_max=4", "gate.devices.cpu_all.p95_ms_max=3", "gate.map_min=0.1")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Begun:
    settings = settings_of(tmp_path_factory.mktemp("two"), *TWO, *BOUNDS, "budget.trials=9", "pruner=none")
    return run(settings, blocks)


def front_of(table: StudyTable) -> set[int]:
    """Return the front by comparing every two trials."""
    rows = [row for row in table.rows if row.map is not None and row.p50_ms is not None]

    def beats(one, other) -> bool:
        no_worse = one.map >= other.map and one.p50_ms <= other.p50_ms
        return no_worse and (one.map > other.map or one.p50_ms < other.p50_ms)

    return {row.number for row in rows if not any(beats(other, row) for other in rows)}


@pytest.mark.slow
def test_each_trial_is_trained_once_and_measured_on_each_device(searched: Begun) -> None:
    trials = trial_records(searched.study)
    finished = [trial for trial in trials if trial.outcome is Outcome.FINISHED]
    assert len(finished) >= 4
    epochs = Counter((number, what) for number, _, what in lines_of(searched.folder) if what.startswith("epoch"))
    assert set(epochs.values()) == {1}
    one, other = (device.fingerprint for device in searched.settings.targets)
    for trial in finished:
        assert trial.latency is not None
        assert trial.latency.device == one
        assert {name: found.device for name, found in trial.latencies.items()} == {"cpu_all": other}
        assert trial.latencies_untrained.keys() == {"cpu_all"}
        assert trial.latencies["cpu_all"].p50_ms != trial.latency.p50_ms


def test_each_device_has_its_front_its_gate_and_its_pick(searched: Begun) -> None:
    first, second = tables_of(read_study(searched.study))
    assert (first.device_name, second.device_name) == ("cpu", "cpu_all")
    assert {row.number for row in first.front} == front_of(first)
    assert {row.number for row in second.front} == front_of(second)
    assert front_of(first) != front_of(second)
    assert (str(first.gate), str(second.gate)) == ("mAP >= 0.1 and p95 <= 4 ms", "mAP >= 0.1 and p95 <= 3 ms")
    for table, most in ((first, 4), (second, 3)):
        passing = {row.number for row in table.finished if row.passes_gate}
        assert passing == {row.number for row in table.finished if row.p95_ms <= most and row.map >= 0.1}
        assert passing
    both = [row.number for row in first.finished if row.passes_gate and second.row(row.number).passes_gate]
    assert {row.number for row in passing_everywhere((first, second))} == set(both)


def test_a_trial_is_stopped_only_where_it_breaks_a_bound_on_every_device(searched: Begun) -> None:
    trials = trial_records(searched.study)
    found = {
        trial.number: (trial.latency_untrained.p95_ms, trial.latencies_untrained["cpu_all"].p95_ms) for trial in trials
    }
    stopped = {trial.number for trial in trials if trial.outcome is Outcome.OVER_BOUND}
    assert stopped == {number for number, (one, other) in found.items() if one > 4 and other > 3}


def test_the_store_names_the_devices_and_an_older_automl_refuses_it(searched: Begun) -> None:
    kept = StudyRecord.of(searched.study)
    assert kept.version == keys.VERSION > keys.OF_ONE_DEVICE
    one, other = searched.settings.targets
    assert kept.fingerprints["device"] == one.fingerprint
    assert kept.fingerprints["device.cpu_all"] == other.fingerprint
    assert kept.devices == {"cpu_all": other.describe()}


def test_the_summary_names_the_winner_of_each_device(searched: Begun) -> None:
    table = read_study(searched.study)
    console = Console(width=200, record=True)
    console.print(summary(table))
    text = console.export_text()
    for one in tables_of(table):
        assert f"on {one.device_name}  gate: {one.gate}" in text
        assert judge(one).lead in text
    assert everywhere_words(tables_of(table)) in text


@pytest.mark.slow
def test_a_study_of_one_device_keeps_nothing_of_several(tmp_path: Path, blocks: Dataset) -> None:
    alone = run(settings_of(tmp_path / "one", "budget.trials=2"), blocks)
    listed = run(settings_of(tmp_path / "listed", "budget.trials=2", "devices=[cpu]"), blocks)
    for search in (alone, listed):
        kept = StudyRecord.of(search.study)
        assert kept.version == keys.OF_ONE_DEVICE
        names = [*kept.attributes, *(name for trial in search.study.get_trials() for name in trial.user_attrs)]
        assert not [name for name in names if "latencies" in name or "devices" in name]
        assert not {"devices", "steer"} & kept.settings.keys()
        assert "devices" not in kept.attributes[keys.GATE]
        assert not [part for part in kept.fingerprints if part.startswith("device.")]
        assert len(tables_of(read_study(search.study))) == 1
        assert everywhere_words(tables_of(read_study(search.study))) == ""
    assert StudyRecord.of(alone.study).fingerprints == StudyRecord.of(listed.study).fingerprints


@pytest.mark.slow
def test_the_same_line_goes_on_and_another_set_of_devices_is_refused(tmp_path: Path, blocks: Dataset) -> None:
    run(settings_of(tmp_path, *TWO, "budget.trials=1"), blocks)
    more = run(settings_of(tmp_path, *TWO, "budget.trials=2"), blocks)
    assert len(trial_records(more.study)) == 2
    for line, diff in (
        (
            (),
            r"another device.cpu_all[^\n]*\n(?s:.*)device.cpu_all: threads: 0 -> absent(?s:.*)--fork NEW keeps 2 of 2",
        ),
        ((*TWO, "devices.cpu_all.threads=2"), r"another device.cpu_all; (?s:.*)device.cpu_all: threads: 0 -> 2"),
        (("devices=[cpu_all,cpu]",), r"another device"),
    ):
        with pytest.raises(StoreError, match=diff):
            Begun(settings_of(tmp_path, *line, "budget.trials=5"), blocks)


@pytest.mark.slow
def test_a_fork_keeps_the_trials_and_what_a_device_lacks_is_to_be_measured(tmp_path: Path, blocks: Dataset) -> None:
    old = settings_of(tmp_path, *TWO, "budget.trials=2")
    was = run(old, blocks)
    StudyWriter(was.study).measured_fully_on(0, "cpu_all", _latency(was, 0))
    wider = settings_of(tmp_path, *TWO, "devices.cpu_all.threads=2", "budget.trials=2")
    same, other = _forked(old, "same", old, blocks), _forked(old, "other", wider, blocks)
    assert StudyRecord.of(same).measured_fully_on.keys() == {0}
    assert not unsettled(read_study(same))
    assert not StudyRecord.of(other).measured_fully_on
    assert not any(trial.latencies or trial.latencies_untrained for trial in trial_records(other))
    finished = {row.number for row in read_study(other).finished}
    assert {(device, row.number) for device, row in unsettled(read_study(other))} == {("cpu_all", n) for n in finished}
    StudyWriter(other).measured_fully_on(0, "cpu_all", _latency(was, 0))
    row = on_device(read_study(other), "cpu_all").row(0)
    assert row.p50_ms == _latency(was, 0).p50_ms
    assert row.other_device  # it was measured with other threads


def _forked(old: Settings, name: str, settings: Settings, blocks: Dataset) -> "optuna.Study":
    new = forked_settings(settings, name)
    new.folder.mkdir(parents=True)
    assert ensure_fork(old, new, blocks) is not None
    return load_study(new.folder.parent, name, None)


def _latency(search: Begun, number: int) -> Latency:
    return trial_records(search.study)[number].latencies["cpu_all"]


@pytest.mark.slow
def test_children_are_measured_on_each_device(tmp_path: Path, blocks: Dataset) -> None:
    search = run(elastic_settings(tmp_path, *TWO, "budget.trials=7"), blocks)
    children = [trial for trial in trial_records(search.study) if trial.is_child]
    assert children
    assert all(child.latencies.keys() == {"cpu_all"} for child in children)
    quick = unsettled(read_study(search.study))
    assert {device for device, _ in quick} == {"cpu", "cpu_all"}
    assert all(row.has_quick_latency for _, row in quick)
    child = children[0]
    StudyWriter(search.study).measured_fully_on(child.number, "cpu_all", _latency(search, child.number))
    row = on_device(read_study(search.study), "cpu_all").row(child.number)
    assert not row.has_quick_latency
    assert read_study(search.study).row(child.number).has_quick_latency


@pytest.mark.slow
def test_steered_by_the_worst_no_trial_breaks_a_bound_of_any_device(tmp_path: Path, blocks: Dataset) -> None:
    search = run(settings_of(tmp_path, *TWO, *BOUNDS, "steer=worst", "budget.trials=10", "pruner=none"), blocks)
    trials = trial_records(search.study)
    ahead = [record for _, record in StudyRecord.of(search.study).measured()]
    assert ahead
    assert all(record.latencies.keys() == {"cpu_all"} for record in ahead)  # measured where it steers by
    for trial in trials:
        assert trial.latency_untrained is not None
        breaks = trial.latency_untrained.p95_ms > 4 or trial.latencies_untrained["cpu_all"].p95_ms > 3
        assert breaks == (trial.outcome is Outcome.OVER_BOUND)
    measured = [trial for trial in trials if trial.proposal and trial.proposal.latency_measured]
    assert measured
    for trial in measured:
        assert trial.outcome is not Outcome.OVER_BOUND
        one, other = trial.latency_untrained.p95_ms / 4, trial.latencies_untrained["cpu_all"].p95_ms / 3
        assert trial.proposal.latency_ms == pytest.approx(4 * max(one, other))  # of the bound, as the first's ms
    table = read_study(search.study)
    assert all(row.proposal is None or row.proposal.latency_ms is None for row in table.rows)  # no device's own


def test_steered_by_the_first_candidates_are_measured_ahead_on_it_alone(searched: Begun) -> None:
    assert not any(record.latencies for _, record in StudyRecord.of(searched.study).measured())


@pytest.mark.slow
def test_events_name_the_devices(tmp_path: Path, blocks: Dataset) -> None:
    search = run(settings_of(tmp_path, *TWO, *BOUNDS, "budget.trials=3"), blocks, make_view=JsonView)
    search.view.ended(search.table(), search.used(), "done")
    events = [json.loads(line) for line in search.out.getvalue().splitlines()]
    measured = {event["device_name"] for event in events if event["event"] == "latency"}
    assert measured == {"cpu", "cpu_all"}
    ended = [event for event in events if event["event"] == "trial_ended"]
    first, second = tables_of(search.table())
    for event in ended:
        assert event["devices"]["cpu"]["p50_ms"] == event["p50_ms"] == first.row(event["trial"]).p50_ms
        assert event["devices"]["cpu_all"]["p50_ms"] == second.row(event["trial"]).p50_ms
    last = events[-1]
    assert last["fronts"] == {"cpu": [r.number for r in first.front], "cpu_all": [r.number for r in second.front]}


def test_a_device_that_the_study_has_not_is_refused(searched: Begun) -> None:
    with pytest.raises(AutomlError, match="has no 'cpu_al'; nearest: cpu_all, cpu; its devices: cpu, cpu_all"):
        on_device(read_study(searched.study), "cpu_al")


def test_a_bound_on_the_file_is_held_against_what_each_device_runs(searched: Begun) -> None:
    """A device of another format has a file of its own; the trial's is the first device's."""
    first = read_study(searched.study)
    row = first.finished[0]
    assert row.resources is not None
    found = replace(row.latencies["cpu_all"], file_bytes=9 * row.resources.artifact_bytes)
    other = row_on(replace(row, latencies={"cpu_all": found}), "cpu_all", found.device)
    assert other.figures_judged.file_bytes == found.file_bytes
    older = row_on(replace(row, latencies={"cpu_all": replace(found, file_bytes=0)}), "cpu_all", found.device)
    assert older.figures_judged.file_bytes == row.figures_judged.file_bytes == row.resources.artifact_bytes
