"""Templates of pages, and the files that are part of them: everything that users wrote is escaped."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

# Of a study's page, in this order: they share one scope.
SCRIPTS = (
    "page_devices.js",
    "page_common.js",
    "page_counted.js",
    "page_detections.js",
    "page_actions.js",
    "page_panel.js",
    "page_figures.js",
    "page_table.js",
    "page_gate.js",
    "page_live.js",
    "page_address.js",
    "page_keys.js",
    "page_theme.js",
    "page_start.js",
)
STYLESHEETS = ("page.css", "page_front.css", "page_actions.css", "page_detections.css")


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, a missing name is an error."""
    return Environment(
        loader=FunctionLoader(asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def asset(name: str) -> Markup:
    """Return a file of this package that is part of a page."""
    return Markup(files("reports.page").joinpath("assets", name).read_text(encoding="utf-8"))  # our own file
