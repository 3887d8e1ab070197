"""The index: each file is opened once, and again when it has changed; no file, however hostile, ends it."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
import zlib
from pathlib import Path

import psutil
import pytest
from picture_files import BROKEN, blobs
from PIL import Image

from objectives.data.pictures import examine, index, store, workers
from objectives.data.pictures.index import index_file, look
from objectives.data.pictures.picture import Picture


def pictures(folder: Path, count: int = 4, first: int = 0) -> list[Path]:
    """Write pictures of another look each, long enough ago to be kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in range(first, first + count):
        paths.append(folder / f"{i:03d}.jpg")
        Image.fromarray(blobs(i)).save(paths[-1])
    time.sleep(index.SETTLED_S * 1.5)
    return paths


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that are opened from here on, in this process."""
    found: list[Path] = []

    def counted(path: Path) -> Picture:
        found.append(path)
        return examine.examine(path)

    monkeypatch.setattr(workers, "examine", counted)
    return found


def test_a_file_is_opened_once(tmp_path: Path, opened: list[Path]) -> None:
    paths = pictures(tmp_path / "set")
    first = look(paths, tmp_path / "index")
    assert opened == paths
    assert look([*paths, paths[0]], tmp_path / "index") == first
    assert opened == paths
    assert list(first) == paths
    for path, picture in first.items():
        assert picture == examine.examine(path)


def test_a_file_is_opened_again_when_it_has_changed_in_whatever_way(tmp_path: Path, opened: list[Path]) -> None:
    paths = pictures(tmp_path / "set", 4)
    look(paths, tmp_path / "index")
    opened.clear()
    paths[0].touch()
    before = paths[1].stat()
    pixels = bytearray(paths[1].read_bytes())
    pixels[-20] ^= 1
    paths[1].write_bytes(pixels)  # of the same size, at the same time, as archives give files
    os.utime(paths[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    shutil.copy2(paths[3], tmp_path / "other")
    (tmp_path / "other").replace(paths[2])
    again = look(paths, tmp_path / "index")
    assert opened == paths[:3]
    assert again[paths[2]].content == again[paths[3]].content
    for path, picture in again.items():
        assert picture == examine.examine(path)


def test_a_renamed_folder_is_known(tmp_path: Path, opened: list[Path]) -> None:
    paths = pictures(tmp_path / "set" / "a")
    first = look(paths, index_file(tmp_path / "set"))
    place = index_file(tmp_path / "set")
    opened.clear()
    (tmp_path / "set").rename(tmp_path / "of another name")
    assert index_file(tmp_path / "of another name") == place
    moved = [tmp_path / "of another name" / "a" / path.name for path in paths]
    again = look(moved, place)
    assert opened == []
    assert [p.content for p in again.values()] == [p.content for p in first.values()]
    assert list(again) == moved == [p.path for p in again.values()]


def test_what_was_just_written_is_not_held_for_settled(
    tmp_path: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = pictures(tmp_path / "set", 2)
    monkeypatch.setattr(index, "SETTLED_S", 3600)
    look(paths, tmp_path / "index")
    look(paths, tmp_path / "index")
    assert opened == paths * 2


def test_a_file_that_no_decoder_could_open_is_opened_by_others(
    tmp_path: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set").mkdir()
    heic = BROKEN["heic"][1](tmp_path / "set")
    paths = [heic, *pictures(tmp_path / "set", 1)]
    assert look(paths, tmp_path / "index")[heic].problem == "images.no_decoder"
    look(paths, tmp_path / "index")
    assert opened == paths
    monkeypatch.setattr(store, "_made_by", lambda: "pi-heif 1.1")
    look(paths, tmp_path / "index")
    assert opened == [*paths, heic]


@pytest.mark.parametrize(
    "damage", ["text", "cut", "broken inside", "of a newer automl", "a code of a newer one", "a folder", "read only"]
)
def test_an_index_that_cannot_be_used_is_done_without(tmp_path: Path, damage: str) -> None:
    paths = pictures(tmp_path / "set")
    place = tmp_path / "cache" / "index"
    first = look(paths, place)
    if damage == "text":
        place.write_text("no database " * 1000)
    elif damage == "cut":
        place.write_bytes(place.read_bytes()[:5000])
    elif damage == "broken inside":
        data = place.read_bytes()
        place.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    elif damage == "a code of a newer one":
        with sqlite3.connect(place) as database:
            database.execute("UPDATE pictures SET problem = 'images.of_the_future'")
        database.close()
    elif damage == "of a newer automl":
        with sqlite3.connect(place) as database:
            database.execute("DROP TABLE pictures")
            database.execute("CREATE TABLE pictures (other TEXT)")
            database.execute("PRAGMA user_version = 99")
        database.close()
    elif damage == "a folder":
        place.unlink()
        place.mkdir()
    else:
        place.chmod(0o400)
        place.parent.chmod(0o500)
    try:
        assert look(paths, place) == first
        assert look(paths, place) == first
    finally:
        place.parent.chmod(0o700)


@pytest.mark.seconds
def test_processes_make_one_index_together(tmp_path: Path) -> None:
    paths = pictures(tmp_path / "set", 20)
    code = (
        "import sys; from pathlib import Path; from objectives.data.pictures.index import look\n"
        "print(sum(p.problem is None for p in look(sorted(Path(sys.argv[1]).iterdir()), Path(sys.argv[2])).values()))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "set"), str(tmp_path / "index")]
    at_once = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0] for process in at_once] == ["20\n"] * 4
    with sqlite3.connect(tmp_path / "index") as database:
        assert database.execute("SELECT COUNT(*) FROM pictures").fetchone() == (len(paths),)
    database.close()


def test_rows_of_removed_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "GONE_MIN", 2)
    old, kept = pictures(tmp_path / "old", 9), pictures(tmp_path / "kept", 2, first=9)
    look([*old, *kept], tmp_path / "index")
    shutil.rmtree(tmp_path / "old")
    look(kept, tmp_path / "index")
    with sqlite3.connect(tmp_path / "index") as database:
        names = [name for (name,) in database.execute("SELECT path FROM pictures")]
    database.close()
    assert sorted(names) == sorted(os.fsencode(path) for path in kept)


def test_progress_goes_up_to_the_count_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "CALLED_EVERY_S", 0)
    told: list[tuple[int, int]] = []
    paths = [*pictures(tmp_path / "set", 5), tmp_path / "missing.jpg"]
    look([*paths, paths[0]], tmp_path / "index", lambda done, total: told.append((done, total)))
    assert [total for _, total in told] == [6] * len(told)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (6, 6)
    told.clear()
    look([], tmp_path / "index", lambda done, total: told.append((done, total)))
    assert told[-1] == (0, 0)


# Hostile files


def test_whatever_lies_under_a_name_is_a_picture_with_a_problem(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "circle.jpg").symlink_to(tmp_path / "circle.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    expected = {
        "folder.jpg": "images.unreadable",
        "pipe.jpg": "images.unreadable",
        "circle.jpg": "images.unreadable",
        "dangling.jpg": "images.missing",
        "endless.jpg": "images.unreadable",
        "nothing.jpg": "images.missing",
        "nothing.jpg/below.jpg": "images.missing",
        "a" * 300 + ".jpg": "images.unreadable",
        "nul\0.jpg": "images.unreadable",
        "\udcff not UTF-8.jpg": "images.missing",
    }
    found = look([tmp_path / name for name in expected], tmp_path / "index")
    assert {str(path.relative_to(tmp_path)): picture.problem for path, picture in found.items()} == expected


def test_names_that_are_no_text_are_kept(tmp_path: Path, opened: list[Path]) -> None:
    (path,) = pictures(tmp_path / "set", 1)
    odd = path.rename(path.with_name("\udcff\n🐟.jpg"))
    time.sleep(index.SETTLED_S * 1.5)
    assert look([odd], tmp_path / "index")[odd].problem is None
    look([odd], tmp_path / "index")
    assert opened == [odd]


SIDE = 60_000  # pixels: 3.6 gigapixels


def bomb(kind: str, data: bytes) -> bytes:
    """Return a picture file whose header claims SIDE pixels each way."""
    if kind == "png":  # Pillow looks at the sizes before the checksum of the header
        header = b"IHDR" + SIDE.to_bytes(4, "big") * 2 + data[24:29]
        return data[:12] + header + zlib.crc32(header).to_bytes(4, "big") + data[33:]
    if kind == "bmp":
        return data[:18] + SIDE.to_bytes(4, "little") * 2 + data[26:]
    for tag in (256, 257):
        at = data.index(tag.to_bytes(2, "little") + b"\4\0\1\0\0\0") + 8
        data = data[:at] + SIDE.to_bytes(4, "little") + data[at + 4 :]
    return data


@pytest.mark.parametrize("kind", ["png", "tif", "bmp"])
def test_a_decompression_bomb_is_not_decoded(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    Image.fromarray(blobs()).save(path)
    path.write_bytes(bomb(kind, path.read_bytes()))
    before = psutil.Process().memory_info().rss
    assert examine.examine(path).problem == "images.too_large"
    assert psutil.Process().memory_info().rss - before < 1 << 28


# Processes


@pytest.mark.seconds
def test_processes_see_what_this_one_sees(tmp_path: Path) -> None:
    paths = pictures(tmp_path / "set", workers.IN_PROCESS + 40)
    paths[3].write_bytes(b"")
    paths[5].write_bytes(paths[5].read_bytes()[:300])
    found = look(paths, tmp_path / "index")
    assert list(found) == paths
    assert found == {path: examine.examine(path) for path in paths}
    assert [found[path].problem for path in (paths[3], paths[5])] == ["images.empty_file", "images.truncated"]


FAULTY = """
import os, sys, time
from pathlib import Path
from objectives.data.pictures import worker
sound = worker.examine
def examine(path):
    if path.name == "fatal.jpg" or (path.name == "once.jpg" and not Path(sys.argv[2]).exists()):
        Path(sys.argv[2]).touch()
        os.abort() if sys.argv[1] == "crash" else time.sleep(1000)
    return sound(path)
