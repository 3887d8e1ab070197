"""Where a study comes from: what is needed to do it again."""

import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from search.study.checkout import code_card, commit_of
from search.study.study_file import shown_url

OWN_CHECKOUT = Path(__file__).resolve().parents[2]  # of automl's own checkout, where it runs from one
PACKAGES = (
    "automl",
    "optuna",
    "torch",
    "torchvision",
    "timm",
    "ultralytics-opencv-headless",
    "onnx",
    "onnxruntime",
    "torch-pruning",
)


def provenance(seed: int) -> dict[str, Any]:
    """Return what is needed to do it again: versions, commits of automl and of the user's folder, seed, line, time."""
    return {
        "seed": seed,
        "versions": {**{name: version(name) for name in PACKAGES}, "python": sys.version.split()[0]},
        # Of automl itself; empty for an installed release, which may lie in a checkout of somebody's.
        "commit": commit_of(OWN_CHECKOUT) if (OWN_CHECKOUT / ".git").exists() else "",
        "code": code_card(Path.cwd()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["automl", *map(shown_url, sys.argv[1:])]),
    }
