"""The folder of a pipeline's deployments, as servers read it: which version serves, and which one is rolled out."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from spaces.errors import DataError

CURRENT = "current"  # names the version that serves: a link, or a file with the name where there are no links
ROLLOUT = "rollout.json"  # what answers beside it; not there: nothing


class RolloutKind(StrEnum):
    """How a version answers beside the one that serves."""

    SHADOW = "shadow"  # whatever the other one answers; its answer is logged alone
    CANARY = "canary"  # a share of the images, instead of the other one


@dataclass(frozen=True)
class RolledOut:
    """A version that answers beside the one that serves.

    Attributes:
        version: its folder beside `current`.
        kind: see RolloutKind.
        share: of a canary, 0 to 1.
        since: when it began, in UTC, ISO 8601.
    """

    version: str
    kind: str
    share: float
    since: str

    def __post_init__(self) -> None:
        if self.kind not in tuple(RolloutKind):
            raise DataError(f"{ROLLOUT}: kind must be {' or '.join(RolloutKind)}, got '{self.kind}'")
        if not 0 <= self.share <= 1:
            raise DataError(f"{ROLLOUT}: share must lie in 0..1, got {self.share}")
        if not is_version(self.version):
            raise DataError(f"{ROLLOUT}: version must be the name of a folder, got '{self.version}'")
        datetime.fromisoformat(self.since)

    def dump(self) -> str:
        """Return the text of the file."""
        return json.dumps(asdict(self), indent=2) + "\n"


def pointed_in(folder: Path) -> str | None:
    """Return the version that a folder's pointer names; None where there is none."""
    pointer = folder / CURRENT
    try:
        name = pointer.readlink().name if pointer.is_symlink() else pointer.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return name if is_version(name) else None


def rolled_out_in(folder: Path) -> RolledOut | None:
    """Return what is rolled out in a folder; None for nothing, and where it is what serves already.

    Raises:
        DataError: the file is no such file.
    """
    try:
        text = (folder / ROLLOUT).read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        values = json.loads(text)
        found = RolledOut(values["version"], values["kind"], float(values["share"]), values["since"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"'{folder / ROLLOUT}' is damaged ({error}); automl operate writes it anew") from None
    return None if found.version == pointed_in(folder) else found


def is_version(name: str) -> bool:
    """Whether a name may be that of a version: of a folder, not a path."""
    return bool(name) and "/" not in name and "\\" not in name and not name.startswith(".") and name != CURRENT
