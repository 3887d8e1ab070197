"""A round's version of the data set: val and test for ever those of the first, train with what was labelled since."""

from collections.abc import Sequence
from dataclasses import replace

from objectives.compare.frozen import freeze
from objectives.data.check.run import QUICK_CHECKS, run_checks
from objectives.data.check.subject import quick_subject
from objectives.data.codes import Severity
from objectives.data.dataset import Dataset
from objectives.data.readers import read_dataset
from objectives.machine.files import whole_folder
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.journal.kept_labels import read_labels
from search.operate.paths import VersionPaths
from search.operate.stream.contract import DataVersion
from search.operate.stream.sets.first import first_record, load_first, sides_of_first
from search.operate.stream.sets.held import check_held, held_of
from search.operate.stream.sets.record import VersionRecord, read_record
from search.operate.stream.sets.sides import sides_of
from search.operate.stream.sets.write import LINKED_IMAGES, VersionImage, link_images, of_first, of_stream, write_coco


def make_version(context: OperateContext, number: int) -> DataVersion:
    """Make the version of a round, a folder that is there whole or not at all; return the one that is there already.

    Args:
        context: see OperateContext.
        number: of the round; the first one's version is `data.root` as it is, and what was labelled by then.

    Raises:
        DataError: `data.root` cannot be read, or its val or test has changed since the first round.
    """
    place = context.paths.version(number)
    made = read_record(place.record)
    if made is not None:
        return made.version
    record = _made(context, place, number)
    for line in (*record.left_out, *record.findings):
        context.say(f"data version {number}: {line}")
    return record.version


def _made(context: OperateContext, place: VersionPaths, number: int) -> VersionRecord:
    settings, first, before = context.settings, load_first(context), first_record(context)
    classes = first.classes if before is None else before.first_classes
    held = held_of(first, classes) if before is None else before.held
    check_held(first, held, classes)
    groups = sides_of_first(first, settings.stream.group) if before is None else before.sides
    labelled = context.journal.images(ImageStatus.LABELLED)
    sides = sides_of(labelled, first, groups, settings.versions, context.now)
    with whole_folder(place.folder) as folder:
        partial = VersionPaths(folder)
        names = _Version(context, first, sides.train, sides.recent).write(partial)
        data = read_dataset(partial.data, "coco")
        check_held(data, held, classes)
        searched = read_dataset(partial.searched, "coco") if names else data
        version = _described(context, place, data, searched.fingerprint, names, number)
        recent_line = [f"{len(sides.recent)} recent images show nothing: there is no recent validation set"]
        trained = freeze(first, "train").fingerprint
        left = (*sides.left_out, *(recent_line if sides.recent and not names else ()))
        found = (*_train_changed(context, trained, len(first.splits["train"])), *_findings(data))
        record = VersionRecord(version, held, classes, groups, left, found, trained)
        record.write(partial.record)
    return record


class _Version:
    """The images of a version by split, and its classes."""

    def __init__(
        self, context: OperateContext, first: Dataset, train: Sequence[StreamImage], recent: Sequence[StreamImage]
    ) -> None:
        self._context = context
        self._splits = {split: [of_first(image, first) for image in images] for split, images in first.splits.items()}
        self._splits["train"] += self._of_stream(train)
        self._recent = self._of_stream(recent)
        known = dict.fromkeys(_classes_before(context) or first.classes)
        used = {box[0] for image in (*self._splits["train"], *self._recent) for box in image.boxes}
        self._classes = (*known, *sorted(used - known.keys()))

    def _of_stream(self, images: Sequence[StreamImage]) -> list[VersionImage]:
        found = []
        for image in images:
            labels = read_labels(self._context.paths, image.sha256)
            if labels is not None:
                found.append(of_stream(image, labels, self._context.paths.folder))
        return found

    def write(self, place: VersionPaths) -> list[VersionImage]:
        """Write the data set, and the recent one beside it; return the images of the latter."""
        for split, images in self._splits.items():
            link_images(images, place.data / LINKED_IMAGES / split)
            write_coco(place.data / f"{split}.json", images, self._classes, f"{LINKED_IMAGES}/{split}")
        if not any(image.boxes for image in self._recent):
            return []
        link_images(self._recent, place.recent / LINKED_IMAGES)
        write_coco(place.recent / "val.json", self._recent, self._classes, LINKED_IMAGES)
        trained = f"../{place.data.name}/{LINKED_IMAGES}/train"  # a data set has one; nothing is trained here
        write_coco(place.recent / "train.json", self._one_of_each(), self._classes, trained)
        self._write_searched(place)
        return self._recent

    def _write_searched(self, place: VersionPaths) -> None:
        """Write the data set whose val has the recent images, too; its images are those of the two others."""
        place.searched.mkdir()
        for split, images in self._splits.items():
            inside = f"{place.data.name}/{LINKED_IMAGES}/{split}"
            listed = [replace(image, name=f"{inside}/{image.name}") for image in images]
            if split == "val":
                beside = f"{place.recent.name}/{LINKED_IMAGES}"
                listed += [replace(image, name=f"{beside}/{image.name}") for image in self._recent]
            write_coco(place.searched / f"{split}.json", listed, self._classes, "..")

    def _one_of_each(self) -> list[VersionImage]:
        """Return training images in which each class is there, few of them."""
        found: list[VersionImage] = []
        there: set[str] = set()
        for image in self._splits["train"]:
            names = {box[0] for box in image.boxes}
            if names - there:
                found.append(image)
                there |= names
        return found


def _classes_before(context: OperateContext) -> tuple[str, ...]:
    """Return the classes of the version before; none before the first."""
    fact = context.journal.state().last(FactKind.VERSION_MADE)
    return () if fact is None else tuple(fact.words["data"]["classes"])


def _described(
    context: OperateContext,
    place: VersionPaths,
    data: Dataset,
    fingerprint: str,
    recent: Sequence[VersionImage],
    number: int,
) -> DataVersion:
    before = _classes_before(context)
    return DataVersion(
        number,
        context.paths.relative(place.data),
        context.paths.relative(place.recent) if recent else "",
        fingerprint,
        freeze(data, "val").fingerprint,
        {**{split: len(images) for split, images in data.splits.items()}, "recent": len(recent)},
        data.classes,
        tuple(name for name in data.classes if before and name not in before),
        context.paths.relative(place.searched if recent else place.data),
    )


def _train_changed(context: OperateContext, now: str, images: int) -> tuple[str, ...]:
    """Return a line where the first data set's train is not what the version before was made of."""
    fact = context.journal.state().last(FactKind.VERSION_MADE)
    before = read_record(context.paths.version(fact.round).record) if fact is not None and fact.round else None
    if fact is None or before is None or before.first_train in ("", now):
        return ()
    return (
        f"train of '{context.settings.data.root}' has changed since round {fact.round}, to {images:,} images: each "
        "round trains on it as it is then",
    )


def _findings(data: Dataset) -> tuple[str, ...]:
    """Return what the quick check of the data set finds, errors first, one line each."""
    report = run_checks(quick_subject(data), data.to_json(), QUICK_CHECKS)
    return tuple(finding.line for finding in (*report.of(Severity.ERROR), *report.of(Severity.WARNING)))
