"""The book of latencies: what answers what, many writers, killed writers, damaged and foreign files."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from defaults import CPU, device_of, protocol_of

from objectives.deploy.device import Device
from objectives.latency.book import book as module
from objectives.latency.book.asked import Asked, asked_of, digest_of_file
from objectives.latency.book.book import Book, Holding
from objectives.latency.protocol import LatencyProtocol
from objectives.machine.files import cache_folder
from objectives.records.records import Latency

ROOT = Path(__file__).parents[3]
WHEN = "2026-11-26T05:27:10Z"
FIGURE = Latency(2.0, 2.5, 1.9, 2.1, 1.5, 300, 1.2, True, "", "device", 10**8, measured_at=WHEN)
ASKED = Asked("file", "device", "full", "quick", "images")
QUICK = replace(ASKED, protocol="quick", quick="quick of quick")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def book(tmp_path: Path, said: list[str]) -> Book:
    return Book(said.append, tmp_path / "cache" / "latency.sqlite3")


def test_a_figure_is_kept_with_when_it_was_measured(book: Book, said: list[str]) -> None:
    assert book.known(ASKED) is None
    assert not book.path.exists()  # who only asks leaves no file
    assert book.held("device") == Holding()
    book.keep(ASKED, FIGURE)
    assert Book(said.append, book.path).known(ASKED) == replace(FIGURE, kept=True)
    book.keep(ASKED, replace(FIGURE, p50_ms=3.0, measured_at="2026-11-27T05:27:10Z"))
    found = book.known(ASKED)
    assert found is not None
    assert found.p50_ms == 3.0
    assert book.held("device") == Holding(1, 1, "2026-11-27T05:27:10Z", "2026-11-27T05:27:10Z")
    assert said == []


@pytest.mark.parametrize("part", ["file", "device", "protocol", "timed"])
def test_another_file_device_protocol_or_image_is_another_figure(book: Book, part: str) -> None:
    book.keep(ASKED, FIGURE)
    assert book.known(replace(ASKED, **{part: "another"})) is None


def test_only_stable_figures_are_kept(book: Book) -> None:
    book.keep(ASKED, replace(FIGURE, stable=False, note="processes differ"))
    book.keep(ASKED, replace(FIGURE, kept=True))
    assert book.known(ASKED) is None


def test_a_full_figure_answers_a_quick_one_and_not_the_other_way_round(book: Book) -> None:
    book.keep(QUICK, replace(FIGURE, p50_ms=2.2))
    assert book.known(ASKED) is None
    quick = book.known(QUICK)
    book.keep(ASKED, FIGURE)
    full = book.known(QUICK)
    assert quick is not None
    assert full is not None
    assert (quick.p50_ms, full.p50_ms) == (2.2, 2.0)


def test_a_figure_that_was_timed_beside_others_answers_only_beside_others(book: Book) -> None:
    beside = replace(ASKED, alone=False)
    book.keep(beside, replace(FIGURE, peak_bytes=0, p50_ms=2.1))
    assert book.known(ASKED) is None
    assert book.known(beside) is not None
    book.keep(ASKED, FIGURE)
    better = book.known(beside)
    assert better is not None
    assert better.peak_bytes == 10**8


def test_throughput_that_is_asked_for_is_not_left_out(book: Book) -> None:
    asked = replace(ASKED, throughput=True)
    book.keep(ASKED, FIGURE)
    assert book.known(asked) is None
    book.keep(asked, FIGURE.with_batches(500.0, 4, ""))
    for one in (asked, ASKED):
        found = book.known(one)
        assert found is not None
        assert found.images_per_s == 500.0


def test_figures_of_another_calm_time_do_not_answer_and_go(book: Book) -> None:
    old, new = replace(FIGURE, calm_ms=1.2), replace(FIGURE, calm_ms=1.3)
    book.keep(ASKED, old)
    assert book.known(replace(ASKED, calm_ms=(1.2,))) is not None
    assert book.known(replace(ASKED, calm_ms=())) is None  # its file was removed
    assert book.known(replace(ASKED, calm_ms=(1.3,))) is None
    book.keep(replace(ASKED, file="another"), new)
    assert book.known(replace(ASKED, calm_ms=(1.2,))) is None
    assert book.held("device").figures == 1


def test_two_boards_of_one_model_keep_their_figures_on_scales_of_their_own(book: Book) -> None:
    one, other = (replace(ASKED, calm_ms=(calm_ms,), one_scale=False) for calm_ms in (1.2, 1.3))
    for asked, p50_ms in ((one, 2.0), (other, 2.2), (one, 2.1)):
        book.keep(asked, replace(FIGURE, calm_ms=asked.calm_ms[0], p50_ms=p50_ms))
    found = [book.known(asked) for asked in (one, other)]
    assert [figure and figure.p50_ms for figure in found] == [2.1, 2.2]
    assert book.held("device").figures == 2
    assert book.known(replace(one, calm_ms=())) is None  # cleaned


def test_a_book_of_the_first_version_answers_and_goes_on(book: Book, said: list[str]) -> None:
    columns = (*(f"{name} TEXT NOT NULL" for name in ("file", "device", "protocol", "timed")), "alone INTEGER NOT NULL")
    more = "quick TEXT NOT NULL, calm_ms REAL NOT NULL, measured_at TEXT NOT NULL, automl TEXT NOT NULL, figure TEXT"
    book.path.parent.mkdir()
    with sqlite3.connect(book.path) as database:
        key = "PRIMARY KEY (file, device, protocol, timed, alone)"
        database.execute(f"CREATE TABLE figures ({', '.join(columns)}, {more} NOT NULL, {key}) WITHOUT ROWID")
        database.execute("CREATE INDEX by_device ON figures (device)")
        row = ("file", "device", "full", "images", 1, "quick", 0.0, WHEN, "0.1.0", json.dumps(FIGURE.to_json()))
        database.execute("INSERT INTO figures VALUES (?,?,?,?,?,?,?,?,?,?)", row)
        database.execute(f"PRAGMA application_id = {module.APPLICATION}")
        database.execute("PRAGMA user_version = 1")
    database.close()
    assert book.known(ASKED) == replace(FIGURE, kept=True)
    for calm_ms in (1.2, 1.3):
        book.keep(replace(ASKED, one_scale=False), replace(FIGURE, calm_ms=calm_ms))
    assert book.held("device").figures == 3
    assert said == []


def test_the_oldest_go_when_there_are_too_many(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_MOST", 20)
    for i in range(45):
        book.keep(replace(ASKED, file=str(i)), replace(FIGURE, measured_at=f"2026-11-26T05:27:{i:02}Z"))
    held = book.held("device")
    assert 18 <= held.figures <= 20
    assert held.last == "2026-11-26T05:27:44Z"
    assert book.known(replace(ASKED, file="0")) is None


# What a figure is known by


def asked(artifact: Path, images: list[Path], device: Device = CPU, **changes: object) -> Asked:
    protocol: LatencyProtocol = protocol_of(**changes)
    (one,) = asked_of([artifact], device, images, protocol)
    return one


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, list[Path]]:
    artifact, images = tmp_path / "model.onnx", [tmp_path / "a.png", tmp_path / "b.png"]
    for i, path in enumerate((artifact, *images)):
        path.write_bytes(bytes([i]) * 100)
    return artifact, images


def test_what_a_figure_is_known_by(files: tuple[Path, list[Path]], tmp_path: Path) -> None:
    artifact, images = files
    one = asked(artifact, images)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = [path.rename(elsewhere / f"x{path.name}") for path in (artifact, *images)]
    assert asked(moved[0], moved[1:]) == one  # contents, not names
    assert asked(moved[0], moved[1:2]) != one
    assert asked(moved[0], moved[1:], device_of(threads=2)).device != one.device
    assert asked(moved[0], moved[1:], cap_s=9.0).protocol != one.protocol
    assert asked(moved[0], moved[1:], confidence=0.5).protocol != one.protocol
    rule = asked(moved[0], moved[1:], confidence="best_f1")
    assert rule == one  # what a rule has chosen is in the file; before, files are timed at 0.25
    (quick,) = asked_of(moved[:1], CPU, moved[1:], protocol_of().quick())
    assert quick.protocol == one.quick
    assert not asked_of(moved[:2], CPU, moved[1:], protocol_of())[0].alone
    moved[1].write_bytes(b"another picture")
    assert asked(moved[0], moved[1:]).timed != one.timed


def test_a_file_is_all_that_it_is_made_of(tmp_path: Path) -> None:
    network = tmp_path / "model.xml"
    network.write_text("<net/>")
    before = digest_of_file(network)
    (tmp_path / "model.bin").write_bytes(b"weights")
    (tmp_path / "model.yaml").write_text("no part of it")
    with_weights = digest_of_file(network)
    (tmp_path / "model.bin").write_bytes(b"others")
    assert len({before, with_weights, digest_of_file(network), digest_of_file(tmp_path)}) == 4


@pytest.mark.slow
def test_calm_times_are_those_of_the_reference(
    files: tuple[Path, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from objectives.latency.reference import Reference

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    assert asked(*files).calm_ms == ()
    calm_ms = Reference(CPU.fingerprint).calm_ms()
    assert asked(*files).calm_ms == (pytest.approx(calm_ms, abs=1e-5),)
    (kept,) = cache_folder().glob("reference-*")
    kept.write_text("damaged")
    assert asked(*files).calm_ms == ()


# Many processes, and files that are no book

WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from objectives.latency.book.asked import Asked
from objectives.latency.book.book import Book
from objectives.records.records import Latency

name, count, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
book = Book(lambda text: print(text, flush=True), path)
figure = Latency(2.0, 2.5, 1.9, 2.1, 1.5, 300, 1.2, True, "", "device", 1, measured_at="2026-11-26T05:27:10Z")
print("begun", flush=True)
i = 0
while i != count:
    asked = Asked(f"{name} {i}", "device", "full", "quick", "images")
    book.keep(asked, replace(figure, samples=i))
    assert count < 0 or book.known(asked) == replace(figure, samples=i, kept=True)
    i += 1
"""


