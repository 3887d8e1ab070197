"""`automl operate` and `automl rollback` as users type them, on pipelines whose searches are done."""

import json
import os
import signal
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from command_line import SCRIPT, Done, automl
from quick_search import wait_until
from rolled_out import START, pipeline, write_round_export

from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.open import open_journal
from search.operate.rollout.pointer import point, pointed
from search.operate.rounds.contract import JudgedRound, Searched
from search.operate.stream.contract import DataVersion

DATA = DataVersion(
    1, "data/0001/set", "", "contents-1", "contents-2", {"train": 4, "val": 2}, ("red", "blue"), (), "data/0001/set"
)
SEARCHED = Searched("shelves-r0001", ("search", "conf=smoke"), 0.1, 9, 0, 3, "", "rounds/0001/export", {"map": 0.5})
JUDGED = JudgedRound("promote", ("better",), {}, None, (), ())


class Prepared:
    """A pipeline `shelves` in a folder, to which facts and exports are laid."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.context = folder, pipeline(folder)
        (folder / "log.jsonl").touch()
        (folder / "empty").mkdir()

    @property
    def line(self) -> list[str]:
        own = [f"folder={self.folder}/pipelines", f"deployments={self.folder}/deployments"]
        return ["name=shelves", f"data.root={self.folder}/empty", *own, f"stream.predictions={self.folder}/log.jsonl"]

    def judged(self, number: int, hours: float = 0.0, why: str = "first") -> None:
        """Lay down all of a round up to its judgement."""
        at, record = START + timedelta(hours=hours), self.context.journal.record
        write_round_export(self.context, number)
        record(FactKind.ROUND_BEGUN, at, {"why": [why], "kinds": ["by hand"]}, number)
        record(FactKind.LABELS_TAKEN, at, {"images": 0, "waited_days": 0.0, "why": []}, number)
        record(FactKind.VERSION_MADE, at, {"data": DATA.to_json(), "labelled": 0}, number)
        record(FactKind.SEARCHED, at, SEARCHED.to_json(), number)
        record(FactKind.JUDGED, at, JUDGED.to_json(), number)

    def operate(self, *more: str, hours: float = 1.0) -> Done:
        now = (START + timedelta(hours=hours)).isoformat()
        return automl("operate", "pipeline=base", *self.line, "--now", now, *more, folder=self.folder)

    def rollback(self, *more: str, hours: float = 2.0) -> Done:
        now = (START + timedelta(hours=hours)).isoformat()
        return automl("rollback", "pipeline=base", *self.line, "--now", now, *more, folder=self.folder)

    def facts(self, *kinds: FactKind) -> list[Fact]:
        return [fact for fact in self.context.journal.facts() if not kinds or fact.kind in kinds]

    @property
    def serves(self) -> str | None:
        return pointed(self.context.paths)


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return Prepared(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def two_versions(prepared: Prepared, *more: str) -> None:
    """Have v0001 serve, and the second round packed and as far as its rollout lets it."""
    prepared.judged(1)
    assert prepared.operate().returncode == 0
    prepared.judged(2, hours=1)
    assert prepared.operate(*more, hours=1.5).returncode == 0


def test_a_judged_round_is_packed_and_promoted_once(prepared: Prepared) -> None:
    prepared.judged(1)
    done = prepared.operate(f"hooks.promoted=cat >> {prepared.folder}/told.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert "round 1: v0001 serves from now on, before: none" in done.stdout
    assert prepared.serves == "v0001"
    again = prepared.operate(f"hooks.promoted=cat >> {prepared.folder}/told.jsonl")
    assert again.stdout.splitlines()[-1] == "nothing is due: no trigger fires"
    (told,) = [json.loads(line) for line in (prepared.folder / "told.jsonl").read_text().splitlines()]
    assert (told["kind"], told["words"]["version"]) == ("promoted", "v0001")
    kinds = [fact.kind for fact in prepared.facts()]
    assert kinds.count(FactKind.PROMOTED) == kinds.count(FactKind.HOOK_CALLED) == kinds.count(FactKind.ROUND_ENDED) == 1


def test_a_hook_that_fails_is_a_failed_step_and_is_called_again(prepared: Prepared) -> None:
    prepared.judged(1)
    done = prepared.operate("hooks.promoted=echo away >&2; exit 7")
    assert done.returncode == 1
    assert "call the hook promoted: hooks.promoted" in done.stdout
    assert prepared.serves == "v0001"
    assert prepared.operate("hooks.promoted=true").returncode == 0
    assert len(prepared.facts(FactKind.HOOK_CALLED)) == 1


def test_a_canary_waits_and_a_look_again_changes_nothing(prepared: Prepared) -> None:
    two_versions(prepared, "rollout.kind=canary")
    rollout = json.loads((prepared.folder / "deployments/shelves/rollout.json").read_text())
    assert (rollout["version"], rollout["kind"], rollout["share"]) == ("v0002", "canary", 0.1)
    assert prepared.serves == "v0001"
    done = prepared.operate("rollout.kind=canary", hours=1.6)
    assert "round 2: waits: " in done.stdout
    assert prepared.context.journal.state().rollout is not None


def test_a_pointer_that_was_moved_before_its_fact_is_put_back(prepared: Prepared) -> None:
    two_versions(prepared, "rollout.kind=canary")
    point(prepared.context.paths, "v0002")  # as by a process that was killed just then
    done = prepared.operate("rollout.kind=canary", hours=1.6)
    assert "names v0001 again" in done.stdout
    assert prepared.serves == "v0001"


def test_a_pointer_without_a_journal_stays_where_it_is(prepared: Prepared) -> None:
    two_versions(prepared)
    assert prepared.serves == "v0002"
    prepared.context.paths.journal.unlink()
    done = prepared.operate(hours=3)
    assert done.returncode == 1
    assert "give the pipeline its journal back" in done.stdout
    assert prepared.serves == "v0002"


def test_a_dry_run_says_what_and_why_and_changes_nothing(prepared: Prepared) -> None:
    prepared.judged(1)
    before = contents(prepared.folder)
    done = prepared.operate("--dry-run")
    assert (
        done.stdout.splitlines()[0] == "round 1: would pack the challenger as a version, because it was judged: promote"
    )
    assert contents(prepared.folder) == before


def test_a_dry_run_of_a_pipeline_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    done = automl("operate", "pipeline=base", "name=new", "data.root=embedded", "--dry-run", folder=tmp_path)
    assert done.stdout.startswith("would begin a round (1), because no version has come to serve yet")
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_fails_is_recorded_and_tried_again(prepared: Prepared) -> None:
    done = prepared.operate()
    assert done.returncode == 1
    (failed,) = prepared.facts(FactKind.FAILED)
    assert failed.words["step"] == "make a version of the data set"
    assert "empty" in failed.words["error"]
    assert prepared.operate(hours=1.5).returncode == 1
    assert len(prepared.facts(FactKind.FAILED)) == 1, "the same within an hour is said, and not recorded again"
    assert prepared.operate(hours=2.5).returncode == 1
    assert len(prepared.facts(FactKind.FAILED)) == 2
    assert len(prepared.facts(FactKind.ROUND_BEGUN)) == 1


def test_a_round_is_given_up_by_hand(prepared: Prepared) -> None:
    prepared.operate()
    done = prepared.operate("--give-up", "the data set is gone", hours=1.5)
    assert done.returncode == 0
    (ended,) = prepared.facts(FactKind.ROUND_ENDED)
    assert ended.words == {"outcome": "nothing", "why": ["given up by hand: the data set is gone"]}
    assert "brought no first champion" in done.stdout
    refused = prepared.operate("--give-up", "again", hours=1.6)
    assert (refused.returncode, refused.stderr) == (2, "automl: --give-up: no round is under way\n")


def test_looks_are_recorded_once_an_hour_where_nothing_comes(prepared: Prepared) -> None:
    prepared.judged(1)
    for hours in (1, 1.01, 1.5, 1.99, 2, 2.5):
        assert prepared.operate(hours=hours).returncode == 0
    assert [fact.at for fact in prepared.facts(FactKind.LOOKED)] == [START + timedelta(hours=hours) for hours in (1, 2)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("data.root=nowhere", "data.root: '"),
        ("stream.images=nowhere", "stream.images: '"),
        ("stream.labels=nowhere", "stream.labels: '"),
        ("search.conf=retial", "nearest: retail"),
        ("search.first=[budget.hour=1]", "search.first"),
        ("search.again=[budget.hour=1]", "search.again"),
        ("gates.overrides=[gate.map5_min=0.5]", "nearest: gate.map50_min"),
    ],
)
@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_a_place_or_a_search_that_is_not_there_is_found_before_anything_is_done(
    tmp_path: Path, more: str, said: str, dry: list[str]
) -> None:
    places = [f"folder={tmp_path}/pipelines", f"deployments={tmp_path}/deployments", "data.root=embedded"]
    done = automl("operate", "pipeline=base", "name=shelves", *places, more, *dry, folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert said in done.stderr
    assert not list(tmp_path.rglob("v0001"))


def test_what_is_asked_for_by_hand_begins_the_next_round(prepared: Prepared) -> None:
    prepared.judged(1)
    prepared.operate()
    done = prepared.operate("--begin", "a new shelf", hours=1.1)
    assert "round 2: begun: asked for by hand: a new shelf" in done.stdout
    assert done.returncode == 1, "data.root has nothing in it"
    later = prepared.operate("--begin", "another one", hours=1.2)
    assert "round 2 is under way: the next one begins when it has ended" in later.stdout
    assert len(prepared.facts(FactKind.ROUND_BEGUN)) == 2


def test_events_as_json_hold_facts(prepared: Prepared) -> None:
    prepared.judged(1)
    events = [json.loads(line) for line in prepared.operate("--log-format", "json").stdout.splitlines()]
    (promoted,) = [event for event in events if event.get("fact") == "promoted"]
    assert promoted["words"]["version"] == "v0001"
    assert (promoted["round"], promoted["at"]) == (1, (START + timedelta(hours=1)).isoformat())


def test_who_comes_second_ends_with_3(prepared: Prepared) -> None:
    with closing(open_journal(prepared.context.settings)) as other, other.alone():
        done = prepared.operate()
    assert done.returncode == 3
    assert done.stderr.startswith(f"automl: operate: pipeline 'shelves' is operated by process {os.getpid()} on ")
    assert prepared.facts() == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--now", "soon"], "--now: must be a moment"),
        (["--stay", "--dry-run"], "--stay: goes by this machine's clock"),
        (["--dry-run", "--begin", "now"], "--dry-run: changes nothing"),
        (["--every", "0"], "--every: must be over 0"),
        (["rollout.hour=3"], "unknown setting 'rollout.hour'; nearest: rollout.hours"),
    ],
)
def test_mistakes_in_the_line_end_with_2(prepared: Prepared, more: list[str], words: str) -> None:
    before = contents(prepared.folder)
    done = prepared.operate(*more)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr
    assert contents(prepared.folder) == before


def test_a_moment_before_what_was_done_is_refused(prepared: Prepared) -> None:
    prepared.judged(1, hours=5)
    done = prepared.operate(hours=4)
    assert done.returncode == 2
    assert "lies before what pipeline 'shelves' has done already" in done.stderr


@pytest.mark.seconds
def test_who_stays_looks_until_asked_to_end(prepared: Prepared) -> None:
    prepared.judged(1)
    line = [str(SCRIPT), "operate", "pipeline=base", *prepared.line, "--stay", "--every", "0.2"]
    with subprocess.Popen(line, cwd=prepared.folder, stdout=subprocess.PIPE, text=True) as process:
        wait_until(lambda: prepared.facts(FactKind.ROUND_ENDED))
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output.splitlines()[-1] == "interrupted; the same line goes on from here"
    assert len(prepared.facts(FactKind.LOOKED)) == 1


# Rollback by hand


def test_rollback_takes_the_version_before_and_does_not_wait_for_who_operates(prepared: Prepared) -> None:
    two_versions(prepared)
    assert prepared.serves == "v0002"
    with closing(open_journal(prepared.context.settings)) as other, other.alone():
        done = prepared.rollback("--why", "it finds ghosts", f"hooks.rolled_back=cat > {prepared.folder}/told")
    assert (done.returncode, done.stdout) == (0, "v0002 rolled back, v0001 serves: it finds ghosts\n")
    assert prepared.serves == "v0001"
    assert json.loads((prepared.folder / "told").read_text())["words"]["by"] == "hand"
    assert prepared.operate(hours=3).returncode == 0
    assert prepared.serves == "v0001"


def test_rollback_ends_a_canary_and_the_champion_stays(prepared: Prepared) -> None:
    two_versions(prepared, "rollout.kind=canary")
    assert prepared.rollback().stdout == "round 2: v0002 rolled back, v0001 serves: by hand\n"
    assert not (prepared.folder / "deployments/shelves/rollout.json").exists()
    done = prepared.operate("rollout.kind=canary", hours=3)
    assert "round 2: ended: rolled back" in done.stdout


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--to", "v0003"], "--to: there is no version 'v0003'; nearest: "),
        (["--to", "v0002"], "--to: v0002 serves already"),
        (["--to", "v0001"], "is missing; version 'v0001' is not whole"),
    ],
)
def test_rollback_refuses_versions_that_cannot_serve(prepared: Prepared, more: list[str], words: str) -> None:
    two_versions(prepared)
    (prepared.context.paths.deployment("v0001") / "model.onnx").unlink()
    done = prepared.rollback(*more)
    assert done.returncode == 2
    assert words in done.stderr
    assert prepared.serves == "v0002"
    assert prepared.facts(FactKind.ROLLED_BACK) == []


def test_rollback_of_a_pipeline_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    done = automl("rollback", "shelves", folder=tmp_path)
    assert done.returncode == 2
    assert "there is no pipeline in" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_rollback_by_the_name_of_a_folder(prepared: Prepared) -> None:
    two_versions(prepared)
    now = (START + timedelta(hours=2)).isoformat()
    more = [f"deployments={prepared.folder}/deployments", "--now", now]
    done = automl("rollback", f"{prepared.folder}/pipelines/shelves", *more, folder=prepared.folder)
    assert (done.returncode, prepared.serves) == (0, "v0001"), done.stderr
