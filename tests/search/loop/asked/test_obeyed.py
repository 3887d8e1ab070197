"""What people ask of a search that runs: it pauses, goes on, stops trials and tries candidates, and nothing is lost."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from optuna.trial import Trial, TrialState
from quick_search import (
    Script,
    begun,
    elastic_settings,
    ending_of,
    epochs_of,
    lines_of,
    plant,
    run,
    settings_of,
    taken,
    trials_of,
    wait_until,
)
from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.records import Outcome
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase, trial_records
from reports.table.table import read_study
from search.loop.run import run_to_its_end
from search.settings.settings import Settings
from search.study.requests.act import act, who_asks
from search.study.store import load_study
from search.study.stored_trial import StoredTrial
from search.view.json_lines import JsonView
from spaces.errors import AutomlError

pytestmark = pytest.mark.seconds

SOON_S = 2.0  # what is promised; beside it a machine that is busy
BUSY = 3.0


def ask(settings: Settings, action: str, **request: Any) -> str:
    """Ask as a command does: with lines to the store of its own."""
    return act(settings.name, str(settings.folder.parent), settings.store.url, {"action": action, **request})


@contextmanager
def meanwhile(settings: Settings, script: Callable[[], None]) -> Iterator[None]:
    """Follow a script beside the search inside; what goes wrong in it comes out here."""
    wrong: list[BaseException] = []

    def follow() -> None:
        try:
            script()
        except BaseException as error:  # whatever it is, it is raised in the test's own thread
            wrong.append(error)
            for file in taken(settings.folder / "faults", "*"):
                file.unlink(missing_ok=True)
            if StudyRecord.of(load_study(settings.folder.parent, settings.name, settings.store.url)).requests.pause:
                ask(settings, "continue")

    thread = threading.Thread(target=follow)
    thread.start()
    yield
    thread.join()
    if wrong:
        raise wrong[0]


def held(settings: Settings, fault: str) -> int:
    """Wait until a trial has come to a hold, and return the number of its process."""
    (file,) = wait_until(lambda: taken(settings.folder / "faults", fault))
    return int(file.name.rsplit("-", 1)[1])


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def seconds_until(what: Callable[[], Any]) -> float:
    began = time.monotonic()
    wait_until(what)
    return time.monotonic() - began


def begins(settings: Settings, number: int) -> int:
    return sum(n == number and what.startswith("begins") for n, _, what in lines_of(settings.folder))


def record(settings: Settings) -> StudyRecord:
    return StudyRecord.of(load_study(settings.folder.parent, settings.name, settings.store.url))


def test_a_pause_leaves_trials_at_their_checkpoints_and_its_time_is_not_searched(
    tmp_path: Path, blocks: Dataset
) -> None:
    settings = settings_of(tmp_path, "budget.trials=2", "pruner=none")
    plant(settings, "trial0epoch3-hold")

    def script() -> None:
        pid = held(settings, "trial0epoch3-hold")
        said = ask(settings, "pause")
        assert said == (
            "smoke is paused: 1 process leaves its trials at their last checkpoints, and waits; "
            "`automl continue smoke` lets it go on"
        )
        assert seconds_until(lambda: is_gone(pid)) < BUSY * SOON_S
        before = len(lines_of(settings.folder))
        time.sleep(1.5)
        assert len(lines_of(settings.folder)) == before
        (session,) = record(settings).sessions.values()
        assert not session.ended
        assert session.work == []
        assert session.spans[-1][0] == session.spans[-1][1]  # seen, and waiting
        assert "is paused already, by " in ask(settings, "pause")
        assert ask(settings, "continue") == "smoke goes on: a process searches it"
        assert seconds_until(lambda: begins(settings, 0) == 2) < BUSY * SOON_S
        assert ask(settings, "continue") == "smoke is not paused"

    began = time.monotonic()
    with begun(settings, blocks) as search:
        with meanwhile(settings, script):
            search.run()
        passed_s, searched_s = time.monotonic() - began, search.session.searched_s()
    assert searched_s < passed_s - 1.5
    assert [trial.state for trial in trials_of(search)] == [TrialState.COMPLETE] * 2
    trained = [what for number, _, what in lines_of(settings.folder) if number == 0 and what.startswith("epoch")]
    assert trained == [f"epoch {i}" for i in (1, 2, 3, 4)]  # nothing twice
    out = search.out.getvalue()
    assert f"{who_asks()} pauses the search\n" in out
    assert out.count(f"waiting: paused by {who_asks()} since ") == 1
    assert out.index("waiting: ") < out.index("the search goes on\n") < out.index("trial   0 ")


@pytest.mark.slow
def test_a_search_that_is_begun_while_paused_waits_and_says_so(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=1", "pruner=none")
    with begun(settings, blocks) as search:
        assert "nobody" not in ask(settings, "pause")
    with begun(settings, blocks) as search:

        def script() -> None:
            wait_until(lambda: "waiting: paused by" in search.out.getvalue())
            time.sleep(0.5)
            assert not lines_of(settings.folder)
            ask(settings, "continue")

        with meanwhile(settings, script):
            search.run()
    assert [trial.state for trial in trials_of(search)] == [TrialState.COMPLETE]


def test_a_pause_that_nobody_is_there_for_is_kept(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=1")
    run(settings, blocks)
    assert ask(settings, "pause") == (
        "smoke is paused: nobody searches it just now, and whoever does waits; `automl continue smoke` lets it go on"
    )
    assert read_study(load_study(settings.folder.parent, settings.name, None)).paused
    assert ask(settings, "continue").endswith("nobody searches it just now; the same line again does")
    assert not read_study(load_study(settings.folder.parent, settings.name, None)).paused


@pytest.mark.slow
def test_the_scorer_of_children_pauses_too(tmp_path: Path, blocks: Dataset) -> None:
    settings = elastic_settings(tmp_path)
    plant(settings, "children0round2-hold")

    def script() -> None:
        pid = held(settings, "children0round2-hold")
        ask(settings, "pause")
        assert seconds_until(lambda: is_gone(pid)) < BUSY * SOON_S
        ask(settings, "continue")

    with begun(settings, blocks) as search:
        with meanwhile(settings, script):
            search.run()
        assert search.chooser.families.ordered == 0
    trials = trial_records(search.study)
    assert len(trials) == settings.budget.trials
    children = [tuple(sorted(trial.candidate.items())) for trial in trials if trial.is_child]
    assert len(set(children)) == len(children) > 0


@pytest.mark.slow
def test_a_proof_pauses_and_its_trainings_are_not_picked(tmp_path: Path, blocks: Dataset) -> None:
    proof = ("proof.share=0.2", "budget.hours=1", "proof.seeds=2", "proof.finalists=1", "budget.trials=2")
    settings = settings_of(tmp_path, *proof, "pruner=none")
    plant(settings, "trial2epoch3-hold")

    def script() -> None:
        pid = held(settings, "trial2epoch3-hold")
        with pytest.raises(AutomlError, match=r"stop: trial 2 is a training of the proof, .* proves nothing"):
            ask(settings, "stop", trial=2)
        ask(settings, "pause")
        assert seconds_until(lambda: is_gone(pid)) < BUSY * SOON_S
        time.sleep(0.5)
        ask(settings, "continue")

    with begun(settings, blocks) as search, meanwhile(settings, script):
        run_to_its_end(search)
    trials = trial_records(search.study)
    assert [trial.phase for trial in trials if trial.is_proof] == [Phase.FINISHED] * 2
    assert "the proof is complete" in search.out.getvalue()


def test_a_trial_is_stopped_while_it_trains_and_the_search_goes_on(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2", "pruner=none")
    plant(settings, "trial0epoch3-hold")

    def script() -> None:
        pid = held(settings, "trial0epoch3-hold")
        assert "is stopped by" in ask(settings, "stop", trial=0, why="too slow")
        assert seconds_until(lambda: is_gone(pid)) < BUSY * SOON_S
        wait_until(lambda: trials_of(search)[0].state.is_finished())

    with begun(settings, blocks) as search, meanwhile(settings, script):
        search.run()
    stopped, other = trials_of(search)
    assert stopped.state is TrialState.PRUNED
    assert ending_of(stopped).outcome == Outcome.STOPPED
    assert ending_of(stopped).reason == f"stopped by {who_asks()}: too slow"
    assert epochs_of(stopped)
    assert other.state is TrialState.COMPLETE
    assert not list((settings.folder / "trials/00000").glob("training-*"))
    with pytest.raises(AutomlError, match=r"^stop: trial 0 has ended \(stopped\); nothing of it runs or waits$"):
        ask(settings, "stop", trial=0)
    with pytest.raises(AutomlError, match="has no trial 7; its trials: 0 to 1"):
        ask(settings, "stop", trial=7)
    assert read_study(search.study).row(0).status == "stopped"


@pytest.mark.slow
def test_trials_that_wait_are_stopped_by_whoever_is_free(tmp_path: Path, blocks: Dataset) -> None:
    """One in the queue, one at a rung; nobody searches when it is asked, so the next search begins with it."""
    settings = settings_of(tmp_path, "budget.trials=3", "pruner=mo_asha", "pruner.rungs=2")
    run(settings, blocks, Script(None))
    assert [trial.phase for trial in trial_records(load_study(tmp_path, "smoke", None))] == [Phase.PAUSED]
    assert "trial 1 is queued" in ask(settings, "try", choices={"size.pixels": 96})
    for trial, phase in ((0, "paused"), (1, "waiting")):
        said = ask(settings, "stop", trial=trial)
        assert said == (
            f"trial {trial}, {phase}, will be stopped before anything else, when smoke is searched again; nobody does "
            "just now"
        )
    assert "is to be stopped already" in ask(settings, "stop", trial=1)
    search = run(settings, blocks, Script())
    assert [ending_of(trial).reason for trial in trials_of(search)] == [f"stopped by {who_asks()}"] * 2
    assert not list((settings.folder / "trials/00000").glob("training-*"))
    assert not [line for line in lines_of(settings.folder) if line[0] == 1]
    table = read_study(search.study)
    assert [row.status for row in table.rows] == ["stopped", "stopped"]
    assert dict(table.row(1).candidate) == {"size.pixels": 96}


@pytest.mark.slow
def test_a_trial_is_stopped_while_the_search_is_paused(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=1", "pruner=none")
    plant(settings, "trial0epoch3-hold")

    def script() -> None:
        held(settings, "trial0epoch3-hold")
        ask(settings, "pause")
        wait_until(lambda: "waiting: paused" in search.out.getvalue())
        ask(settings, "stop", trial=0)
        wait_until(lambda: trials_of(search)[0].state.is_finished())
        ask(settings, "continue")

    with begun(settings, blocks) as search, meanwhile(settings, script):
        search.run()
    assert ending_of(trials_of(search)[0]).reason == f"stopped by {who_asks()}"


@pytest.mark.slow
def test_the_baseline_may_be_stopped_and_that_is_said(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2", "pruner=none", "baseline=yolo26n")
    plant(settings, "trial0epoch2-hold")

    def script() -> None:
        held(settings, "trial0epoch2-hold")
        said = ask(settings, "stop", trial=0)
        assert said.endswith("; the study has no baseline then: baseline=yolo26n in the line queues it anew")

    with begun(settings, blocks) as search, meanwhile(settings, script):
        search.run()
    assert [trial.phase for trial in trial_records(search.study)] == [Phase.STOPPED, Phase.FINISHED]


@pytest.mark.slow
def test_an_elastic_training_is_stopped_and_has_no_children(tmp_path: Path, blocks: Dataset) -> None:
    settings = elastic_settings(tmp_path, "budget.trials=1")
    plant(settings, "trial0epoch2-hold")

    def script() -> None:
        held(settings, "trial0epoch2-hold")
        ask(settings, "stop", trial=0)

    with begun(settings, blocks) as search, meanwhile(settings, script):
        search.run()
    assert [trial.phase for trial in trial_records(search.study)] == [Phase.STOPPED]


@pytest.mark.parametrize("sampler", ["known_latency", "random"])
@pytest.mark.slow
def test_a_candidate_that_is_asked_for_comes_before_the_samplers(tmp_path: Path, blocks: Dataset, sampler: str) -> None:
    settings = settings_of(tmp_path, "budget.trials=3", "pruner=none", f"sampler={sampler}")
    plant(settings, "trial0epoch2-hold")

    def script() -> None:
        held(settings, "trial0epoch2-hold")
        said = ask(settings, "try", choices={"space.size.pixels": 224})
        assert said == (
            "trial 1 is queued, and begins when a place is free: size.pixels 224; the other choices are the sampler's"
        )
        assert ask(settings, "try", like=0, choices={"size.pixels": 64}).startswith("trial 2 is queued")
        for file in taken(settings.folder / "faults", "trial0epoch2-hold"):
            file.unlink()

    with begun(settings, blocks) as search, meanwhile(settings, script):
        search.run()
    first, second, third = trial_records(search.study)
    assert [trial.phase for trial in (first, second, third)] == [Phase.FINISHED] * 3
    assert (second.candidate["size.pixels"], third.candidate["size.pixels"]) == (224, 64)
    assert {**third.params, "size.pixels": 0} == {**first.params, "size.pixels": 0}
    assert second.proposal
    assert third.proposal
    assert (second.proposal.role, second.proposal.why) == (
        "asked",
        f"by {who_asks()}; what that leaves open was sampled",
    )
    assert third.proposal.why == f"by {who_asks()}, like trial 0"
    with pytest.raises(AutomlError, match=r"try: trial 2 has these very choices \(finished\)"):
        ask(settings, "try", like=2)


@pytest.mark.slow
def test_a_candidate_that_is_asked_for_ends_the_scoring_of_children_before_it(tmp_path: Path, blocks: Dataset) -> None:
    settings = elastic_settings(tmp_path)
    plant(settings, "children0round1-hold")

    def script() -> None:
        held(settings, "children0round1-hold")
        number = len(trial_records(load_study(tmp_path, "smoke", None)))
        assert f"trial {number} is queued" in ask(settings, "try", choices={"size.pixels": 128})
        for file in taken(settings.folder / "faults", "children0round1-hold"):
            file.unlink()

    with begun(settings, blocks) as search, meanwhile(settings, script):
        search.run()
    lines = [(number, what.split()[0]) for number, _, what in lines_of(settings.folder)]
    asked = next(trial for trial in trial_records(search.study) if trial.asked)
    scores = [i for i, (number, what) in enumerate(lines) if (number, what) == (0, "scored")]
    begin = lines.index((asked.number, "begins"))
    assert sum(i < begin for i in scores) <= 2 * 8  # what the scorer had been ordered, and no further order
    assert asked.phase is Phase.FINISHED


@pytest.mark.slow
def test_one_over_the_bound_ends_as_any_other(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=2", "pruner=none", "gate.p95_ms_max=0.001")
    with begun(settings, blocks) as search:
        ask(settings, "try", choices={"size.pixels": 256})
        search.run()
    assert trial_records(search.study)[0].phase is Phase.OVER_BOUND


def test_events_say_what_was_asked_and_by_whom(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "budget.trials=1", "pruner=none")
    plant(settings, "trial0epoch3-hold")

    def script() -> None:
        held(settings, "trial0epoch3-hold")
        ask(settings, "note", trial=0, text="\x1b[31mstrange\nwalls ☃")
        ask(settings, "pause")
        wait_until(lambda: '"waiting"' in search.out.getvalue())
        ask(settings, "continue")

    def make_view(console: Console, settings: Settings) -> JsonView:
        return JsonView(console, settings)

    with begun(settings, blocks, None, make_view) as search, meanwhile(settings, script):
        search.run()
    events = [json.loads(line) for line in search.out.getvalue().splitlines()]
    asked = [event for event in events if event["event"] == "asked"]
    assert [(event["action"], event["trial"], event["text"]) for event in asked] == [
        ("note", 0, "[31mstrange\nwalls ☃"),
        ("pause", None, ""),
        ("continue", None, ""),
    ]
    assert {event["who"] for event in asked} == {who_asks()}
    assert [event["trial"] for event in events if event["event"] == "trial_left"] == [0]
    assert [event["waits"] for event in events if event["event"] == "waiting"] == [True, False]
    assert read_study(search.study).row(0).note == "[31mstrange\nwalls ☃"
    with pytest.raises(AutomlError, match="2,000 characters at most, got 2,001"):
        ask(settings, "note", trial=0, text="x" * 2001)
    assert ask(settings, "note", trial=0, text=" ") == "the note on trial 0 is gone"
    assert read_study(search.study).row(0).note == ""


def test_ctrl_c_ends_a_search_that_waits(tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, "budget.trials=1", "pruner=none")
    with begun(settings, blocks) as search:
        ask(settings, "pause")

        def interrupted() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(search.session, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            search.run()
    assert keys.REQUEST in next(key for key in record(settings).attributes if key.startswith(keys.REQUEST))


def test_a_trial_whose_choice_a_pause_cuts_is_taken_up_after_it(
    tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, "budget.trials=1", "pruner=none", "baseline=none")
    with begun(settings, blocks) as search:
        choose, cut = search.chooser.sampled, []

        def measuring_long(asked: Trial) -> StoredTrial:
            if not cut:
                cut.append(asked.number)
                ask(settings, "pause")
                threading.Timer(1, ask, (settings, "continue")).start()
                while True:
                    search._meanwhile()
                    time.sleep(0.05)
            return choose(asked)

        monkeypatch.setattr(search.chooser, "sampled", measuring_long)
        search.run()
    assert cut == [0]
    assert [trial.phase for trial in trial_records(search.study)] == [Phase.FINISHED]