def writer(name: str, count: int, path: Path) -> "subprocess.Popen[str]":
    line = [sys.executable, "-c", textwrap.dedent(WRITER), name, str(count), str(path)]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def eight(path: Path) -> str:
    """Let eight processes write 10 figures each at once; return what they warned of."""
    processes = [writer(str(i), 10, path) for i in range(8)]
    ends = [process.communicate(timeout=120) for process in processes]
    assert [(process.returncode, end[1]) for process, end in zip(processes, ends, strict=True)] == [(0, "")] * 8
    return "".join(line for out, _ in ends for line in out.splitlines(keepends=True) if line != "begun\n")


@pytest.mark.slow
@pytest.mark.seconds
def test_eight_processes_write_at_once(book: Book) -> None:
    assert eight(book.path) == ""
    assert book.held("device") == Holding(80, 80, WHEN, WHEN)


@pytest.mark.slow
@pytest.mark.seconds
def test_eight_processes_find_a_damaged_book(book: Book) -> None:
    book.path.parent.mkdir()
    book.path.write_bytes(b"no database at all" * 1000)
    warnings = eight(book.path).splitlines()
    assert [warning.startswith("book of latencies: ") and "kept as" in warning for warning in warnings] == [True]
    assert book.held("device").figures == 80
    assert [path.name for path in book.path.parent.glob("*aside*")] == ["latency.aside-1.sqlite3"]


