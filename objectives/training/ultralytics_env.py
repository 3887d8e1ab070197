"""Ultralytics kept to itself: no calls home, no installs, no fetched fonts, no settings of the user's."""

import logging
import os
from pathlib import Path


def quiet_ultralytics(folder: Path) -> None:
    """Set Ultralytics up for this process; call before the first import of it.

    Args:
        folder: for its settings file, so that the user's own is neither read nor written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        YOLO_CONFIG_DIR=str(folder),
        YOLO_OFFLINE="1",  # no analytics, no look for new versions
        YOLO_AUTOINSTALL="0",
        YOLO_VERBOSE="0",
        ULTRALYTICS_SKIP_REQUIREMENTS_CHECKS="1",
        ULTRALYTICS_SAFE_LOAD="1",  # a checkpoint never runs code
        NO_ALBUMENTATIONS_UPDATE="1",
    )
    # Threads wait by spinning a little: not at all doubles the time of a step, and for ever (300,000 turns, OpenMP's
    # default) makes a training ten times slower as soon as another process uses a core.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    logging.getLogger("ultralytics").setLevel(logging.ERROR)
