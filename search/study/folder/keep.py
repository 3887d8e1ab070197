"""Keeping a study's folder small: checkpoints go when a trial ends, large files when room is short.

Children of an elastic training lie in its folder, and count as the trials that they are. They go first, with all their
files, since they can be cut from its weights again; so these weights stay.
"""

import math
import os
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from objectives.machine.files import remove_folders
from objectives.records.paths import (
    CHILDREN,
    CONVERTED,
    HALF_WRITTEN,
    LARGE,
    TRAININGS,
    UNTRAINED_ALL,
    WEIGHTS,
    StudyPaths,
)
from objectives.records.records import Outcome
from objectives.records.trial_record import TrialRecord
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.study.folder.needed import cut_from, least_needed, promise

OF_NO_USE = (HALF_WRITTEN, TRAININGS, UNTRAINED_ALL)  # once a trial has ended
FULL_SHARE = 0.9  # files are removed down to this share of the limit, or every trial would remove some
CHILDREN_MOST = 200  # children that keep files, of all elastic trainings of a study together

Entries = dict[str, int]  # name in a trial's folder -> bytes; of a folder, all in it


@dataclass(frozen=True)
class Removed:
    """What was removed to make room, and what is to be stopped for it.

    Attributes:
        files: number of a finished trial -> names of files that were removed from its folder.
        to_stop: number of a paused trial -> why it must end; its checkpoint is to be removed after that.
        warning: one line if the folder stays too large, given once; else empty.
    """

    files: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    to_stop: Mapping[int, str] = field(default_factory=dict)
    warning: str = ""


