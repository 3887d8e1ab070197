"""A search of others, watched: the view is shown what the search's own view was, as far as the store holds it."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from quick_search import Begun, begun, elastic_settings, plant, run, settings_of

from objectives.data.dataset import Dataset
from objectives.records.study_parts.parts import WorkRecord
from search.cluster.watch import StudyWatch
from search.settings.settings import Settings
from search.study.claims.kernel_locks import KernelClaims
from search.study.requests.act import act
from search.view.base import View

pytestmark = pytest.mark.seconds


class Recording(View):
    """Keeps each event: its name and arguments."""

    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[Any, ...]]] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name in ("events", "of", "names", "meanwhile"):
            return object.__getattribute__(self, name)
        return lambda *arguments, **named: self.events.append((name, arguments))

    def of(self, number: int) -> list[str]:
        """Return the events of one trial."""
        return [name for name, arguments in self.events if arguments and arguments[0] == number]


def watched(settings: Settings) -> tuple[StudyWatch, Recording]:
    view = Recording()
    return StudyWatch(settings, view), view


def looked(watch: StudyWatch, settings: Settings) -> None:
    claims = KernelClaims(settings.folder)
    watch.look(claims)
    claims.close()


@pytest.mark.slow
def test_a_study_that_is_not_there_is_waited_for(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2", "sampler=random", "pruner=none")
    watch, view = watched(settings)
    assert not watch.find()
    assert "there is no 'smoke'" in watch.why_missing
    run(settings, blocks)
    assert watch.find()
    assert [name for name, _ in view.events] == ["begin"]


def test_what_happens_is_shown_once_and_in_order(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2", "sampler=random", "pruner=none")
    more = settings_of(tmp_path, "budget.trials=4", "sampler=random", "pruner=none")
    run(settings, blocks)
    watch, view = watched(more)
    assert watch.find()
    own = Recording()
    run(more, blocks, make_view=lambda *_: own)
    for _ in range(2):
        looked(watch, more)
    assert view.of(0) == view.of(1) == []  # were there before
    kept = ("trial_started", "latency", "rung", "attempt", "trial_ended")
    for number in (2, 3):
        assert [name for name in view.of(number) if name in kept[:1] + kept[-1:]] == ["trial_started", "trial_ended"]
        assert (view.of(number)[0], view.of(number)[-1]) == ("trial_started", "trial_ended")
        assert [view.of(number).count(name) for name in kept] == [own.of(number).count(name) for name in kept]
    started = [arguments for name, arguments in view.events if name == "trial_started"]
    assert all(arguments[2:] == (4, None) for arguments in started)  # epochs, and no rungs behind it
    used = next(arguments[0] for name, arguments in view.events if name == "budget")
    assert used.trials == 4


def test_deaths_and_what_others_do_are_shown(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2", "sampler=random", "pruner=none")
    plant(settings, "fault-sigkill")
    with begun(settings, blocks) as search:
        watch, view = watched(settings)
        assert watch.find()
        search.session.beat(now=True, work=lambda: [WorkRecord(0, "train", 3)])
        search.session._asked_at = 0.0
        search.run()
        looked(watch, settings)
    assert view.of(0).count("attempt") == 1
    seen = [arguments[0] for name, arguments in view.events if name == "sessions"][-1]
    assert [process.own for process in seen] == [False]


def test_stage_and_epoch_come_with_signs_of_life(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=1", "sampler=random", "pruner=none")
    watch, view = watched(settings)
    with begun(settings, blocks) as search:
        trial = _running_trial(search)
        assert watch.find()
        for epoch in (2, 3):
            search.session._work = [WorkRecord(trial, "train", epoch)]
            search.session.beat(now=True)
            looked_alive(watch, search)
    assert [arguments for name, arguments in view.events if name == "stage"] == [(trial, "train")]
    assert [arguments for name, arguments in view.events if name == "progress"] == [(trial, 2, 0.0), (trial, 3, 0.0)]


def _running_trial(search: Begun) -> int:
    """Ask for a trial and record its candidate, as a process does that dies then."""
    from objectives.records.trial_record import trial_records

    with search.claims.alone():
        trial = search._next_trial(trial_records(search.study))
        assert trial is not None
        search.chooser.record_candidate(trial, trial_records(search.study))
    return trial.number


def looked_alive(watch: StudyWatch, search: Begun) -> None:
    """Look, by the claims of the search: those of its process are its own."""
    watch.look(search.claims)


def test_children_are_shown_by_their_parents(tmp_path: Path, blocks: Dataset) -> None:
    settings = elastic_settings(tmp_path, "sampler=random")
    watch, view = watched(settings)
    assert not watch.find()
    search = run(settings, blocks)
    assert watch.find()
    watch._seen, watch._children._scored, watch._children._reports = (
        {},
        type(watch._children._scored)(),
        type(watch._children._reports)(),
    )
    looked(watch, settings)
    children = defaultdict(list)
    for row in search.table().rows:
        if row.parent is not None:
            children[row.parent].append(row.number)
    assert children
    for parent, numbers in children.items():
        names = [name for name in view.of(parent) if name.startswith("children")]
        assert names == ["children_started", "children_scored", "children_ended"]
        report = next(
            arguments[1] for name, arguments in view.events if name == "children_scored" and arguments[0] == parent
        )
        assert len(report.scored) == len(numbers)
        assert report.looks


def test_what_people_ask_is_shown_and_that_workers_wait(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=1", "sampler=random", "pruner=none")
    run(settings, blocks)
    act("smoke", str(tmp_path), None, {"action": "note", "trial": 0, "text": "before"})
    watch, view = watched(settings)
    assert watch.find()
    act("smoke", str(tmp_path), None, {"action": "pause"})
    for _ in range(2):
        looked(watch, settings)
    asked = [arguments[0].action for name, arguments in view.events if name == "asked"]
    assert asked == ["pause"]
    assert [arguments[0] for name, arguments in view.events if name == "waiting"][-1].startswith("paused by ")
    act("smoke", str(tmp_path), None, {"action": "continue"})
    looked(watch, settings)
    assert [arguments[0] for name, arguments in view.events if name == "waiting"][-1] == ""
