"""A study, read for its readers: its views as each device has them, whole or what a trial's end changes at once."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from objectives.records.paths import DETECTIONS, TrialPaths
from objectives.records.reading import uncollected
from objectives.records.trial_record import trial_records
from reports.analysis.curves import Curves
from reports.analysis.views import VIEWS, MadePoints, front_view
from reports.page.live import Live
from reports.page.page import DeviceView, front_figures, page_of, view_html, views_of
from reports.page.payload import trials_payload
from reports.page.pictures import pictured
from reports.table.on_device import device_names, tables_of
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from search.study.files.open import files_to_read
from search.study.files.place import FileLost
from search.study.store import load_study
from search.view.moment.progress import SearchProgress, progress_of
from spaces.errors import StoreError

if TYPE_CHECKING:
    import optuna

SERVED_SCRIPTS = ("/static/plotly.min.js",)


@dataclass(frozen=True)
class ReaderView:
    """What a reader has of a study on one device: data by names, and the header and sections as HTML."""

    payload: Mapping[str, Any]
    html: str


@dataclass(frozen=True)
class FreshReading:
    """A study as it was read.

    Attributes:
        views: a device each, the first device's first.
        state: "running", "paused", "ended", "cut" or "not begun"; `note` is what else is to be said of it.
        is_whole: whether all figures are of this moment; else trials and the front are.
    """

    views: Sequence[ReaderView]
    state: str
    note: str
    is_whole: bool


class StudyReading:
    """Reads one study again and again; not by two threads at once."""

    def __init__(self, name: str, folder: Path, url: str | None) -> None:
        """Take which study it is; nothing is read yet. Arguments as of `StoreWatch`."""
        self._name, self._folder, self._url = name, folder, url
        self.forget()

    def forget(self) -> None:
        """Forget the study: it is gone, or another one of its name has taken its place."""
        self._study: optuna.Study | None = None
        self._tables: tuple[StudyTable, ...] = ()
        self._drawn: list[DeviceView] = []
        self._views: list[ReaderView] = []
        self._progress: SearchProgress | None = None
        self._points: defaultdict[str, MadePoints] = defaultdict(MadePoints)  # by device

    def read(self, *, whole: bool) -> FreshReading:
        """Read what has been written; the first time all of it.

        Raises:
            AutomlError: the study is not there, or cannot be read.
        """
        study = self._opened()
        with uncollected():
            records = trial_records(study)
            tables = tables_of(read_study(study, records))
            self._progress = progress_of(tables[0], records)
            is_whole = whole or not self._drawn or len(tables) != len(self._tables)
            if is_whole:
                drawn = views_of(tables, None, gl=True, points=self._points)
                self._drawn = [replace(view, payload=self._with_progress(view.payload)) for view in drawn]
                self._views = [self._view(tables, drawn) for drawn in self._drawn]
            else:
                before = zip(self._tables, self._views, self._drawn, strict=True)
                swift = (
                    _swift(old, new, view, drawn.context["curves"], self._points[new.device_name])
                    for (old, view, drawn), new in zip(before, tables, strict=True)
                )
                self._views = [replace(view, payload=self._with_progress(view.payload)) for view in swift]
            self._tables = tables
        return FreshReading(self._views, *self.standing(), is_whole)

    def table(self) -> StudyTable:
        """Read the study as a table, for pages that are not its own.

        Raises:
            AutomlError: the study is not there, or cannot be read.
        """
        return read_study(self._opened())

    def _opened(self) -> "optuna.Study":
        if self._study is None:
            study = load_study(self._folder, self._name, self._url)
            _only_reads(study)
            self._study = study
        return self._study

    def _view(self, tables: Sequence[StudyTable], drawn: DeviceView) -> ReaderView:
        return ReaderView({**drawn.payload, "pictures": self._addresses(tables[0])}, view_html(tables, drawn))

    def _with_progress(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the script reads with how far the search is: budget used, time left, who paused it."""
        return {**payload, "progress": asdict(self._progress)} if self._progress else payload

    def _addresses(self, table: StudyTable) -> dict[int, str]:
        """Return the addresses of contact sheets that lie here, or where the study's files are, by number of trial."""
        rows = [row for row in pictured(table) if row.folder and DETECTIONS not in row.removed]
        there = [row for row in rows if DETECTIONS in row.files or self._sheet_file(row).is_file()]
        return {row.number: f"{self.base}/trials/{row.number}/sheet.jpg" for row in there}

    def _sheet_file(self, row: TrialRow) -> Path:
        """Return where a contact sheet lies, or would.

        Raises:
            StoreError: the store names a folder outside of the study's.
        """
        folder = (self._folder / self._name).resolve()
        path = TrialPaths(folder / (row.folder or "")).detections.resolve()
        if not path.is_relative_to(folder):
            raise StoreError(f"trial: the folder of trial {row.number} lies outside of its study's")
        return path

    @property
    def base(self) -> str:
        """Address of the study on this server, without a host."""
        return f"/studies/{quote(self._name, safe='')}"

    def standing(self) -> tuple[str, str]:
        """Return how the study stands at this moment, and a note."""
        from reports.studies.card import study_state

        return study_state(self._tables[0], datetime.now(UTC))

    def at(self, device: str | None) -> int:
        """Return the place of a device among the study's.

        Raises:
            StoreError: the study has no such device.
        """
        names = device_names(self._tables[0]) if self._tables else ()
        if device is None or len(names) < 2:
            return 0
        if device not in names:
            raise StoreError(f"device: study '{self._name}' has no '{device}'; its devices: {', '.join(names)}")
        return names.index(device)

    def page(self, nonce: str, revision: int, where: Sequence[str] = (), *, several: bool = False) -> str:
        """Return the page of what was read last, which is whole and has this revision; arguments as of `Live`."""
        pictures = self._views[0].payload["pictures"]
        live = Live(self.base, revision, SERVED_SCRIPTS, nonce, pictures=pictures, where=where, several=several)
        return page_of(self._tables, self._drawn, live)

    def sheet(self, number: int) -> Path:
        """Return the file of a trial's contact sheet, brought from where the study's files are.

        Raises:
            AutomlError: there is none.
        """
        row = self._tables[0].row(number)
        path = self._sheet_file(row)
        if not path.is_file() and DETECTIONS in row.files:
            try:
                files_to_read(self._opened(), self._folder / self._name).bring(row, (DETECTIONS,))
            except FileLost as lost:
                raise StoreError(str(lost)) from lost
        if not row.folder or not path.is_file():
            raise StoreError(f"trial: {number} of study '{self._name}' has no contact sheet here")
        return path


