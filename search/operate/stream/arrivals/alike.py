"""Near-duplicates of the stream: images of one group, within a stated time, whose hashes differ in few bits."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from objectives.data.pictures.hashes import FLAT
from search.operate.journal.images import ImageStatus, StreamImage

FIRST_ROOM = 64  # images of a group that there is room for at first; it doubles


class NearSeen:
    """Images that were kept, by group, to be compared with those that come."""

    def __init__(self, bits: int | None, hours: float, images: Iterable[StreamImage]) -> None:
        """Take the images that are kept already.

        Args:
            bits: of 64, in which a near-duplicate differs at most; None: there is none.
            hours: between the two, at most.
            images: of the stream; those left out do not count.
        """
        self._bits, self._span_s = bits, timedelta(hours=hours).total_seconds()
        self._groups: dict[str, _Group] = {}
        for image in images:
            if image.status is not ImageStatus.LEFT_OUT:
                self.add(image.sha256, image.group, image.at, int(image.hash64, 16))

    def like(self, group: str, at: datetime, looks: int) -> str:
        """Return the SHA-256 of an image that looks the same, or an empty text; what shows nothing is like none."""
        if self._bits is None or looks == FLAT or group not in self._groups:
            return ""
        return self._groups[group].like(at.timestamp(), looks, self._span_s, self._bits)

    def add(self, sha256: str, group: str, at: datetime, looks: int) -> None:
        """Add an image that is kept."""
        self._groups.setdefault(group, _Group()).add(sha256, at.timestamp(), looks)


class _Group:
    """Times, hashes and names of the images of one group."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._times: NDArray[np.float64] = np.zeros(FIRST_ROOM)
        self._looks: NDArray[np.uint64] = np.zeros(FIRST_ROOM, np.uint64)

    def add(self, sha256: str, at_s: float, looks: int) -> None:
        count = len(self._names)
        if count == len(self._times):
            self._times = np.resize(self._times, 2 * count)
            self._looks = np.resize(self._looks, 2 * count)
        self._times[count], self._looks[count] = at_s, looks
        self._names.append(sha256)

    def like(self, at_s: float, looks: int, span_s: float, bits: int) -> str:
        count = len(self._names)
        same = np.bitwise_count(self._looks[:count] ^ np.uint64(looks)) <= bits
        same &= np.abs(self._times[:count] - at_s) <= span_s
        return self._names[int(same.argmax())] if same.any() else ""
