"""What people ask of a search, shown as it comes: each request once, whoever obeys it."""

from objectives.records.study_parts.requests import Requests
from search.view.base import View


class RequestsShown:
    """Shows a view the requests that are new."""

    def __init__(self, view: View, known: Requests) -> None:
        """Begin; what is known already is not shown."""
        self._view, self._seen, self._last = view, set(known.by_key), known

    def show(self, requests: Requests) -> None:
        """Show what has come since."""
        if requests is self._last:
            return
        self._last = requests
        for key, request in requests.by_key.items():
            if key not in self._seen:
                self._seen.add(key)
                self._view.asked(request)
