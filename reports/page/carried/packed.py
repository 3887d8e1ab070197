"""Text of a page in gzip, as base64: the page's `page_boot.js` unpacks it."""

import gzip
from base64 import b64encode
from dataclasses import dataclass

from markupsafe import Markup

PACKED_FROM = 200_000  # characters; what is shorter stands in the page as it is, to be read and searched


@dataclass(frozen=True)
class PagePart:
    """The content of a script element that holds data, and whether it is packed."""

    content: Markup
    is_packed: bool


def part(text: str, packed_from: float = PACKED_FROM) -> PagePart:
    """Return a part of a page, packed if it is long.

    Args:
        text: that may stand in a script element, such as the JSON of `script_json`.
        packed_from: characters.
    """
    if len(text) < packed_from:
        return PagePart(Markup(text), False)
    content = gzip.compress(text.encode(), 9, mtime=0)  # the same bytes each time
    return PagePart(packed(content), True)


def packed(content: bytes) -> Markup:
    """Return what is in gzip already as text of a page."""
    return Markup(b64encode(content).decode())  # base64 has no characters of markup
