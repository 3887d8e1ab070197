"""Labels that come back, matched with the images of the stream and kept beside them, one file an image."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from objectives.data.findings import Findings
from objectives.data.frame import Header, read_header
from objectives.data.pictures.picture import Picture
from objectives.data.raw import RawImage
from search.operate.context import OperateContext
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.journal.kept_labels import KeptBox, KeptLabels, write_labels
from search.operate.stream.arrivals.keep import NotKept, keep_image
from search.operate.stream.arrivals.place import Taken, taken
from search.operate.stream.arrivals.privacy import privacy_hook
from search.operate.stream.contract import LabelsBack
from search.operate.stream.labelling.boxes import kept_boxes
from search.operate.stream.labelling.chosen import read_asked
from search.operate.stream.labelling.come_back import ReadEntry, SeenEntries, entries_of, read_entry
from search.operate.stream.labelling.match_images import KnownImages
from search.operate.stream.labelling.split import side_of_groups
from search.operate.stream.sets.first import first_sides
from search.operate.stream.take_in import row_of
from spaces.errors import DataError, first_line

_NO_PICTURE = "are of no image of the stream, and no picture was given back"
_AMBIGUOUS = "have the name of several images of the stream; give the pictures back, too"
_LEFT_OUT = "are of near-duplicates, which were left out of the stream"
_BROKEN = "have a picture that cannot be decoded"
_PLACED = "have a path in which stream.time or stream.group finds nothing: taken as of the file's time, a group apart"


@dataclass
class _Found:
    """What a look has found, while it goes on."""

    labelled: int = 0
    unknown: int = 0
    problems: list[str] = field(default_factory=list)


def take_back(context: OperateContext, number: int | None) -> LabelsBack:
    """Take back the labels in `stream.labels` that are new or have changed; later ones replace earlier ones.

    Labels are kept before their images are marked: a look that was cut goes on from there.

    Args:
        context: see OperateContext.
        number: of the round that has handed images over; None between rounds.

    Raises:
        DataError: the folder is not there, or the first data set, whose groups must be known, cannot be read.
    """
    found, labels = _Found(), context.settings.stream.labels
    if labels is not None:
        seen = SeenEntries(context.paths.labels_seen)
        for entry in entries_of(Path(labels).expanduser().absolute()):
            if seen.knows(entry):
                continue
            try:
                read = read_entry(entry, context.paths.labelled_pictures)
            except DataError as error:
                found.problems.append(f"{entry.name}: {str(error).replace('data.root:', 'stream.labels:')}")
                continue
            except (OSError, ValueError, RecursionError) as error:  # one entry must not keep the others from being read
                found.problems.append(f"{entry.name}: cannot be read ({type(error).__name__}: {first_line(error)})")
                continue
            _Back(context, read, number, found).take()
            seen.keep(entry)
    asked = _asked(context, number)
    back = sum(image.sha256 in asked for image in context.journal.images(ImageStatus.LABELLED)) if asked else 0
    return LabelsBack(found.labelled, len(asked), back, found.unknown, tuple(found.problems))


def _asked(context: OperateContext, number: int | None) -> set[str]:
    """Return the SHA-256 of the images that a round has handed over."""
    asked = None if number is None else read_asked(context.paths.round(number).asked)
    return set() if asked is None else {image.sha256 for image in asked.images}


class _Back:
    """One entry, taken back."""

    def __init__(self, context: OperateContext, read: ReadEntry, number: int | None, found: _Found) -> None:
        self._context, self._read, self._number, self._found = context, read, number, found
        self._known = KnownImages(context.journal.images())
        self._passed: Counter[str] = Counter()  # why -> labels
        self._first: dict[str, str] = {}

    def take(self) -> None:
        """Keep the labels of the entry, and mark their images."""
        matched = {image: known for image in self._read.labelled if (known := self._image(image)) is not None}
        findings = Findings()
        headers = {image: self._header(image, known) for image, known in matched.items()}
        boxes, problems = kept_boxes(self._read.raw, headers, findings)
        together: dict[str, list[KeptBox]] = {}
        for image, found in boxes.items():
            together.setdefault(matched[image].sha256, []).extend(found)
        by_hash = {known.sha256: known for known in matched.values()}
        for sha256, own in together.items():
            size = by_hash[sha256].width_px, by_hash[sha256].height_px
            once = tuple(dict.fromkeys(own))  # an image may be named in two files
            name = self._read.entry.name
            write_labels(self._context.paths, KeptLabels(sha256, *size, once, name, self._context.now))
        self._mark([by_hash[sha256] for sha256 in together])
        self._say(problems, findings)

    def _image(self, image: RawImage) -> StreamImage | None:
        """Return the image of the stream that a label is of; one that is not known is taken in."""
        picture = self._read.pictures.get(image.path)
        known = self._known.find(image.path, picture)
        if known is not None and known.status is ImageStatus.LEFT_OUT:
            return self._pass(image, _LEFT_OUT)
        if known is not None:
            return known
        if picture is None:
            return self._pass(image, _AMBIGUOUS if self._known.is_ambiguous(image.path) else _NO_PICTURE)
        if picture.problem is not None or picture.header is None:
            return self._pass(image, _BROKEN)
        return self._take_in(image, picture)

    def _take_in(self, image: RawImage, picture: Picture) -> StreamImage | None:
        hook = privacy_hook(self._context.settings.stream.privacy)
        try:
            kept = keep_image(image.path, picture.content, self._context.paths, hook)
        except NotKept as reason:
            return self._pass(image, f"are left for a later look: {reason}")
        root = self._read.entry.path if self._read.entry.path.is_dir() else self._read.entry.path.parent
        inside = image.path.relative_to(root) if image.path.is_relative_to(root) else Path(image.path.name)
        path = f"{self._read.entry.name}/{inside.as_posix()}"
        row = row_of(path, self._taken(image, path), picture, kept, self._context.paths.relative(kept.path))
        self._found.unknown += self._context.journal.add_images([row])
        self._known.by_hash[row.sha256] = row
        return row

    def _taken(self, image: RawImage, path: str) -> Taken:
        """Return time and group of an image that came with its labels; it is not lost where its path says neither."""
        stream, mtime_s = self._context.settings.stream, image.path.stat().st_mtime
        try:
            return taken(path, mtime_s, stream)
        except DataError:
            self._pass(image, _PLACED)
            return Taken(datetime.fromtimestamp(mtime_s, UTC), f"labels/{self._read.entry.name}")

    def _header(self, image: RawImage, known: StreamImage) -> Header:
        """Return the frame that labels were drawn in: that of the stream's picture, or of what is kept of it."""
        picture = self._read.pictures.get(image.path)
        if picture is not None and picture.content == known.sha256 and picture.header is not None:
            return picture.header
        return read_header(self._context.paths.folder / known.kept)

    def _mark(self, images: list[StreamImage]) -> None:
        """Mark images as labelled; the sides of their groups are settled for all at once, and first."""
        journal, settings = self._context.journal, self._context.settings
        self._found.labelled += sum(image.status is not ImageStatus.LABELLED for image in images)
        new = [image for image in images if not image.split]
        sides = first_sides(self._context) | {image.group: image.split for image in journal.images() if image.split}
        groups = [image.group for image in new]
        sides |= side_of_groups(groups, sides, settings.versions.recent_share, settings.name)
        splits = {image.sha256: sides[image.group] for image in new}
        rounds = journal.state().rounds
        now = self._number or (rounds[-1].number if rounds else 0)
        of_rounds: dict[int, list[str]] = {}
        for image in images:
            of_rounds.setdefault(now if image.round is None else image.round, []).append(image.sha256)
        for number, hashes in sorted(of_rounds.items()):
            journal.mark_images(hashes, ImageStatus.LABELLED, number, splits)

    def _pass(self, image: RawImage, why: str) -> StreamImage | None:
        """Count a label that is passed over, and return no image."""
        self._passed[why] += 1
        self._first.setdefault(why, image.path.name)
        return None

    def _say(self, problems: list[str], findings: Findings) -> None:
        """Add lines about what was passed over, mended or assumed."""
        name, lines = self._read.entry.name, self._found.problems
        lines += [f"{name}: {problem}" for problem in problems]
        lines += [f"{name}: {n} labels {why}, such as '{self._first[why]}'" for why, n in sorted(self._passed.items())]
        if self._read.without:
            lines.append(f"{name}: {self._read.without} pictures have no annotation: they do not count as labelled")
        findings.extend(self._read.raw.findings)
        lines += [f"{name}: {finding.line}" for finding in findings.made()]
