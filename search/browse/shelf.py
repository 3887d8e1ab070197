"""The studies that a server shows: those of a folder, or of a storage, by their names alone."""

import threading
from collections.abc import Sequence
from pathlib import Path

from search.browse.feed import Feed
from search.study.read import own_studies
from search.study.study_file import shown_url, studies_in
from spaces.errors import StoreError, nearest


class StudyShelf:
    """The studies of one place; a name from a request is looked up among theirs, and never becomes a path by itself."""

    def __init__(self, folder: Path, url: str | None, names: Sequence[str] = (), where: Sequence[str] = ()) -> None:
        """Take where studies live, and which are shown.

        Args:
            folder: where studies live.
            url: of the storage, if it is not SQLite in the studies' folders.
            names: of the studies to show; empty: all that are there, and those that come.
            where: options that lead a command in a terminal to these studies.
        """
        self.folder, self.url, self.names, self.where = folder, url, tuple(names), tuple(where)
        self._feeds: dict[str, Feed] = {}
        self._lock = threading.Lock()

    @property
    def place(self) -> str:
        """Where the studies are, for people."""
        return str(self.folder) if self.url is None else shown_url(self.url)

    @property
    def search_words(self) -> list[str]:
        """Words that have a search keep its study here, where that is not the usual place."""
        named = {"--folder": "store.folder", "--store": "store.url"}
        pairs = zip(self.where[::2], self.where[1::2], strict=True)
        return [f"{named[option]}={value}" for option, value in pairs]

    def there(self) -> list[str]:
        """Return the names of the studies that are shown, sorted; those that were named stay, there or not.

        Raises:
            StoreError: the storage cannot be read.
        """
        if self.names:
            return sorted(self.names)
        return studies_in(self.folder) if self.url is None else own_studies(self.url)

    def feed(self, name: str) -> Feed:
        """Return the feed of a study.

        Raises:
            StoreError: no study of this name is shown.
        """
        with self._lock:
            if name not in self._feeds:
                known = self.there()
                if name not in known:
                    raise StoreError(f"study: there is no '{name}' in '{self.place}'{nearest(name, known)}")
                self._feeds[name] = Feed(name, self.folder, self.url, self.where, several=len(self.names) != 1)
            return self._feeds[name]
