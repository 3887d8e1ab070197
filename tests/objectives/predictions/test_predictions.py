"""Logs of predictions: what is written is read, and what is bad, torn, old or strange is said."""

import gzip
import json
import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from objectives.predictions.parquet import write_parquet
from objectives.predictions.read import LogReport, read_predictions
from objectives.predictions.record import LoggedBox, PredictionRecord
from objectives.predictions.write import append
from spaces.errors import DataError

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
LINE = {"time": "2026-03-02T06:00:00Z", "image": "a/1.jpg", "version": "v0001"}


def answer(hours: float = 0, image: str = "a/1.jpg", version: str = "v0001", **more: object) -> PredictionRecord:
    values = {"shadow": False, "boxes": (), "latency_ms": 12.5, "width_px": 640, "height_px": 480}
    values |= {"group": "a", "error": "", **more}
    return PredictionRecord(START + timedelta(hours=hours), image, version, **values)  # type: ignore[arg-type]  # of a test


BOXES = (LoggedBox("red", 0.75, (1.5, 2.0, 30.25, 40.0)), LoggedBox("blue", 1.0, (0.0, 0.0, 5.0, 5.0)))
ANSWERS = [
    answer(boxes=BOXES),
    answer(1, shadow=True, version="v0002", latency_ms=None, width_px=None, height_px=None, group=""),
    answer(2, error="no image"),
]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    if suffix == "jsonl":
        append(path, ANSWERS[:1])
        append(path, ANSWERS[1:])
    else:
        write_parquet(path, ANSWERS)
    report = LogReport()
    assert list(read_predictions(path, report=report)) == ANSWERS
    assert (report.answers, report.problems) == (3, ())
    one = START + timedelta(hours=1)
    assert list(read_predictions(path, one, one + timedelta(seconds=1))) == ANSWERS[1:2]


def test_a_folder_of_rotated_files_is_read_in_order(tmp_path: Path) -> None:
    append(tmp_path / "2026" / "b.jsonl", [ANSWERS[1]])
    append(tmp_path / "plain.jsonl", [ANSWERS[0]])
    (tmp_path / "2026" / "a.jsonl.1.gz").write_bytes(gzip.compress((tmp_path / "plain.jsonl").read_bytes()))
    (tmp_path / "plain.jsonl").unlink()
    write_parquet(tmp_path / "c.parquet", [ANSWERS[2]])
    (tmp_path / "README.md").write_text("notes")
    (tmp_path / ".hidden").write_text("no log")
    report = LogReport()
    assert list(read_predictions(tmp_path, report=report)) == ANSWERS
    assert len(report.problems) == 1
    assert "'README.md'" in report.problems[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"time": "yesterday"}, "Invalid RFC3339"),
        ({"time": None}, "$.time"),
        ({"image": 3}, "$.image"),
        ({"image": ""}, "must not be empty"),
        ({"detections": [{"class": "red", "score": 1.5, "box": [0, 0, 1, 1]}]}, "score: must lie in 0..1, got 1.5"),
        ({"detections": [{"class": "red", "score": 0.5, "box": [3, 0, 1, 1]}]}, "box: must be [left, top"),
        ({"detections": [{"class": "red", "score": 0.5, "box": [0, 0, 1]}]}, "length 4"),
        ({"detections": [{"score": 0.5, "box": [0, 0, 1, 1]}]}, "`class`"),
        ({"latency_ms": -1}, "latency_ms: must be 0 or more"),
    ],
)
def test_a_bad_line_is_named_once_and_the_others_are_read(tmp_path: Path, change: dict[str, object], why: str) -> None:
    path = tmp_path / "log.jsonl"
    lines = [json.dumps(LINE), "", json.dumps({**LINE, **change}), "{nothing", json.dumps(LINE)]
    path.write_text("\n".join(lines) + "\n")
    report = LogReport()
    assert len(list(read_predictions(path, report=report))) == 2
    assert report.bad == 2
    assert report.named[0].startswith(f"{path}:3: ")
    assert why in report.named[0]
    assert len(report.problems) == 1


def test_what_a_line_leaves_out_and_unknown_fields(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({**LINE, "time": "2026-03-02T08:00:00+02:00", "camera": 7}) + "\n")
    (found,) = read_predictions(path)
    assert found == PredictionRecord(START, "a/1.jpg", "v0001", False, (), None, None, None, "", "")
    path.write_text(json.dumps({**LINE, "time": "2026-03-02T06:00:00"}) + "\n")
    assert next(read_predictions(path)).at == START


def test_a_line_that_is_being_written_waits_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append(path, ANSWERS[:1])
    with path.open("a") as stream:
        stream.write('{"time": "2026-03-0')
    report = LogReport()
    assert list(read_predictions(path, report=report)) == ANSWERS[:1]
    assert (report.torn, report.bad, report.problems) == (1, 0, ())
    append(path, ANSWERS[1:])  # whoever wrote the half line was killed
    report = LogReport()
    assert list(read_predictions(path, report=report)) == ANSWERS
    assert (report.torn, report.bad) == (0, 1)


def test_files_that_are_older_as_a_whole_are_not_read(tmp_path: Path) -> None:
    append(tmp_path / "1.jsonl", [answer(), answer(1)])
    append(tmp_path / "2.jsonl", [answer(100), answer(99)])
    (tmp_path / "0.jsonl.gz").write_bytes(gzip.compress(b"never opened"))
    os.utime(tmp_path / "0.jsonl.gz", (START.timestamp(),) * 2)
    write_parquet(tmp_path / "3.parquet", [answer()])
    report = LogReport()
    assert list(read_predictions(tmp_path, START + timedelta(hours=50), report=report)) == [answer(100), answer(99)]
    assert (report.older, report.answers, report.problems) == (2, 2, ())


def test_what_is_missing_or_broken_is_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report = LogReport()
    assert list(read_predictions(tmp_path / "none", report=report)) == []
    assert "is not there" in report.problems[0]
    (tmp_path / "a.parquet").write_bytes(b"PAR1 torn")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b"a" * 999)[:12])
    report = LogReport()
    assert list(read_predictions(tmp_path, report=report)) == []
    assert report.bad == 1
    assert "b.jsonl.gz" in report.notes[0]
    list(read_predictions(tmp_path / "none"))
    assert "is not there" in caplog.text


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.parquet"
    write_parquet(path, ANSWERS)
    monkeypatch.setattr("objectives.predictions.parquet.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"install automl\[parquet\]"):
        list(read_predictions(path))


def _write_many(path: Path, version: str) -> None:
    for i in range(300):
        append(path, [answer(i, version=version, boxes=BOXES * 20)])


@pytest.mark.seconds
def test_servers_share_a_file(tmp_path: Path) -> None:
    path, context = tmp_path / "log.jsonl", multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(path, f"v{i}")) for i in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    report = LogReport()
    found = list(read_predictions(path, report=report))
    assert (len(found), report.bad, report.torn) == (900, 0, 0)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"time": "0001-01-01T00:00:00+05:00"}, "time: lies beyond the calendar"),
        ({"time": "9999-12-31T23:00:00-05:00"}, "time: lies beyond the calendar"),
        ({"more": "nested"}, "recursion"),
    ],
)
def test_a_line_that_no_calendar_and_no_stack_holds_is_a_bad_line(
    tmp_path: Path, bad: dict[str, str], why: str
) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    lines = [json.dumps({**LINE, **bad}).replace('"nested"', deep), json.dumps(LINE)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    report = LogReport()
    assert len(list(read_predictions(tmp_path, report=report))) == 1
    assert (report.bad, why in report.named[0]) == (1, True)
