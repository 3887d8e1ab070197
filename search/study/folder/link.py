"""Files of a trial under another study's roof: linked, so that they take no room."""

import os
import shutil
from pathlib import Path

from objectives.machine.files import PARTIAL
from objectives.records.paths import CHILDREN, TRAININGS


def link_trial(source: Path, target: Path, *, goes_on: bool) -> None:
    """Link a trial's files under a new number; what a trial that goes on may still change in place is copied.

    Checkpoints are replaced and never changed, so they are linked too; those of ended trials are left behind.
    """
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        is_checkpoint = Path(inside.parts[0]).match(TRAININGS)
        is_childs = inside.parts[0] == CHILDREN  # of an elastic training: these are trials themselves
        if not path.is_file() or path.name.endswith(PARTIAL) or is_childs or (is_checkpoint and not goes_on):
            continue
        (target / inside).parent.mkdir(parents=True, exist_ok=True)
        if goes_on and path.suffix != ".pt":
            shutil.copy2(path, target / inside)
        else:
            link_file(path, target / inside)


def link_file(source: Path, target: Path) -> None:
    """Link one file, or copy it where there are no links."""
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)