@pytest.mark.seconds
def test_a_writer_that_is_killed_leaves_a_sound_book(book: Book, said: list[str]) -> None:
    rng, kept = random.Random(4), 0
    for i in range(4):
        with writer(str(i), -1, book.path) as process:
            end = time.monotonic() + 60
            while book.held("device").figures < kept + 2 and time.monotonic() < end:
                time.sleep(0.01 * rng.random())
            process.send_signal(signal.SIGKILL)
        found = book.held("device").figures
        assert found >= kept + 2  # nothing that was written is lost
        kept = found
    with sqlite3.connect(book.path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert said == []


def _damage_a_page(path: Path) -> None:
    book = Book(lambda text: None, path)
    for i in range(40):
        book.keep(replace(ASKED, file=str(i)), FIGURE)
    content = bytearray(path.read_bytes())
    content[4096:] = random.Random(3).randbytes(len(content) - 4096)
    path.write_bytes(bytes(content))


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE figures (name TEXT)")
    database.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"a text, and no database: " * 100),
        _damage_a_page,
        _foreign,
        lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(50)),
    ],
    ids=["text", "damaged page", "foreign tables", "cut"],
)
def test_what_is_no_book_is_set_aside_with_one_warning(
    book: Book, said: list[str], spoil: Callable[[Path], None]
) -> None:
    book.path.parent.mkdir()
    spoil(book.path)
    content = book.path.read_bytes()
    assert book.known(replace(ASKED, file="30")) is None
    book.keep(ASKED, FIGURE)
    assert book.known(ASKED) == replace(FIGURE, kept=True)
    (warning,) = said
    assert warning.startswith(f"book of latencies: '{book.path}' was no sound book (")
    assert warning.endswith("it is kept as 'latency.aside-1.sqlite3', and latencies are measured anew")
    assert book.path.with_name("latency.aside-1.sqlite3").read_bytes() == content


def test_a_newer_automl_s_book_is_left_as_it_is(book: Book, said: list[str]) -> None:
    book.keep(ASKED, FIGURE)
    with sqlite3.connect(book.path) as database:
        database.execute(f"PRAGMA user_version = {module.VERSION + 1}")
    database.close()
    content = book.path.read_bytes()
    assert book.known(ASKED) is None
    book.keep(ASKED, FIGURE)
    assert said == [
        f"book of latencies: '{book.path}' cannot be used (a newer automl has written it); latencies are measured and "
        "not kept"
    ]
    assert book.path.read_bytes() == content


def test_a_folder_that_cannot_be_ends_nothing(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "file").write_text("")
    book = Book(said.append, tmp_path / "file" / "latency.sqlite3")
    assert book.known(ASKED) is None
    book.keep(ASKED, FIGURE)
    book.keep(ASKED, FIGURE)
    (warning,) = said
    assert warning.endswith("latencies are measured and not kept")


def test_a_row_that_cannot_be_read_does_not_answer(book: Book, said: list[str]) -> None:
    book.keep(ASKED, FIGURE)
    with sqlite3.connect(book.path) as database:
        database.execute('UPDATE figures SET figure = \'{"p50_ms": "fast"}\'')
    database.close()
    assert book.known(ASKED) is None
    assert said == []