worker.examine = examine
worker.main()
"""


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("fault", ["crash", "hang"])
def test_a_decoder_that_crashes_or_hangs_costs_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(workers, "FILE_TIMEOUT_S", 5.0)
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-c", FAULTY, fault, str(tmp_path / "struck")))
    paths = pictures(tmp_path / "set", workers.IN_PROCESS + 10)
    paths[20] = paths[20].rename(tmp_path / "set" / "fatal.jpg")
    found = look(paths, tmp_path / "index")
    assert [path.name for path, picture in found.items() if picture.problem] == ["fatal.jpg"]
    assert found[paths[20]].problem == "images.unreadable"
    assert psutil.Process().children() == []
    monkeypatch.undo()
    assert look(paths, tmp_path / "index")[paths[20]].problem is None  # it was not kept


@pytest.mark.seconds
def test_a_file_at_which_a_process_was_killed_once_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-c", FAULTY, "crash", str(tmp_path / "struck")))
    paths = pictures(tmp_path / "set", workers.IN_PROCESS + 10)
    paths[20] = paths[20].rename(tmp_path / "set" / "once.jpg")
    assert {picture.problem for picture in look(paths, tmp_path / "index").values()} == {None}
    assert (tmp_path / "struck").exists()


@pytest.mark.seconds
def test_processes_that_do_not_start_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(RuntimeError, match="did not start"):
        look(pictures(tmp_path / "set", workers.IN_PROCESS + 10), tmp_path / "index")


@pytest.mark.seconds
def test_what_was_seen_before_a_cut_is_kept_and_no_process_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "CALLED_EVERY_S", 0)
    paths = pictures(tmp_path / "set", workers.IN_PROCESS + 10)

    def cut(done: int, _total: int) -> None:
        if done > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look(paths, tmp_path / "index", cut)
    assert psutil.Process().children() == []
    told: list[int] = []
    look(paths, tmp_path / "index", lambda done, _total: told.append(done))
    assert told[0] >= 30


@pytest.mark.seconds
def test_a_cut_does_not_wait_for_a_file_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "CALLED_EVERY_S", 0)
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-c", FAULTY, "hang", str(tmp_path / "struck")))
    paths = pictures(tmp_path / "set", workers.IN_PROCESS + 10)
    paths[8] = paths[8].rename(tmp_path / "set" / "fatal.jpg")

    def cut(done: int, _total: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        look(paths, tmp_path / "index", cut)
    assert time.monotonic() - started < workers.FILE_TIMEOUT_S / 3
