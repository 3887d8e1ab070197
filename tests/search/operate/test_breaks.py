"""One thing that is broken keeps nothing else from going on: a hook, a clock, a name, a file of labels, a link."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command_line import Done, automl
from PIL import Image
from rolled_out import START, pipeline, write_round_export
from small_stream import NOW, arrive, coco_of, first_data, stream_context

from search.commands.operating.opened import Said, clock_of_line
from search.operate.context import OperateContext
from search.operate.due import Due, DueStep
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.images import ImageStatus
from search.operate.journal.open import open_journal
from search.operate.operator import Operator
from search.operate.rollout.pointer import pointed
from search.operate.rounds.contract import JudgedRound, Searched
from search.operate.rounds.search_again import search_again
from search.operate.steps import StepWork, do
from search.operate.stream.contract import DataVersion
from search.operate.stream.hand_over import hand_over
from search.operate.stream.sets.record import read_record
from search.operate.stream.take_back import take_back
from search.operate.stream.take_in import take_in
from search.operate.stream.versions import make_version
from spaces.errors import DataError, SettingsError

SEARCHED = Searched("shelves-r0001", ("search",), 0.1, 9, 0, 3, "", "rounds/0001/export", {"map": 0.5})
DATA = DataVersion(
    1, "data/0001/set", "", "contents-1", "contents-2", {"train": 4, "val": 2}, ("red", "blue"), (), "data/0001/set"
)
A_CENTURY_HOURS = 24.0 * 36525


def judged(context: OperateContext, number: int, against: str, hours: float = 0.0) -> None:
    """Lay down all of a round up to its judgement: promote."""
    at, record = START + timedelta(hours=hours), context.journal.record
    write_round_export(context, number)
    record(FactKind.ROUND_BEGUN, at, {"why": ["first"], "kinds": ["by hand"]}, number)
    record(FactKind.LABELS_TAKEN, at, {"images": 0, "waited_days": 0.0, "why": []}, number)
    record(FactKind.VERSION_MADE, at, {"data": DATA.to_json(), "labelled": 0}, number)
    record(FactKind.SEARCHED, at, SEARCHED.to_json(), number)
    record(FactKind.JUDGED, at, JudgedRound("promote", ("better",), {}, None, (), (), against).to_json(), number)


def looked(context: OperateContext, hours: float) -> tuple[bool, list[str]]:
    """Look once, as of a moment; return whether all went well, and what was said."""
    said: list[str] = []

    def announce(line: str, fact: Fact | None = None) -> None:
        del fact
        said.append(line)

    return Operator(context, lambda: START + timedelta(hours=hours), announce).look(), said


def kinds(context: OperateContext, *wanted: FactKind) -> list[Fact]:
    return [fact for fact in context.journal.facts() if fact.kind in wanted]


# Hooks and failures


def test_a_hook_that_fails_holds_nothing_up(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    context = pipeline(tmp_path, f"hooks.promoted='echo >> {calls}; exit 7'")
    judged(context, 1, "nothing")
    went_well, said = looked(context, 1)
    assert not went_well
    assert any("call the hook promoted: hooks.promoted: ended with 7" in line for line in said)
    assert len(kinds(context, FactKind.ROUND_ENDED)) == 1  # the round went on
    assert calls.read_text() == "\n"  # once a look
    looked(context, 1.1)
    assert calls.read_text() == "\n\n"
    context.journal.close()


def test_failures_that_alternate_are_recorded_once_an_hour(tmp_path: Path) -> None:
    lines = ("hooks.promoted='exit 7'", f"stream.images={tmp_path}/gone")
    context = pipeline(tmp_path, *lines)
    judged(context, 1, "nothing")
    for minutes in range(3):
        assert not looked(context, 1 + minutes / 60)[0]
    assert len(kinds(context, FactKind.FAILED)) == 2
    context.journal.close()


# A champion that changes meanwhile


def test_a_challenger_is_judged_again_once_another_version_serves(tmp_path: Path) -> None:
    context = pipeline(tmp_path)
    judged(context, 1, "nothing")
    assert looked(context, 1)[0]
    judged(context, 2, "v0001", hours=1)
    assert looked(context, 1.5)[0]
    judged(context, 3, "v0002", hours=2)
    words = {"version": "v0002", "to": "v0001", "why": ["ghosts"], "by": "hand"}
    context.journal.record(FactKind.ROLLED_BACK, START + timedelta(hours=2), words)
    _, said = looked(context, 2.5)
    assert "round 3: judge the challenger, because it was judged against v0002, and v0001 serves now" in said
    assert pointed(context.paths) == "v0001"  # the line of the comparison cannot be run here
    context.journal.close()


# Clocks


def test_a_clock_that_was_put_back_ends_neither_looks_nor_rollbacks(tmp_path: Path) -> None:
    context = pipeline(tmp_path)
    judged(context, 1, "nothing")
    assert looked(context, 1)[0]
    judged(context, 2, "v0001", hours=1)
    assert looked(context, A_CENTURY_HOURS)[0]
    assert pointed(context.paths) == "v0002"

    def line(*words: str) -> Done:
        own = [f"folder={tmp_path}/pipelines", f"deployments={tmp_path}/deployments", "rollout.watch_hours=0"]
        own += ["name=shelves", "data.root=nowhere", f"stream.predictions={tmp_path}/log.jsonl"]
        return automl(words[0], "pipeline=base", *own, *words[1:], folder=tmp_path)

    back = line("rollback")
    assert (back.returncode, pointed(context.paths)) == (0, "v0001"), back.stderr
    assert back.stdout.startswith("this machine's clock was put back: the last fact is of 2126-")
    last = kinds(context, FactKind.ROLLED_BACK)[-1]
    assert last.at == START + timedelta(hours=A_CENTURY_HOURS)
    context.journal.close()


def test_the_clock_of_a_line_never_goes_back() -> None:
    clock = clock_of_line(None)
    ahead = datetime.now(UTC) + timedelta(days=2)
    assert timedelta(days=1) < clock.hold(ahead) <= timedelta(days=2)
    assert clock() == clock() == ahead
    assert clock.hold(ahead - timedelta(days=3)) < timedelta(0)
    assert clock() == ahead


def test_what_is_said_holds_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    Said("plain", clock_of_line(None))("a\x1b[31mb\nc\udcffé")
    assert capsys.readouterr().out == "a\\x1b[31mb\\nc\\udcffé\n"


# What lies in the folders


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[OperateContext]:
    first_data(tmp_path / "first")
    context = stream_context(tmp_path, "labelling.images_max=2")
    (tmp_path / "stream").mkdir(exist_ok=True)
    yield context
    context.journal.close()


def test_names_and_times_that_no_journal_takes_keep_no_other_image_out(stream: OperateContext, tmp_path: Path) -> None:
    folder = tmp_path / "stream/store-a"
    for seed, name in enumerate(("fine.png", "plain.png", "old.png")):
        arrive(tmp_path / "stream", f"store-a/{name}", seed, NOW - timedelta(hours=1))
    (folder / "plain.png").rename(folder / os.fsdecode(b"\xff\x1b.png"))
    ages_s = 10.0**13  # of a camera whose clock is nonsense
    os.utime(folder / "old.png", (-ages_s, -ages_s))
    is_beyond = (folder / "old.png").stat().st_mtime < -1e12  # file systems differ in what they keep
    found = take_in(stream)
    assert [image.path for image in stream.journal.images()][-1:] == ["store-a/fine.png"]
    assert any("'store-a/\\udcff\\x1b.png': its name is not UTF-8" in line for line in found.problems)
    assert any("the file's time lies beyond the calendar" in line for line in found.problems) is is_beyond


def test_what_is_no_file_of_labels_keeps_no_other_out(stream: OperateContext, tmp_path: Path) -> None:
    sha, boxes = arrive(tmp_path / "stream", "store-a/one.png", 1, NOW - timedelta(hours=1))
    take_in(stream)
    labels = tmp_path / "labels"
    (labels / "gone.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(labels / "pipe.json")
    (labels / "fine.json").write_text(json.dumps(coco_of([(f"{sha}.png", boxes)])))
    assert take_back(stream, None).labelled == 1


def test_images_that_nobody_labelled_may_be_asked_for_again(stream: OperateContext, tmp_path: Path) -> None:
    for seed in range(2):
        arrive(tmp_path / "stream", f"store-a/{seed}.png", seed, NOW - timedelta(hours=1))
    take_in(stream)
    record = stream.journal.record
    record(FactKind.ROUND_BEGUN, NOW, {"why": [], "kinds": ["by hand"]}, 1)
    record(FactKind.LABELS_ASKED, NOW, hand_over(stream, 1, None), 1)
    assert stream.journal.count_images(ImageStatus.ASKED, 1) == 2
    do(StepWork(stream, stream.journal.state(), Due(DueStep.END_ROUND, 1, ("no label came",))))
    assert stream.journal.count_images(ImageStatus.NEW) == 2
    assert hand_over(stream, 2, None)["images"] == 2
    assert stream.journal.count_images(ImageStatus.ASKED, 2) == 2


# Data that is edited in place


def test_an_edit_of_the_first_data_set_is_said_and_spoils_no_round(stream: OperateContext) -> None:
    version = make_version(stream, 1)
    stream.journal.record(FactKind.ROUND_BEGUN, NOW, {"why": [], "kinds": []}, 1)
    stream.journal.record(FactKind.VERSION_MADE, NOW, {"data": version.to_json(), "labelled": 0}, 1)
    assert make_version(stream, 2).fingerprint == version.fingerprint
    linked = sorted((stream.paths.version(1).data / "images/train").rglob("*.*"))
    with linked[0].open("ab") as file:  # in place: it is the file of the first data set
        file.write(b"\0")
    with pytest.raises(DataError, match=r"data version 1: .* were edited in place; restore them, or end the round"):
        search_again(stream, stream.journal.state(), 1)
    third = make_version(stream, 3)
    record = read_record(stream.paths.version(3).record)
    assert record is not None
    assert third.fingerprint != version.fingerprint
    assert any("has changed since round 1, to 6 images: each round trains on it" in line for line in record.findings)


# The journal


def test_a_journal_is_read_anew_where_another_one_takes_its_place(tmp_path: Path) -> None:
    one = pipeline(tmp_path)
    one.journal.record(FactKind.ASKED, START, {"why": "a"})
    one.journal.record(FactKind.ASKED, START, {"why": "b"})
    with closing(open_journal(one.settings)) as other:
        assert len(other.facts()) == 2
        one.journal.record(FactKind.ASKED, START, {"why": "c"})
        assert [fact.words["why"] for fact in other.facts()] == ["a", "b", "c"]
        one.paths.journal.unlink()
        with closing(open_journal(one.settings)) as third:
            third.record(FactKind.ASKED, START, {"why": "d"})
        assert [fact.words["why"] for fact in other.facts()] == ["d"]
    one.journal.close()


def test_the_server_unpacks_no_picture_of_gigabytes(tmp_path: Path) -> None:
    side = 10_001  # pixels; of one bit each, so that the file is small
    Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    program = (
        "import sys; from objectives.deploy.serving.program import main; main()\n"  # ends with 2: no model is there
        "import numpy; from objectives.data.pictures.decode import decode\n"
        "assert decode(numpy.fromfile(sys.argv[1], numpy.uint8)) is None"
    )
    line = [sys.executable, "-c", program, str(tmp_path / "bomb.png")]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stderr


# Classes that rules name


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("gates.critical={rde: {drop_max: 0.02}}", "gates.critical: the data set has no class 'rde'; nearest: red"),
        ("triggers.performance.classes=[red,bleu]", "triggers.performance.classes: the data set has no class 'bleu'"),
        ("rollout.rules.classes=[crack]", "rollout.rules.classes: the data set has no class 'crack'; known: red"),
    ],
)
def test_a_rule_for_a_class_that_is_not_there_stops_the_round_before_its_search(
    tmp_path: Path, more: str, said: str
) -> None:
    first_data(tmp_path / "first")
    context = stream_context(tmp_path, more)
    with closing(context.journal):
        context.journal.record(FactKind.ROUND_BEGUN, NOW, {"why": ["first"], "kinds": ["first"]}, 1)
        work = StepWork(context, context.journal.state(), Due(DueStep.MAKE_VERSION, 1, ()))
        with pytest.raises(SettingsError, match=re.escape(said)):
            do(work)
        assert not kinds(context, FactKind.VERSION_MADE)
