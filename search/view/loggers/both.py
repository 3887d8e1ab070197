"""Two views of one search: whatever happens is shown by both."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

from search.view.base import View
from spaces.errors import first_line


def _by_both(name: str) -> Callable[..., Any]:
    """Return the method of this name that calls it on both views."""

    def call(self: "BothViews", *arguments: Any, **named: Any) -> Any:
        try:
            getattr(self.second, name)(*arguments, **named)
        except Exception as error:  # a mistake of ours in what is reported elsewhere: none may end a search
            self._warn(error)
        return getattr(self.first, name)(*arguments, **named)

    return call


def _all_by_both(cls: type["BothViews"]) -> type["BothViews"]:
    """Give a class every event that a view has, those of later versions too."""
    for name, method in vars(View).items():
        if callable(method) and not name.startswith("_"):
            setattr(cls, name, _by_both(name))
    return cls


@_all_by_both
class BothViews(View):
    """Shows each event by the second view and then by the first; stages of their own (`meanwhile`) by the first alone.

    What the second raises is said once, and ends nothing. It is left before the first, which may show what the second
    had to say at its end.
    """

    def __init__(self, first: View, second: View) -> None:
        """Show a search by two views."""
        self.first, self.second = first, second
        self._opened = ExitStack()
        self._has_warned = False

    def __enter__(self) -> Self:
        self._opened.enter_context(self.first)
        self._opened.enter_context(self.second)
        return self

    def __exit__(self, *raised: object) -> None:
        self._opened.close()

    def _warn(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            self.first.warn(
                f"loggers: {type(error).__name__}: {first_line(error)}; this is not logged, and the search goes on"
            )
