"""A study in brief: how it stands, what meets its gate, its little picture."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import optuna
import pytest
from timing import cpu_s

from objectives.records.gate import Gate
from objectives.records.study_record import SessionRecord, StudyRecord
from objectives.records.trial_record import Phase
from reports.studies.card import QUIET_S, card_of, last_change, study_address, study_state, unread_card
from reports.studies.little_picture import DOTS_MAX, LITTLE_HEIGHT, LITTLE_WIDTH, STEPS_MAX, little_picture
from reports.table.table import StudyTable, read_study

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def searched(table: StudyTable, *sessions: tuple[float, bool], running: int = 0, paused: bool = False) -> StudyTable:
    """Return a study with processes that were silent for so many seconds, and trials that run."""
    stored = {
        f"automl.session.{key}": SessionRecord(
            "box", 7, "/runs", [[NOW.timestamp() - 9e3, NOW.timestamp() - silent_s]], ended
        ).to_json()
        for key, (silent_s, ended) in enumerate(sessions)
    }
    rows = [replace(row, phase=Phase.RUNNING) if row.number < running else row for row in table.rows]
    kind = Paused if paused else StudyTable
    return kind(
        name=table.name,
        rows=tuple(rows),
        gate=table.gate,
        device=table.device,
        data=table.data,
        provenance=table.provenance,
        fingerprints=table.fingerprints,
        record=StudyRecord({**table.record.attributes, **stored}),
    )


class Paused(StudyTable):
    """A study that somebody has paused."""

    paused = True


@pytest.mark.parametrize(
    ("sessions", "running", "expected"),
    [
        ([(3.0, False)], 2, ("running", "")),
        ([(3.0, False), (20.0, False), (1.0, True)], 2, ("running", "2 processes")),
        ([(1.0, True)], 0, ("ended", "")),
        ([(1.0, True)], 2, ("cut", "2 trials left unfinished")),
        ([(QUIET_S + 1, False)], 1, ("cut", "1 trial left unfinished")),
        ([(QUIET_S + 1, False)], 0, ("cut", "its process left no word")),
        ([(9e4, False), (1.0, True)], 0, ("ended", "")),  # a process that died once, and one that ended since
        ([], 0, ("ended", "")),  # an older automl kept no sessions
    ],
)
def test_how_a_study_stands(
    report_table: Callable[..., StudyTable],
    sessions: list[tuple[float, bool]],
    running: int,
    expected: tuple[str, str],
) -> None:
    assert study_state(searched(report_table(12), *sessions, running=running), NOW) == expected


def test_a_pause_comes_first(report_table: Callable[..., StudyTable]) -> None:
    table = report_table(12)
    assert study_state(searched(table, (3.0, False), paused=True), NOW) == ("paused", "")
    assert study_state(searched(table, (3.0, True), paused=True), NOW) == ("paused", "nobody searches it")
    assert study_state(StudyTable("new", ()), NOW) == ("not begun", "")


def test_a_card_says_what_meets_the_gate(report_table: Callable[..., StudyTable]) -> None:
    table = report_table(60)
    card = card_of(table, now=NOW)
    best = max(table.finished, key=lambda row: row.map or 0)
    assert (card.best_map, card.best_number, card.front) == (best.map, best.number, len(table.front))
    assert (card.trials, card.children, card.href) == (60, 0, "/studies/retail")
    assert card.pick_kind == "meets"
    assert table.row(card.pick_number or 0).passes_gate
    assert card.pick.startswith("mAP 0.")
    assert card.gate == "mAP50 ≥ 0.62 and p95 ≤ 10 ms"
    assert (card.data, card.device, card.data_key, card.device_key) == (
        "shelves",
        "shelf camera",
        "da7a01",
        "d3vice0123",
    )
    assert card.updated == last_change(table)
    assert card.updated is not None
    assert card.updated.tzinfo is not None
    assert card.against == ""


def test_a_card_of_what_misses_and_of_nothing(report_table: Callable[..., StudyTable]) -> None:
    card = card_of(report_table(60, gate=Gate(map_min=0.99)), now=NOW)
    assert card.pick_kind == "misses"
    assert card.pick.startswith("mAP 0.")
    assert card.pick.endswith(" short")
    free = card_of(report_table(60, gate=Gate()), now=NOW)
    assert (free.pick_kind, free.gate) == ("no gate", "")
    assert free.pick.endswith(", the most accurate")
    empty = card_of(StudyTable("new", ()), now=NOW)
    assert (empty.pick, empty.best_map, empty.picture, empty.updated) == ("no trial has finished yet", None, None, None)
    broken = unread_card("b", "store: gone")
    assert (broken.error, broken.state, broken.href) == ("store: gone", "", "")


def test_a_card_beside_the_baseline(report_table: Callable[..., StudyTable]) -> None:
    table = report_table(60)
    slow = min(table.finished, key=lambda row: row.map or 0)
    rows = tuple(replace(row, baseline="yolo26n@320") if row is slow else row for row in table.rows)
    card = card_of(replace(table, rows=rows), now=NOW)
    assert card.against.startswith("beside the baseline, stock yolo26n: 0.")
    assert " more mAP, " in card.against
    pick = card.pick_number
    itself = tuple(replace(row, baseline="yolo26n") if row.number == pick else row for row in table.rows)
    assert card_of(replace(table, rows=itself), now=NOW).against == "is the baseline itself, stock yolo26n"


def test_names_become_addresses() -> None:
    assert study_address("a b/ü?#&") == "/studies/a%20b%2F%C3%BC%3F%23%26"


def test_a_little_picture_is_small_and_within_its_box(report_table: Callable[..., StudyTable]) -> None:
    table = report_table(400)
    picture = little_picture(table.finished)
    assert picture is not None
    assert len(picture.dots) == DOTS_MAX
    assert 0 < len(picture.members) == min(len(table.front), STEPS_MAX)
    assert all(0 <= x <= LITTLE_WIDTH and 0 <= y <= LITTLE_HEIGHT for x, y in [*picture.dots, *picture.members])
    rising = [y for _, y in picture.members]
    assert rising == sorted(rising, reverse=True)  # more accurate, the slower
    assert picture.words.startswith(f"front of {len(table.front)} detectors: mAP 0.")
    assert little_picture([]) is None
    one = little_picture([table.front[0]])
    assert one is not None
    assert one.members == ((LITTLE_WIDTH / 2, LITTLE_HEIGHT / 2),)


def test_a_card_takes_less_than_a_reading(report_study: Callable[..., optuna.Study]) -> None:
    """The time of a page of a hundred studies is that of reading them."""
    study = report_study(140)
    read_s = cpu_s(lambda: read_study(study), times=1)  # what is read again is kept
    table = read_study(study)
    assert cpu_s(lambda: card_of(table, now=NOW)) < read_s
