"""What a version says of itself, and whether its files are as they were packed."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from objectives.machine.files import write_text
from search.operate.paths import VERSION_CARD
from spaces.errors import StoreError

CARD_FORMAT = 1


@dataclass(frozen=True)
class VersionCard:
    """What `version.json` holds.

    Attributes:
        name: of the pipeline.
        version: its own name.
        round: that made it.
        made_at: ISO 8601, UTC.
        classes: of the detector.
        confidence: that it is deployed at.
        device: that it was searched for, by name.
        measured: p50_ms, p95_ms there.
        layouts: that were written.
        files: SHA-256 by path, with slashes; of all files but this one.
        removed_at: when its files were removed to make room; None where they are there.
    """

    name: str
    version: str
    round: int
    made_at: str
    classes: tuple[str, ...]
    confidence: float
    device: str
    measured: dict[str, float]
    layouts: tuple[str, ...]
    files: dict[str, str]
    removed_at: str | None = None

    def dump(self) -> str:
        """Return the text of the file."""
        return json.dumps({"format": CARD_FORMAT, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def of(cls, folder: Path) -> "VersionCard":
        """Read the card of a version's folder.

        Raises:
            StoreError: there is none, or it is damaged.
        """
        path = folder / VERSION_CARD
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            values.pop("format")
            lists = {key: tuple(values[key]) for key in ("classes", "layouts")}
            return cls(**{**values, **lists})
        except FileNotFoundError:
            raise StoreError(f"deployments: there is no version '{folder.name}' in '{folder.parent}'") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"deployments: '{path}' is damaged ({error}); remove the folder") from None


def check_whole(folder: Path) -> VersionCard:
    """Return a version's card, once all of its files are as they were packed.

    Raises:
        StoreError: the version is not there, a file is missing or has changed, or its files were removed.
    """
    card = VersionCard.of(folder)
    if card.removed_at is not None:
        raise StoreError(
            f"deployments: the files of version '{folder.name}' were removed on {card.removed_at[:10]} "
            "(rollout.keep); name a newer one"
        )
    for name, digest in card.files.items():
        path = folder / name
        if not path.is_file():
            raise StoreError(f"deployments: '{path}' is missing; version '{folder.name}' is not whole")
        if digest_of_file(path) != digest:
            raise StoreError(f"deployments: '{path}' is not what was packed; version '{folder.name}' is spoilt")
    return card


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of all files of a version but its card, by path with slashes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / VERSION_CARD)
    return {path.relative_to(folder).as_posix(): digest_of_file(path) for path in files}


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file, read anew each time: what is checked is whether it has changed."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def mark_removed(folder: Path, at: str) -> VersionCard:
    """Write into a version's card that its files are removed; before they are, so that no half counts as whole."""
    card = VersionCard.of(folder)
    if card.removed_at is None:
        card = replace(card, removed_at=at)
        write_text(folder / VERSION_CARD, card.dump())
    return card
