"""plotly.js as a page on disk carries it: its basic bundle, an eighth of the full one in bytes."""

from functools import cache
from importlib.resources import files

from markupsafe import Markup

from reports.page.carried.packed import PagePart, packed

BUNDLE = "plotly-basic.min.js.gz"


def basic_bundle() -> PagePart:
    """Return the bundle in gzip; where it is from says README.md beside it."""
    return PagePart(_text(), True)


@cache
def _text() -> Markup:
    return packed(bundle_bytes())


def bundle_bytes() -> bytes:
    """Return the file of this package: JavaScript in gzip."""
    return files("reports.page").joinpath("assets", "plotly", BUNDLE).read_bytes()
