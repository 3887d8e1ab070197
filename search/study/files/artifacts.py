"""Files of trials in an artifact store: objects first, then the list of them; what is not listed is not there."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from objectives.records.artifacts.stored_files import StoredFile, read_files, write_files
from objectives.records.paths import PREVIOUS, StudyPaths
from objectives.records.trial_record import TrialRecord, read_trial
from search.study.claims.contract import LeaseLost
from search.study.files.bring import bring
from search.study.files.contract import Say, StudyFiles
from search.study.files.local import add_origins, is_of_training, kept_at_rest, kept_in_training
from search.study.files.place import ArtifactPlace, ArtifactsAway
from search.study.files.sweep import orphans
from search.study.files.transfer import digest_of, send
from search.study.files.uploads import AGAIN_MOST_S, AGAIN_S, Uploads
from spaces.errors import StoreError

if TYPE_CHECKING:
    import optuna

T = TypeVar("T")
CLOSE_S = 10.0  # for what is left to be removed, when a search ends
Mark = tuple[int, int, int]  # inode, time of change in ns, bytes: of a file that is the same as before


class FilesInArtifacts(StudyFiles):
    """The files of a study whose trials list them in the store."""

    def __init__(
        self,
        study: "optuna.Study",
        folder: Path,
        place: ArtifactPlace,
        prefix: str,
        wait_s: float,
        session: int | None = None,
        say: Say = lambda _: None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """Set up; nothing is read or written yet.

        Args:
            study: whose trials' files these are.
            folder: of the study, on this machine.
            place: where the objects are.
            prefix: what the names of this study's objects begin with.
            wait_s: seconds that is waited for the place where that must be.
            session: key of this process; None for one that only brings files.
            say: is given a line when the place goes away or comes back.
            alive: called again and again while this process waits.
        """
        self._study, self._folder, self._place, self._prefix = study, folder, place, prefix
        self._wait_s, self._session, self._say, self._alive = wait_s, session, say, alive
        self._paths = StudyPaths(folder)
        self._marks: dict[tuple[str, str], Mark] = {}  # folder of a trial and name -> the file that was uploaded last
        self._needless: list[str] = []  # objects that are to be removed
        self._dead: frozenset[int] = frozenset()  # sessions whose leftovers are to be looked for
        self._uploads = Uploads(self, wait_s)

    def bring(self, trial: TrialRecord, names: Collection[str] | None = None) -> None:
        """Fetch what this folder lacks, or has older."""
        if trial.folder is None:
            return
        self._patiently(lambda: bring(self._study, self._folder, self._place, trial, names))

    def changed(self, number: int) -> None:
        """Let the thread look for a new checkpoint."""
        self._uploads.changed(number, self._say)

    def flush(self, number: int, seconds: float | None = None) -> None:
        """Wait until all is uploaded and listed."""
        self._uploads.flush(number, self._say, self._alive, seconds)

    def keep(self, folder: Path) -> Mapping[str, StoredFile]:
        """Upload the files of a trial that is about to be stored, and return its list."""
        relative = folder.relative_to(self._folder).as_posix()
        return self._patiently(lambda: self._sent(relative, kept_at_rest(folder), {}))

    def forget(self, files: Mapping[str, StoredFile]) -> None:
        """Remove objects, in the thread."""
        if files:
            self._needless.extend(one.object for one in files.values())
            self._uploads.clean()

    def ended(self, number: int) -> None:
        """Remove the checkpoints, which the list keeps naming: ended trials cannot be written."""
        listed = read_files(self._study._storage.get_trial(self._id(number)))
        self.forget({name: one for name, one in listed.items() if is_of_training(name)})

    def drop(self, number: int) -> None:
        """Upload no more of a trial."""
        self._uploads.drop(number)

    def sweep(self, dead: Collection[int]) -> None:
        """Look for objects of dead sessions that no trial lists, in the thread."""
        self._dead = frozenset(dead)
        self._uploads.clean()

    def close(self) -> None:
        """Remove what is left to be removed, as far as that is soon done."""
        self._uploads.close(CLOSE_S)

    # What the thread does.

    def upload(self, number: int, *, at_rest: bool) -> None:
        """Upload what a trial has left since the last time, and list it then."""
        folder = self._paths.trial(number)
        found = (kept_at_rest if at_rest else kept_in_training)(folder.folder)
        relative = self._paths.relative(folder)
        if all(self._is_uploaded(relative, name, path) for name, path in found.items()):
            return
        stored = read_trial(self._study._storage.get_trial(self._id(number)))
        if stored.phase.has_ended:
            return
        listed = dict(stored.files)
        new = self._sent(relative, found, listed)
        if not new:
            return
        old = [listed[name].object for name in new if name in listed]
        listed.update(new)
        previous = [name for name in listed if name not in found and name.rpartition("/")[2] == PREVIOUS]
        old.extend(listed.pop(name).object for name in previous)  # the newest generation is there again
        try:
            write_files(self._study, self._id(number), listed)
        except LeaseLost:
            self._needless.extend(one.object for one in new.values())
            for name in new:  # the trial may come back to this process
                self._marks.pop((relative, name), None)
        else:
            add_origins(folder.folder, {name: one.object for name, one in new.items()}, alone=True)
            self._needless.extend(old)
        self._uploads.clean()

    def clean(self) -> None:
        """Remove what nobody needs."""
        if self._dead:
            self._needless.extend(orphans(self._study, self._place, self._prefix, self._dead))
            self._dead = frozenset()
        while self._needless:
            self._place.remove(self._needless[0])
            self._needless.pop(0)

    def _sent(self, folder: str, found: Mapping[str, Path], listed: Mapping[str, StoredFile]) -> dict[str, StoredFile]:
        """Upload files that are not listed as they are, and return them as they are to be listed.

        Raises:
            ArtifactsAway: not all of them could be uploaded; those that were are removed again.
        """
        sent, marks = dict[str, StoredFile](), dict[tuple[str, str], Mark]()
        try:
            for name, path in found.items():
                try:
                    content = path.open("rb")
                except FileNotFoundError:  # it is being replaced just now
                    continue
                with content:
                    marks[folder, name] = _mark(content.fileno())
                    sha256 = digest_of(content)
                    if name not in listed or listed[name].sha256 != sha256:
                        sent[name] = send(self._place, content, self._new_name(folder, name), sha256)
        except ArtifactsAway:
            self._needless.extend(one.object for one in sent.values())
            raise
        if sent:
            add_origins(self._folder / folder, {name: one.object for name, one in sent.items()})
        self._marks.update(marks)
        return sent

    def _new_name(self, folder: str, name: str) -> str:
        """Return a name for an object that was never used; it says which session is to list it."""
        return f"{self._prefix}/{folder}/{name}.{self._session}.{uuid4().hex[:12]}"

    def _is_uploaded(self, folder: str, name: str, path: Path) -> bool:
        try:
            return self._marks.get((folder, name)) == _mark(path)
        except FileNotFoundError:
            return True  # it is being replaced just now; the next look finds the new one

    def _id(self, number: int) -> int:
        return self._study._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do something again while the place is away, for `store.wait_s` at most.

        Raises:
            StoreError: it was away for longer.
        """
        until, pause_s, said = time.monotonic() + self._wait_s, AGAIN_S, False
        while True:
            try:
                return work()
            except ArtifactsAway as away:
                if time.monotonic() > until:
                    raise StoreError(
                        f"{away}, for {self._wait_s:.0f} s (store.wait_s); the same line goes on"
                    ) from away
                if not said:
                    self._say(f"{away}; waiting for it")
                    said = True
                self._wait(pause_s)
                pause_s = min(2 * pause_s, AGAIN_MOST_S)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._alive()
            time.sleep(min(left, AGAIN_S))


def _mark(file: Path | int) -> Mark:
    found = os.fstat(file) if isinstance(file, int) else file.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
