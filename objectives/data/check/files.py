"""Missing pairs, both ways: images without a file, files without an entry, annotations without a picture."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from objectives.data.check.spots import Mark, Spot
from objectives.data.check.subject import CheckedImage, Subject
from objectives.data.files.folder import is_file, is_picture, walk

ANNOTATIONS = frozenset({".txt", ".xml", ".json"})  # of formats with an annotation file an image
LISTS = frozenset({"classes", "labels", "names", "notes", "readme", "license", "obj", "train", "val", "valid", "test"})
BESIDE = ANNOTATIONS | {".cache", ".csv", ".md", ".npy", ".yaml", ".yml", ".dvc", ".zip", ".db", ".ini", ""}


def check_files(subject: Subject) -> Iterator[Spot]:
    """Yield files that are not there or passed over, and images whose annotations are not there or lie elsewhere."""
    pictures = {entry.path for entry in subject.entries}
    gone = {path for path in pictures if not is_file(path)}
    for entry in subject.entries:
        if entry.path in gone:
            yield Spot("images.missing", subject.place(entry.path))
    sources = {entry.source for entry in subject.entries if entry.source is not None}
    others = [path for path in walk(subject.root) if path not in pictures and path not in sources]
    folders = {path.parent for path in pictures}
    for path in others:
        if path.parent in folders and not is_picture(path) and path.suffix.lower() not in BESIDE:
            yield Spot("images.unsupported", subject.place(path))
    if _is_per_image(subject):
        unused = _unused(others, sources)
        yield from _without(subject, unused, gone)
        used_folders = {source.parent for source in sources}
        for path in sorted(path for paths in unused.values() for path in paths if path.parent in used_folders):
            yield Spot("labels.orphan", subject.place(path))
        yield from _shared(subject)


def _is_per_image(subject: Subject) -> bool:
    """Whether annotation files belong to one image each."""
    labelled = [entry for entry in subject.entries if entry.source is not None]
    named = sum(entry.source.stem == entry.path.stem for entry in labelled if entry.source)
    return 2 * named > len(labelled)


def _unused(others: Iterable[Path], sources: set[Path]) -> Mapping[str, list[Path]]:
    """Return annotation files that belong to no image, by stem."""
    suffixes = {source.suffix.lower() for source in sources} & ANNOTATIONS
    found: dict[str, list[Path]] = defaultdict(list)
    for path in others:
        if path.suffix.lower() in suffixes and path.stem.lower() not in LISTS:
            found[path.stem].append(path)
    return found


def _without(subject: Subject, unused: Mapping[str, list[Path]], gone: set[Path]) -> Iterator[Spot]:
    """Yield images without annotations; those that lie in another folder are no orphans then."""
    for entry in subject.entries:
        if entry.source is None and entry.path not in gone:
            mark = Mark(entry.path, entry.split)
            paths = unused.get(entry.path.stem)
            if paths:
                yield Spot("labels.elsewhere", f"{subject.place(entry.path)}: {subject.place(paths[0])}", 1, (mark,))
                paths.clear()
            else:
                yield Spot("labels.missing", subject.place(entry.path), 1, (mark,))


def _shared(subject: Subject) -> Iterator[Spot]:
    """Yield images that share an annotation file, since their names differ in the suffix alone."""
    users: dict[Path, dict[Path, CheckedImage]] = defaultdict(dict)
    for entry in subject.entries:
        if entry.source is not None:
            users[entry.source].setdefault(entry.path, entry)
    for source, entries in users.items():
        if len(entries) > 1:
            names = ", ".join(subject.place(path) for path in entries)
            marks = tuple(Mark(entry.path, entry.split) for entry in list(entries.values())[:3])
            yield Spot("labels.shared", f"{names}: {subject.place(source)}", len(entries), marks)
