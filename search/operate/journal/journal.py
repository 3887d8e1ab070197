"""The journal's database: facts are appended, images are kept by their hashes; every method is one transaction."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.journal.state import PipelineState


class Journal:
    """Facts and images of one pipeline. Make it by `open_journal`."""

    def facts(self) -> list[Fact]:
        """Return all facts, the oldest first."""
        raise NotImplementedError

    def state(self) -> PipelineState:
        """Return what the facts come to."""
        raise NotImplementedError

    def record(self, kind: FactKind, at: datetime, words: Mapping[str, Any], number: int | None = None) -> Fact:
        """Append a fact, of the round `number`; it is on the disk once this returns."""
        raise NotImplementedError

    def images(self, *status: ImageStatus) -> list[StreamImage]:
        """Return the images of these statuses, or all, by time and hash."""
        raise NotImplementedError

    def known_hashes(self) -> set[str]:
        """Return the SHA-256 of all images."""
        raise NotImplementedError

    def add_images(self, images: Iterable[StreamImage]) -> int:
        """Add images that are not known yet; return how many were new."""
        raise NotImplementedError

    def mark_images(self, hashes: Collection[str], status: ImageStatus, number: int, splits: Mapping[str, str]) -> None:
        """Change the status and the round of images, and the split of those that `splits` names by hash."""
        raise NotImplementedError

    def alone(self) -> AbstractContextManager[None]:
        """Keep every other process from operating this pipeline.

        Raises:
            StoreError: another one does; the line says which process, on which machine, since when.
        """
        raise NotImplementedError