class Keeper:
    """Removes from a study's folder what is not needed, and knows its size without walking it every time."""

    def __init__(self, folder: Path, size_mb_max: float | None) -> None:
        """Nothing is counted or removed yet; `size_mb_max` None sets no limit."""
        self.folder, self.paths = folder, StudyPaths(folder)
        self.bytes_max = math.inf if size_mb_max is None else size_mb_max * 1e6
        self._counted: dict[int, tuple[tuple[str, int], Entries]] = {}  # trial -> its stage when counted, its entries
        self._folders_bytes: int | None = None  # of the folders beside the trials'
        self._warned = False

    def remove_checkpoints(self, number: int) -> None:
        """Remove the checkpoints of a trial that has ended."""
        remove_folders(self.paths.trial(number).trainings)
        self._counted.pop(number, None)

    def is_full(self, table: StudyTable) -> bool:
        """Whether the folder holds more than its limit, or too many children; the table may be a little old.

        Others may work meanwhile.
        """
        unfinished = {row.number for row in table.rows if row.outcome is None}
        entries = self._all_entries(table, unfinished)
        return self._held(table, entries) > self.bytes_max or _children(table.rows, entries) > CHILDREN_MOST

    def make_room(self, table: StudyTable, claimed: Collection[int]) -> Removed:
        """Remove what is needed least until the folder fits its limit.

        First go leftovers, then the files of children far from the front, then the large files of other finished
        trials there, then checkpoints of the paused trials that promise least; members of the front and what
        `export --pick` would choose keep all their files, and an elastic training its weights, as long as children may
        still be cut from them. One process at a time may do this.

        Args:
            table: the study's trials and front.
            claimed: numbers of the trials that a process works on, or scores the children of; nothing of theirs is
                touched.
        """
        entries = self._all_entries(table, claimed)
        held, children = self._held(table, entries), _children(table.rows, entries)
        if held <= self.bytes_max and children <= CHILDREN_MOST:
            return Removed()
        free = [row for row in table.rows if row.number not in claimed]
        left = held - self.remove_strays(table.rows, claimed)
        left -= sum(self._remove(row, _leftovers(row, entries[row.number]))[1] for row in free)
        going = least_needed(table, free)
        surplus = children - round(FULL_SHARE * CHILDREN_MOST) if children > CHILDREN_MOST else 0
        files, freed = self._remove_children(going, entries, surplus)
        left -= freed
        if held > self.bytes_max:
            large, freed = self._remove_large(table, going, entries, left - FULL_SHARE * self.bytes_max)
            files, left = files | large, left - freed
        waiting = sorted((row for row in free if row.paused), key=lambda row: promise(row, table))
        to_stop, to_free = self._least_promising(waiting, entries, left - self.bytes_max)
        return Removed(files, to_stop, self._warning(left - to_free))

    def remove_strays(self, trials: Sequence[TrialRecord], claimed: Collection[int]) -> int:
        """Remove the files of children that never became trials: their scorer died first. Return the bytes.

        Args:
            trials: all of the study.
            claimed: numbers of the elastic trainings whose children are being scored.
        """
        freed = 0
        for number, path in self._strays(trials):
            if number not in claimed:
                freed += _bytes_of(path)
                remove_folders([path])
        return freed

    def _remove_children(
        self, rows: Iterable[TrialRow], entries: Mapping[int, Entries], count: int
    ) -> tuple[dict[int, tuple[str, ...]], int]:
        """Remove all files of so many children; return names by trial, and the bytes that were freed."""
        files, freed = {}, 0
        for row in [row for row in rows if row.is_child and entries[row.number]][:count]:
            files[row.number], of_trial = self._remove(row, sorted(entries[row.number]))
            freed += of_trial
        return files, freed

    def _remove_large(
        self, table: StudyTable, rows: Iterable[TrialRow], entries: Mapping[int, Entries], excess: float
    ) -> tuple[dict[int, tuple[str, ...]], int]:
        """Remove large files, of a child all, trial by trial, until so many bytes are free; return as above."""
        files, freed = {}, 0
        needed = cut_from(table)
        for row in rows:
            if freed >= excess:
                break
            large = [name for name in (*LARGE, *CONVERTED) if name != WEIGHTS or row.number not in needed]
            kinds = sorted(entries[row.number]) if row.is_child else large
            names, of_trial = self._remove(row, [name for name in kinds if name in entries[row.number]])
            freed += of_trial
            if names:
                files[row.number] = names
        return files, freed

    def _least_promising(
        self, rows: Iterable[TrialRow], entries: Mapping[int, Entries], excess: float
    ) -> tuple[dict[int, str], int]:
        """Return the first of the trials whose checkpoints free so many bytes, why they must end, and the bytes."""
        to_stop, to_free = {}, 0
        for row in rows:
            if to_free >= excess:
                break
            to_free += sum(size for name, size in entries[row.number].items() if fnmatch(name, TRAININGS))
            to_stop[row.number] = f"no room for its checkpoint ({self._limit()}), and it promised least of the paused"
        return to_stop, to_free

    def _remove(self, row: TrialRow, names: Sequence[str]) -> tuple[tuple[str, ...], int]:
        """Remove entries of a trial's folder; return the names that are gone, and the bytes that were freed."""
        folder, of_trial = self._trial(row), self._counted[row.number][1]
        for path in (folder / name for name in names):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):  # what cannot be removed still counts
                    path.unlink()
        gone = tuple(name for name in names if not os.path.lexists(folder / name))
        if row.is_child and len(gone) == len(of_trial):
            with suppress(OSError):
                folder.rmdir()
        return gone, sum(of_trial.pop(name) for name in gone)

    def _all_entries(self, table: StudyTable, in_work: Collection[int]) -> dict[int, Entries]:
        return {row.number: self._entries(row, in_work=row.number in in_work) for row in table.rows}

    def _held(self, table: StudyTable, entries: Mapping[int, Entries]) -> int:
        """Return what the whole folder takes."""
        strays = sum(_bytes_of(path) for _, path in self._strays(table.rows))
        return self._beside_bytes() + strays + sum(sum(of_trial.values()) for of_trial in entries.values())

    def _strays(self, trials: Iterable[TrialRecord]) -> list[tuple[int, Path]]:
        """Return the folders of children that are no trials, or none yet, each with the number of its parent."""
        known = {self._trial(trial) for trial in trials if trial.is_child}
        below = [(trial.number, self._trial(trial) / CHILDREN) for trial in trials if trial.family]
        return [(number, path) for number, folder in below for path in _paths_in(folder) if path not in known]

    def _entries(self, row: TrialRow, *, in_work: bool) -> Entries:
        """Return what a trial's folder holds; one is counted anew only in work, or when it got further."""
        stage = (row.standing, len(row.rungs))
        known = self._counted.get(row.number)
        if known and known[0] == stage and not in_work:
            return known[1]
        there = [path for path in _paths_in(self._trial(row)) if path.name != CHILDREN]  # these are trials themselves
        counted = {path.name: _bytes_of(path) for path in there}
        if in_work:
            self._counted.pop(row.number, None)
        else:
            self._counted[row.number] = (stage, counted)
        return counted

    def _beside_bytes(self) -> int:
        """Return what lies beside the trials: the folders are counted once (the data's links), the files each time."""
        beside = [path for path in _paths_in(self.folder) if path != self.paths.trials]
        if self._folders_bytes is None:
            self._folders_bytes = sum(_bytes_of(path) for path in beside if path.is_dir())
        return self._folders_bytes + sum(_bytes_of(path) for path in beside if not path.is_dir())

    def _warning(self, left: float) -> str:
        if left <= self.bytes_max or self._warned:
            return ""
        self._warned = True
        return (
            f"store: the study's folder holds {left / 1e6:,.0f} MB that it needs, more than {self._limit()}; "
            "raise store.size_mb_max"
        )

    def _limit(self) -> str:
        return f"store.size_mb_max {self.bytes_max / 1e6:,.0f}"

    def _trial(self, trial: TrialRecord) -> Path:
        return self.folder / trial.folder if trial.folder else self.paths.trial(trial.number).folder


def _leftovers(row: TrialRow, entries: Entries) -> list[str]:
    """Return what a trial does not need any more; one that ended without a result needs no large file either."""
    useless: tuple[str, ...] = OF_NO_USE if row.outcome else (HALF_WRITTEN,)
    if row.outcome not in (None, Outcome.FINISHED):
        useless += (*LARGE, *CONVERTED)
    return [name for name in entries if any(fnmatch(name, kind) for kind in useless)]


def _children(rows: Iterable[TrialRow], entries: Mapping[int, Entries]) -> int:
    """Return how many children have files."""
    return sum(row.is_child and bool(entries[row.number]) for row in rows)


def _paths_in(folder: Path) -> list[Path]:
    """Return what lies in a folder; nothing if the folder does not exist (yet, or any more)."""
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _bytes_of(path: Path) -> int:
    """Return the size of a file, or of all files below a folder; a link counts for itself."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        with os.scandir(path) as found:
            return sum(
                _bytes_of(Path(entry.path))
                if entry.is_dir(follow_symlinks=False)
                else entry.stat(follow_symlinks=False).st_size
                for entry in found
            )
    except FileNotFoundError:  # other processes write and remove files meanwhile
        return 0
