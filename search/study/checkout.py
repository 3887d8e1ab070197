"""Git checkouts: which commit a folder is at, and whether its files were changed since. Git's own command is asked."""

import os
import subprocess
from pathlib import Path
from typing import Any

GIT_WAIT_S = 5.0  # a repository on a network disk must not hold a search up


def code_card(folder: Path) -> dict[str, Any]:
    """Return what the code of a user's folder is: the folder, its commit, and whether tracked files were changed.

    The commit is empty, and `changed` None, where the folder is no checkout, or no Git is installed.
    """
    commit = commit_of(folder)
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no") if commit else None
    return {"folder": str(folder), "commit": commit, "changed": None if changed is None else bool(changed)}


def commit_of(folder: Path) -> str:
    """Return the commit that a folder is checked out at, 40 or 64 hexadecimal digits; empty where there is none."""
    return _git(folder, "rev-parse", "--verify", "--quiet", "HEAD") or ""


def _git(folder: Path, *words: str) -> str | None:
    """Return what a command of Git's prints; None where it fails."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # only looks: writes no index anew
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=GIT_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
