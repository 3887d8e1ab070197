"""Removing all that was ever copied to a board."""

import shutil
from pathlib import Path

from spaces.errors import DeviceError

OWN_FOLDER = ("automl", "board")  # of the folder, in whatever cache it lies


def remove_all(root: Path) -> Path:
    """Remove our folder on a board: every measuring folder, inputs, calm times, and what runs have left.

    Raises:
        DeviceError: it is not a folder of ours, or cannot be removed.
    """
    if root.parts[-2:] != OWN_FOLDER:
        raise DeviceError(f"clean: removes '.../{'/'.join(OWN_FOLDER)}' alone, and this program lies in '{root}'")
    try:
        shutil.rmtree(root)
    except OSError as error:
        raise DeviceError(f"clean: cannot remove '{root}': {error}") from error
    return root
