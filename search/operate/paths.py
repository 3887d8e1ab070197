"""Where the files of a pipeline and of its deployments lie: no other module writes their names out."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RoundPaths:
    """The files of one round."""

    folder: Path

    @property
    def line(self) -> Path:
        """The words of the round's search, made once."""
        return self.folder / "search.json"

    @property
    def search_log(self) -> Path:
        """What the search printed."""
        return self.folder / "search.txt"

    @property
    def export(self) -> Path:
        """The challenger, as `automl export` writes it."""
        return self.folder / "export"

    @property
    def judged(self) -> Path:
        """Folder of the comparisons: JSON, pages, logs."""
        return self.folder / "judged"

    def comparison(self, of: str, kind: str) -> Path:
        """Return a file of a comparison: `of` names set and champion, `kind` is json, html or txt."""
        return self.judged / f"{of}.{kind}"

    @property
    def reference(self) -> Path:
        """Figures of the stream that the round's detector was made for: the baseline of drift."""
        return self.folder / "reference.json"


@dataclass(frozen=True)
class PipelinePaths:
    """The files of one pipeline.

    Attributes:
        folder: of the pipeline.
        deployed: folder of its deployments.
    """

    folder: Path
    deployed: Path

    @property
    def journal(self) -> Path:
        """The database, where there is no server."""
        return self.folder / "pipeline.sqlite3"

    @property
    def lock(self) -> Path:
        """Lock: who operates."""
        return self.folder / ".lock"

    @property
    def images(self) -> Path:
        """Folder of the stream's images as they are kept, by hash."""
        return self.folder / "images"

    @property
    def runs(self) -> Path:
        """Folder of the rounds' studies."""
        return self.folder / "runs"

    @property
    def page(self) -> Path:
        """The page."""
        return self.folder / "pipeline.html"

    def round(self, number: int) -> RoundPaths:
        """Return the files of a round."""
        return RoundPaths(self.folder / "rounds" / f"{number:04d}")

    def hand_over(self, number: int) -> Path:
        """Return the folder that a round hands over to be labelled."""
        return self.folder / "to_label" / f"{number:04d}"

    def version(self, number: int) -> Path:
        """Return the folder of a round's data set."""
        return self.folder / "data" / f"{number:04d}"

    @property
    def current(self) -> Path:
        """Names the version that serves; a link that is replaced in one step."""
        return self.deployed / "current"

    def deployment(self, version: str) -> Path:
        """Return the folder of a version."""
        return self.deployed / version
