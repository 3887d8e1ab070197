"""Labelled images matched with those of the stream: by the hash of the picture, by the hash in a name, by the name."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from objectives.data.pictures.picture import Picture
from search.operate.journal.images import StreamImage

HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class KnownImages:
    """The images of the stream, by what labels may name them."""

    def __init__(self, images: Iterable[StreamImage]) -> None:
        self.by_hash = {image.sha256: image for image in images}
        self._by_name: dict[str, list[StreamImage]] = {}
        for image in self.by_hash.values():
            self._by_name.setdefault(PurePosixPath(image.path).name, []).append(image)

    def find(self, path: Path, picture: Picture | None) -> StreamImage | None:
        """Return the image that a label means; None for one that the stream does not know.

        A plain name counts only where no picture of it was given back: another picture may have the same name.

        Args:
            path: of the picture, as the labels name it.
            picture: what is known of it; None where it was not given back.
        """
        if picture is not None and picture.content in self.by_hash:
            return self.by_hash[picture.content]
        named = [self.by_hash[text] for text in HASH.findall(path.name) if text in self.by_hash]
        if named:
            return named[-1]
        fitting = self._by_name.get(path.name, []) if picture is None else []
        return fitting[0] if len(fitting) == 1 else None

    def is_ambiguous(self, path: Path) -> bool:
        """Whether a name is that of several images."""
        return len(self._by_name.get(path.name, [])) > 1
