"""Images of the stream are taken in once, whole, by time and group; what cannot be is named."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest
from small_stream import GROUP, NOW, arrive, picture, stream_context

from objectives.drift.figures import image_figures
from search.operate.context import OperateContext
from search.operate.journal.images import ImageStatus
from search.operate.stream.take_in import take_in
from spaces.errors import DataError, SettingsError


@contextmanager
def context_of(folder: Path, *more: str) -> Iterator[OperateContext]:
    context = stream_context(folder, *more)
    try:
        yield context
    finally:
        context.journal.close()


def darken(source: Path, target: Path) -> None:
    """Privacy hook: keep a darker picture."""
    if "secret" in source.name:
        raise ValueError("a face cannot be hidden")
    image = cv2.imread(str(source))
    cv2.imwrite(str(target), image // 2)


def halve(source: Path, target: Path) -> None:
    """Privacy hook that breaks the rule of the size."""
    image = cv2.imread(str(source))
    cv2.imwrite(str(target), image[::2, ::2])


def test_images_are_kept_by_hash_with_time_and_group(tmp_path: Path) -> None:
    with context_of(tmp_path) as context:
        sha, _ = arrive(tmp_path / "stream", "store-a/one.jpg", 1, NOW - timedelta(hours=2))
        found = take_in(context)
        assert (found.new, found.duplicates, found.near_duplicates, found.unreadable_count) == (1, 0, 0, 0)
        (image,) = context.journal.images()
        assert (image.sha256, image.path, image.group) == (sha, "store-a/one.jpg", "store-a")
        assert (image.at, image.width_px, image.height_px) == (NOW - timedelta(hours=2), 160, 120)
        kept = context.paths.folder / image.kept
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == sha
        assert image.status is ImageStatus.NEW
        assert take_in(context).to_json() == {**found.to_json(), "new": 0, "unreadable": (), "problems": ()}
        assert len(context.journal.images()) == 1


def test_copies_are_counted_once_and_near_duplicates_are_left_out(tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    with context_of(tmp_path) as context:
        first, _ = arrive(stream, "store-a/one.jpg", 1, NOW - timedelta(hours=30))
        shutil.copy2(stream / "store-a/one.jpg", stream / "store-a/copy.jpg")
        image, _ = picture(1)
        for name, hours, store in (("soon", 29.5, "a"), ("later", 5, "a"), ("elsewhere", 28, "b")):
            path = stream / f"store-{store}" / f"{name}.jpg"
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, int(3 * hours)])
            at = (NOW - timedelta(hours=hours)).timestamp()
            os.utime(path, (at, at))
        shutil.copy2(stream / "store-a/soon.jpg", stream / "store-a/soon-again.jpg")
        found = take_in(context)
        assert (found.new, found.duplicates, found.near_duplicates) == (3, 2, 1)
        (left,) = context.journal.images(ImageStatus.LEFT_OUT)
        assert (left.path, left.kept) == ("store-a/soon-again.jpg", "")
        assert left.why == f"looks like {first}"


def test_broken_files_are_named_and_taken_once_they_are_whole(tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    with context_of(tmp_path) as context:
        arrive(stream, "a/one.jpg", 1)
        whole = (stream / "a/one.jpg").read_bytes()
        (stream / "a/one.jpg").write_bytes(whole[: len(whole) // 2])
        os.utime(stream / "a/one.jpg", (NOW.timestamp() - 60,) * 2)
        (stream / "a/text.png").write_text("no picture")
        os.utime(stream / "a/text.png", (NOW.timestamp() - 60,) * 2)
        found = take_in(context)
        assert (found.new, found.unreadable_count, found.unreadable) == (0, 2, ("a/one.jpg", "a/text.png"))
        assert found.problems[0] == "2 files cannot be decoded, such as 'a/one.jpg': looked at again when changed"
        assert take_in(context).unreadable_count == 0  # said once
        (stream / "a/one.jpg").write_bytes(whole)
        os.utime(stream / "a/one.jpg", (NOW.timestamp() - 30,) * 2)
        assert take_in(context).new == 1


def test_time_and_group_are_read_from_paths_and_what_has_none_is_named(tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    time = r"stream.time='(?P<time>\d{8}-\d{4})'"
    with context_of(tmp_path, GROUP, time, "stream.time_format='%Y%m%d-%H%M'") as context:
        arrive(stream, "store-b/cam-20260105-0630.png", 1)
        arrive(stream, "store-b/no-time.png", 2)
        arrive(stream, "hall/cam-20260105-0630.png", 3)
        arrive(stream, "store-b/cam-20269905-0630.png", 4)
        arrive(stream, "store-b/cam-20270105-0630.png", 5)
        found = take_in(context)
        (image,) = context.journal.images()
        assert (image.at, image.group) == (datetime(2026, 1, 5, 6, 30, tzinfo=UTC), "store-b")
        lines = "\n".join(found.problems)
        for part in (
            "'store-b/no-time.png': stream.time: ",
            "'hall/cam-20260105-0630.png': stream.group: ",
            "'20269905-0630' is no time as of '%Y%m%d-%H%M'",
            "'store-b/cam-20270105-0630.png': of a time after this look",
        ):
            assert part in lines
        later = replace(context, now=datetime(2027, 2, 1, tzinfo=UTC))
        assert take_in(later).new == 1


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("stream.time='(\\d+'", "stream.time: '(\\d+' is no regular expression"),
        ("stream.time='\\d+'", r"stream.time: '\d+' has no group 'time'"),
        ("stream.group='store'", "stream.group: 'store' has no group 'group'"),
        ("stream.time_format='%Y'", "stream.time_format: needs a pattern in stream.time, not mtime; got '%Y'"),
        ("stream.privacy=blur", "stream.privacy: must be module:function, got 'blur'"),
        ("labelling.tool=cocos", "labelling.tool: unknown choice 'cocos'; nearest: coco; known: coco, yolo"),
        ("versions.recent_share=2", "versions.recent_share: must be 0 to 1, got 2"),
        ("stream.near_bits=64", "stream.near_bits: must be 0 to 63, got 64"),
    ],
)
def test_bad_settings_are_one_line(tmp_path: Path, setting: str, line: str) -> None:
    with pytest.raises(SettingsError) as error:
        stream_context(tmp_path, setting)
    assert line in str(error.value)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with context_of(tmp_path, "stream.images=/nowhere/images") as context, pytest.raises(DataError) as error:
        take_in(context)
    assert str(error.value) == "stream.images: '/nowhere/images' is no folder; make it, or name another"


def test_the_privacy_hook_comes_before_anything_is_kept(tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    with context_of(tmp_path, f"stream.privacy='{__name__}:darken'") as context:
        sha, _ = arrive(stream, "a/one.png", 1)
        arrive(stream, "a/secret.png", 2)
        found = take_in(context)
        assert found.new == 1
        assert (
            "1 images left for a later look, such as 'a/secret.png': stream.privacy failed (ValueError: a face"
            in (found.problems[0])
        )
        (image,) = context.journal.images()
        assert image.sha256 == sha
        kept = cv2.imread(str(context.paths.folder / image.kept))
        assert (kept == picture(1)[0] // 2).all()
        assert [path.name for path in context.paths.images.rglob("*.png")] == [f"{sha}.png"]
        assert "stream.privacy failed" in take_in(context).problems[0]  # as long as the hook fails


def test_a_privacy_hook_that_is_not_there_or_changes_the_size_keeps_nothing(tmp_path: Path) -> None:
    arrive(tmp_path / "stream", "a/one.png", 1)
    with context_of(tmp_path, "stream.privacy=nowhere:hide") as context, pytest.raises(SettingsError) as error:
        take_in(context)
    assert "stream.privacy: cannot import 'nowhere:hide'" in str(error.value)
    with context_of(tmp_path, f"stream.privacy='{__name__}:halve'") as context:
        assert "stream.privacy changed the size" in take_in(context).problems[0]
        assert not list(context.paths.images.rglob("*.png"))


def test_a_look_that_was_cut_between_file_and_row_goes_on(tmp_path: Path) -> None:
    with context_of(tmp_path) as context:
        sha, _ = arrive(tmp_path / "stream", "a/one.png", 1)
        cut = context.paths.kept_image(sha, ".png")
        cut.parent.mkdir(parents=True)
        shutil.copy(tmp_path / "stream/a/one.png", cut)  # kept, and no row: and a half written one beside it
        cut.with_name(f"{sha}.png.partial").write_bytes(b"\x89PNG")
        assert take_in(context).new == 1
        assert [path.name for path in context.paths.images.rglob("*.*")] == [f"{sha}.png"]


def test_a_broken_index_of_files_is_made_anew(tmp_path: Path) -> None:
    with context_of(tmp_path) as context:
        arrive(tmp_path / "stream", "a/one.png", 1)
        context.paths.seen.parent.mkdir(parents=True, exist_ok=True)
        context.paths.seen.write_bytes(b"no database " * 100)
        assert take_in(context).new == 1
        context.paths.seen.write_bytes(b"no database " * 100)
        found = take_in(context)
        assert (found.new, found.duplicates, len(context.journal.images())) == (0, 0, 1)


def test_images_that_show_nothing_are_no_near_duplicates(tmp_path: Path) -> None:
    with context_of(tmp_path) as context:
        for i in range(3):
            image = picture(1)[0] * 0 + i
            path = tmp_path / "stream" / f"black-{i}.png"
            cv2.imwrite(str(path), image)
            os.utime(path, (NOW.timestamp() - 60,) * 2)
        assert take_in(context).new == 3
        assert {image.hash64 for image in context.journal.images()} == {"0" * 16}


def test_rows_say_all_that_is_known(tmp_path: Path) -> None:
    with context_of(tmp_path) as context:
        arrive(tmp_path / "stream", "a/one.png", 1)
        take_in(context)
        (image,) = context.journal.images()
        assert len(image.hash64) == 16
        assert int(image.hash64, 16) > 0
        assert image.figures == image_figures(picture(1)[0]).to_json()
        assert (image.round, image.why, image.split) == (None, "", "")
