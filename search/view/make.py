"""The view of a log format."""

from rich.console import Console

from search.settings.settings import Settings
from search.view.base import View
from search.view.lines import LineView


def make_view(console: Console, settings: Settings, log_format: str = "auto") -> View:
    """Return the view of a format: "auto" is live in a terminal and plain lines elsewhere."""
    if log_format == "json":
        from search.view.json_lines import JsonView

        return JsonView(console, settings)
    draws = console.is_terminal and not console.is_dumb_terminal and not console.options.ascii_only
    if log_format == "auto" and draws:
        from search.view.live import LiveView

        return LiveView(console, settings)
    return LineView(console, settings)
