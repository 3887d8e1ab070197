"""Where the files of a pipeline and of its deployments lie: no other module writes their names out."""

from dataclasses import dataclass
from pathlib import Path

from objectives.deploy.serving.deployments import CURRENT, ROLLOUT


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
    def asked(self) -> Path:
        """Which images were handed over to be labelled, and why these."""
        return self.folder / "asked.json"

    @property
    def reference(self) -> Path:
        """Figures of the stream that the round's detector was made for: the baseline of drift."""
        return self.folder / "reference.json"

    @property
    def answered(self) -> Path:
        """Figures of the first answers of the round's detector: the baseline of drift in what it finds."""
        return self.folder / "answered.json"

    @property
    def embedded(self) -> Path:
        """Images of the stream as the backbone of the round's detector sees them: a cache."""
        return self.folder / "embedded.json"


@dataclass(frozen=True)
class VersionPaths:
    """The files of one version of the data set; they come into being together, and are never changed."""

    folder: Path

    @property
    def data(self) -> Path:
        """The data set: train, and val and test, which are frozen."""
        return self.folder / "set"

    @property
    def searched(self) -> Path:
        """The same with the recent images in val, where there are any: what the round's search scores its trials on."""
        return self.folder / "searched"

    @property
    def recent(self) -> Path:
        """The recent validation set."""
        return self.folder / "recent"

    @property
    def record(self) -> Path:
        """The version as its fact has it, and what was left out of it."""
        return self.folder / "version.json"


VERSION_CARD = "version.json"  # of a version of the deployments: stays when its files go
LAYOUTS_FOLDER = "layouts"  # folder of a version: as serving systems take it


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
    def seen(self) -> Path:
        """Files of the stream's folder that were taken in, by size and times: a cache."""
        return self.folder / "seen.sqlite3"

    @property
    def labels_seen(self) -> Path:
        """What of the labels' folder was read, by size and times: a cache."""
        return self.folder / "labels_seen.json"

    @property
    def labelled_pictures(self) -> Path:
        """Index of the pictures in the labels' folder: a cache."""
        return self.folder / "labelled_pictures.sqlite3"

    def kept_image(self, sha256: str, suffix: str) -> Path:
        """Return where an image of the stream is kept, by the hash of the file as it arrived."""
        return self.images / sha256[:2] / f"{sha256}{suffix}"

    def kept_labels(self, sha256: str) -> Path:
        """Return where the labels of an image of the stream are kept."""
        return self.images / sha256[:2] / f"{sha256}.json"

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

    def version(self, number: int) -> VersionPaths:
        """Return the files of a round's data set."""
        return VersionPaths(self.folder / "data" / f"{number:04d}")

    def relative(self, path: Path) -> str:
        """Return a path below the pipeline's folder as facts keep it, with slashes."""
        return path.relative_to(self.folder).as_posix()

    @property
    def hooks_log(self) -> Path:
        """What the user's hooks printed."""
        return self.folder / "hooks.txt"

    @property
    def rollout(self) -> Path:
        """What of the deployments' versions answers beside the one that serves; servers read it (docs/rollout.md)."""
        return self.deployed / ROLLOUT

    @property
    def current(self) -> Path:
        """Names the version that serves; a link that is replaced in one step."""
        return self.deployed / CURRENT

    def deployment(self, version: str) -> Path:
        """Return the folder of a version."""
        return self.deployed / version
