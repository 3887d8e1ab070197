"""Templates of pages, and the files that are part of them: everything that users wrote is escaped."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup


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
