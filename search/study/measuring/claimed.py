"""Numbers by which orders, and the post of a device, are claimed as trials are."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FIRST_POST = 1 << 40  # trials and searching processes have the numbers before
POSTS_MOST = 1 << 10  # devices of a study


def post_of(device: str, devices: Sequence[str]) -> int:
    """Return the number of a device's post, which one of those holds who measure on the device: somebody does.

    Args:
        device: its name.
        devices: names of all devices of the study, in order.
    """
    return FIRST_POST + devices.index(device)


def claim_of(order: int) -> int:
    """Return the number by which an order is claimed."""
    return FIRST_POST + POSTS_MOST + order


class Whereabouts(NamedTuple):
    """What the line that measures for a study must name."""

    study: str
    folder: Path
    url: str | None

    @property
    def line(self) -> str:
        """The line, a password in the URL left out."""
        from shlex import join

        from search.study.study_file import shown_url

        words = ["--folder", str(self.folder.parent)] if self.url is None else ["--store", shown_url(self.url)]
        return join(["automl", "measure", self.study, *words])
