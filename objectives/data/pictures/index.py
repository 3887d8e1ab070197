"""The index of image files: each is opened once, and again only when it has changed."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from objectives.data.pictures.picture import Picture
from objectives.data.pictures.store import PictureStore, Stamp, stamp_of
from objectives.machine.files import cache_folder

KEPT_EVERY_S = 1.0  # what is seen is written as often: an index that was cut goes on from there
SETTLED_S = 0.1  # a file that changed later than so before it was seen may change again within the clock's step
CALLED_EVERY_S = 0.1

Progress = Callable[[int, int], None]  # files done, of so many


def index_file(root: Path) -> Path:
    """Return the index of a data set in the user's cache folder; it stays the same when the folder is renamed."""
    try:
        number = root.stat().st_ino
    except OSError:
        number = 0
    return cache_folder() / "pictures" / f"{number}.sqlite3"


def look(paths: Sequence[Path], cache: Path, progress: Progress | None = None) -> dict[Path, Picture]:
    """Return what each image file holds, in the order of the paths; files that the index knows are not opened.

    Nothing is raised for a file that is missing, unreadable or hostile: see `Picture.problem`. The index is a cache:
    one that is broken is made anew.

    Args:
        paths: image files, some perhaps named twice.
        cache: the index, an SQLite file; made if it is not there.
        progress: called with the files done and all files, ten times a second at most, and at the end.
    """
    from objectives.data.pictures.workers import examine_all  # late: who looks at a study decodes nothing

    report = _Paced(progress)
    stamps, found = _stamps(paths)
    with PictureStore(cache) as store:
        found.update(store.read(stamps))
        new = [path for path in stamps if path not in found]
        total = len(stamps) + len(found.keys() - stamps.keys())
        report(len(found), total)
        waiting: list[tuple[Picture, Stamp]] = []
        kept_at = time.monotonic()
        try:
            for picture in examine_all(new):
                found[picture.path] = picture
                if picture.content and _is_settled(picture.path, stamps):
                    waiting.append((picture, stamps[picture.path]))
                report(len(found), total)
                if time.monotonic() - kept_at > KEPT_EVERY_S:
                    store.keep(waiting)
                    waiting, kept_at = [], time.monotonic()
        finally:
            store.keep(waiting)
        store.forget_removed(len(stamps))
    report(total, total, last=True)
    return {path: found[path] for path in dict.fromkeys(paths)}


def _stamps(paths: Sequence[Path]) -> tuple[dict[Path, Stamp], dict[Path, Picture]]:
    """Return the state of each file, and the pictures of those that have none."""
    stamps: dict[Path, Stamp] = {}
    without: dict[Path, Picture] = {}
    for path in dict.fromkeys(paths):
        try:
            stamps[path] = stamp_of(path.stat())
        except (OSError, ValueError):
            from objectives.data.pictures.examine import examine  # late, as above

            without[path] = examine(path)
    return stamps, without


def _is_settled(path: Path, stamps: Mapping[Path, Stamp]) -> bool:
    """Whether a file is in the state of its stamp after it was seen, and old enough for this to mean something."""
    try:
        status = path.stat()
    except OSError:
        return False
    newest = max(status.st_mtime, status.st_ctime)
    return stamp_of(status) == stamps[path] and not 0 <= time.time() - newest < SETTLED_S


class _Paced:
    """A progress callback that is not called at every file."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self._next = progress, 0.0

    def __call__(self, done: int, total: int, *, last: bool = False) -> None:
        if self._progress is not None and (last or time.monotonic() >= self._next):
            self._progress(done, total)
            self._next = time.monotonic() + CALLED_EVERY_S
