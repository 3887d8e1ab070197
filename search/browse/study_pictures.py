"""Validation images of a study for its readers: detections of any trial, thumbnails by their places."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING

from objectives.data.dataset import Dataset
from objectives.records.paths import FOUND, TrialPaths
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import TrialRecord, read_trial
from reports.detections.payload import detections_payload
from reports.detections.thumbnail import side_for, thumbnail_jpeg
from search.study.files.open import files_to_read
from search.study.files.validation import load_validation, matched_detections
from search.study.store import load_study
from spaces.errors import AutomlError, DataError

if TYPE_CHECKING:
    import optuna

THUMBNAIL_BYTES_MAX, TRIALS_BYTES_MAX = 48_000_000, 48_000_000  # kept in memory, of all studies


class RecentlyUsed:
    """Texts by key, up to so many bytes; those that were not asked for longest go first."""

    def __init__(self, bytes_max: int) -> None:
        """Hold nothing yet."""
        self._bytes_max, self._held, self._bytes = bytes_max, OrderedDict[object, bytes](), 0
        self._lock = threading.Lock()

    def get(self, key: object, make: Callable[[], bytes]) -> bytes:
        """Return what is held under a key; it is made first where it is not."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        made = make()  # without the lock: two who ask at once may both make it
        with self._lock:
            self._bytes += len(made) - len(self._held.pop(key, b""))
            self._held[key] = made
            while self._bytes > self._bytes_max and len(self._held) > 1:
                self._bytes -= len(self._held.popitem(last=False)[1])
        return made


class KeptPictures:
    """What is kept in memory, of all studies together."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.trials, self.thumbnails = RecentlyUsed(TRIALS_BYTES_MAX), RecentlyUsed(THUMBNAIL_BYTES_MAX)


class StudyPictures:
    """One study's validation images. The data set is read when they are first asked for; threads may share this."""

    def __init__(self, study: "optuna.Study", folder: Path, kept: KeptPictures | None = None) -> None:
        """Take a study that is opened for reading.

        Args:
            study: the study.
            folder: its own.
            kept: where its pictures are kept beside those of other studies; None: in memory of its own.
        """
        self._study, self._folder, self._kept = study, folder, kept or KeptPictures()
        self._own = object()  # in the keys of what is kept: no other study, of whatever name, has it
        self._lock = threading.Lock()
        self._read: tuple[Dataset, str] | None = None

    def detections(self, number: int) -> bytes:
        """Return what a trial found, matched with the labels, as JSON.

        Raises:
            AutomlError: there is no such trial, or it has no detections, or the data set cannot be read.
        """
        trial = self._trial(number)
        self._bring(trial)
        found = TrialPaths(self._folder / (trial.folder or ".")).found
        mark = (found.stat().st_mtime_ns, found.stat().st_size) if found.is_file() else None
        return self._kept.trials.get((self._own, number, mark), lambda: self._payload(trial))

    def thumbnail(self, key: int, px: int) -> bytes:
        """Return an image by its place in the split as a JPEG.

        Args:
            key: the place.
            px: longer side that is wanted.

        Raises:
            DataError: there is no such image, or it is gone, or cannot be decoded.
        """
        dataset, split = self._data()
        images, side = dataset.splits[split], side_for(px)
        if not 0 <= key < len(images):
            raise DataError(f"the split '{split}' has no image {key}; it has {len(images):,}")
        path = images[key].path
        try:
            mark = path.stat().st_mtime_ns
        except OSError:
            raise DataError(f"image {key} of the split '{split}' is gone from the data set") from None
        return self._kept.thumbnails.get((self._own, key, side, mark), lambda: thumbnail_jpeg(path, side))

    def _payload(self, trial: TrialRecord) -> bytes:
        removed = StudyRecord.of(self._study).removed.get(trial.number, ())
        dataset, split = self._data()
        found = matched_detections(trial, removed, self._folder, dataset, split)
        values = detections_payload(found, trial.number)
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    def _data(self) -> tuple[Dataset, str]:
        with self._lock:
            if self._read is None:
                self._read = load_validation(StudyRecord.of(self._study))
            return self._read

    def _trial(self, number: int) -> TrialRecord:
        storage = self._study._storage
        try:
            key = storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
            return read_trial(storage.get_trial(key))
        except KeyError:
            raise AutomlError(f"trial: study '{self._study.study_name}' has no trial {number}") from None

    def _bring(self, trial: TrialRecord) -> None:
        """Let the detections lie here where another machine has them."""
        if FOUND in trial.files:
            files_to_read(self._study, self._folder).bring(trial, (FOUND,))


def pictures_by_name(folder: Path, store: str | None) -> Callable[[str, Hashable], StudyPictures]:
    """Return what gives a study's pictures by its name and identity; a study is opened once, another of its name anew.

    Args:
        folder: where studies live.
        store: Optuna storage URL, if they are not SQLite in their folders.
    """
    opened: dict[str, tuple[Hashable, StudyPictures]] = {}
    kept = KeptPictures()
    lock = threading.Lock()

    def of(name: str, identity: Hashable) -> StudyPictures:
        with lock:
            if name not in opened or opened[name][0] != identity:
                opened[name] = identity, StudyPictures(load_study(folder, name, store), folder / name, kept)
            return opened[name][1]

    return of
