"""New images of the stream, taken in: each once, by the hash of its bytes; near-duplicates are left out."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from objectives.data.pictures.picture import Picture
from objectives.data.pictures.workers import examine_all
from search.operate.context import OperateContext
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.stream.arrivals.alike import NearSeen
from search.operate.stream.arrivals.folder import files_below, stamps_of
from search.operate.stream.arrivals.keep import KeptImage, NotKept, keep_image
from search.operate.stream.arrivals.place import Taken, taken
from search.operate.stream.arrivals.privacy import PrivacyHook, privacy_hook
from search.operate.stream.arrivals.seen import SeenFiles
from search.operate.stream.contract import TakenIn
from spaces.errors import DataError

PORTION = 2048  # images that are examined, kept and written down together: what a cut look costs at most
UNREADABLE_NAMED = 10  # unreadable files that are named
WRITERS = 8  # threads that write files: most of their time they wait for the disk

_Placed = tuple[str, Taken]  # path, relative to the folder of the stream


@dataclass
class _Found:
    """What a look has found, while it goes on."""

    new: int = 0
    duplicates: int = 0
    near: int = 0
    unreadable: list[str] = field(default_factory=list)
    later: Counter[str] = field(default_factory=Counter)  # why -> files
    first: dict[str, str] = field(default_factory=dict)  # why -> the first of these files

    def leave(self, path: str, why: str) -> None:
        """Leave a file for a later look."""
        self.later[why] += 1
        self.first.setdefault(why, path)

    def made(self) -> TakenIn:
        """Return it as a record."""
        problems = tuple(
            f"{count} images left for a later look, such as '{self.first[why]}': {why}"
            for why, count in sorted(self.later.items())
        )
        named = tuple(self.unreadable[:UNREADABLE_NAMED])
        if named:
            files = f"{len(self.unreadable)} file{'s' * (len(self.unreadable) != 1)} cannot be decoded"
            problems = (f"{files}, such as '{named[0]}': looked at again when changed", *problems)
        return TakenIn(self.new, self.duplicates, self.near, named, len(self.unreadable), problems)


def take_in(context: OperateContext) -> TakenIn:
    """Take in the images of `stream.images` that are new; those of a time after this look are left until then.

    A file is kept before its row is written: a look that was cut goes on from there.

    Raises:
        DataError: the folder is not there.
        SettingsError: the privacy hook cannot be imported.
    """
    settings = context.settings.stream
    if settings.images is None:
        return _Found().made()
    root = Path(settings.images).expanduser().absolute()
    hook, found = privacy_hook(settings.privacy), _Found()
    files = files_below(root, "stream.images")
    stamps = stamps_of(files)
    with SeenFiles(context.paths.seen) as seen:
        placed = _placed(context, seen.fresh(stamps), files, found)
        if placed:
            intake = _Intake(context, root, hook, found)
            for portion in _portions(placed):
                seen.keep((path, stamps[path]) for path in intake.take(portion))
    return found.made()


def _placed(
    context: OperateContext, fresh: Sequence[str], files: dict[str, os.stat_result], found: _Found
) -> list[_Placed]:
    """Return the files with time and group, the oldest first."""
    placed = []
    for path in fresh:
        if not path.isprintable():  # not UTF-8: no journal takes it; control characters: no terminal should
            shown = path.encode("unicode_escape", errors="backslashreplace").decode()
            found.leave(shown, "its name is not UTF-8, or holds control characters; rename it")
            continue
        try:
            where = taken(path, files[path].st_mtime, context.settings.stream)
        except DataError as error:
            found.leave(path, str(error))
            continue
        if where.at > context.now:
            found.leave(path, "of a time after this look")
        else:
            placed.append((path, where))
    return sorted(placed, key=lambda item: (item[1].at, item[0]))


def _portions(placed: list[_Placed]) -> Iterator[list[_Placed]]:
    for i in range(0, len(placed), PORTION):
        yield placed[i : i + PORTION]


class _Intake:
    """What the images that come are held against, and where they are kept."""

    def __init__(self, context: OperateContext, root: Path, hook: PrivacyHook | None, found: _Found) -> None:
        self._context, self._root, self._hook, self._found = context, root, hook, found
        images = context.journal.images()
        self._known = {image.sha256: image.path for image in images}
        stream = context.settings.stream
        self._near = NearSeen(stream.near_bits, stream.near_hours, images)

    def take(self, portion: list[_Placed]) -> list[str]:
        """Keep what is new of a portion, and write its rows; return the files that need not be looked at again."""
        pictures = {picture.path: picture for picture in examine_all([self._root / path for path, _ in portion])}
        rows: list[StreamImage] = []
        wanted: list[tuple[str, Taken, Picture]] = []
        done: list[str] = []
        for path, where in portion:
            picture = pictures[self._root / path]
            if picture.problem is not None or picture.looks is None:
                self._found.unreadable.append(path)
            elif picture.content in self._known:
                self._found.duplicates += self._known[picture.content] != path
            elif like := self._near.like(where.group, where.at, picture.looks):
                self._known[picture.content] = path
                self._found.near += 1
                rows.append(_left_out(path, where, picture, like))
            else:
                self._known[picture.content] = path
                self._near.add(picture.content, where.group, where.at, picture.looks)
                wanted.append((path, where, picture))
                continue
            done.append(path)
        kept = self._kept(wanted)
        self._found.new += len(kept)
        self._context.journal.add_images([*rows, *kept])
        return [*done, *(image.path for image in kept)]

    def _kept(self, wanted: list[tuple[str, Taken, Picture]]) -> list[StreamImage]:
        """Keep images; those that cannot be kept are left for a later look."""
        with ThreadPoolExecutor(WRITERS) as pool:
            results = list(pool.map(lambda item: self._keep(item[0], item[2].content), wanted))
        rows = []
        for (path, where, picture), kept in zip(wanted, results, strict=True):
            if isinstance(kept, str):
                self._found.leave(path, kept)
                del self._known[picture.content]
            else:
                rows.append(row_of(path, where, picture, kept, self._context.paths.relative(kept.path)))
        return rows

    def _keep(self, path: str, sha256: str) -> KeptImage | str:
        """Keep one image; return why not, where it cannot be."""
        try:
            return keep_image(self._root / path, sha256, self._context.paths, self._hook)
        except NotKept as reason:
            return str(reason)


def row_of(path: str, where: Taken, picture: Picture, kept: KeptImage, kept_path: str) -> StreamImage:
    """Return the row of an image that is kept."""
    return StreamImage(
        picture.content,
        path,
        kept_path,
        where.at,
        where.group,
        kept.width_px,
        kept.height_px,
        f"{picture.looks or 0:016x}",
        kept.figures,
        ImageStatus.NEW,
    )


def _left_out(path: str, where: Taken, picture: Picture, like: str) -> StreamImage:
    width, height = picture.header.shown_px if picture.header is not None else (0, 0)
    hash64, why = f"{picture.looks or 0:016x}", f"looks like {like}"
    return StreamImage(
        picture.content, path, "", where.at, where.group, width, height, hash64, None, ImageStatus.LEFT_OUT, why=why
    )