def _swift(old: StudyTable, new: StudyTable, view: ReaderView, curves: Curves, points: MadePoints) -> ReaderView:
    """Return a view with the trials that have changed since, and the front, in place; all else stays as it was."""
    before = {row.number: row for row in old.rows}
    changed = {row.number for row in new.rows if row is not before.get(row.number)}
    names = view.payload["dimensions"]
    is_known = all(name in names for row in new.rows if row.number in changed for name in row.candidate)
    found = trials_payload(new, curves, changed, names) if is_known else trials_payload(new, curves)
    rows = {row["n"]: row for row in view.payload["rows"]} | {row["n"]: row for row in found["rows"]}
    winner = view.payload["winner"]
    fronts = front_figures({key: front_view(new, key, winner, math.inf, points) for key in VIEWS}, gl=True)
    figures = view.payload["figures"] | {name: figure.to_plotly_json() for name, figure in fronts.items()}
    return replace(view, payload={**view.payload, **found, "rows": list(rows.values()), "figures": figures})


def _only_reads(study: "optuna.Study") -> None:
    """Have the lines to an SQLite file write nothing, whatever a mistake of ours would have them write."""
    from sqlalchemy import event

    storage: Any = study._storage
    engine = getattr(storage, "_backend", storage).engine
    if engine.dialect.name != "sqlite":
        return

    def listen(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(engine, "connect", listen)
    engine.dispose()  # lines that were opened before
