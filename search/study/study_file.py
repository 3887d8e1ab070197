"""The SQLite file of a study: where it lies in a study's folder, its URL, and where an older automl put it."""

import re
from pathlib import Path

from objectives.records.paths import StudyPaths
from search.study.sqlite_check import study_names

OF_URLS = "?%"  # what an older automl pasted into a URL, where it means something else


def shown_url(url: str) -> str:
    """Return a storage URL, or a text with some in it, without passwords, for people and for what is kept."""
    shown = re.sub(r"(://[^:/@\s\"']*):[^@\s\"]*@", r"\1:***@", url)
    return re.sub(r"([?&]password=)[^&\s\"']+", r"\1***", shown)


def file_url(path: Path) -> str:
    """Return the storage URL of an SQLite file; whatever is in its path is quoted."""
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(path)).render_as_string()


def study_file(folder: Path) -> Path:
    """Return the file of the study of a folder, whether it is there yet or not.

    An older automl took a path for a URL: it cut off what follows a question mark, so that all such studies of a
    folder came into one file beside their folders, and read `%20` as a blank. A study that lies there stays there.

    Raises:
        StoreError: a file lies there and another process has locked it.
    """
    path = StudyPaths(folder).store
    if path.exists():
        return path
    older = _older(path)
    return older if older != path and folder.name in study_names(older) else path


def studies_in(folder: Path) -> list[str]:
    """Return the names of the studies of a folder, sorted."""
    files = {path: study_file(path) for path in sorted(folder.glob("*")) if path.is_dir()}
    strayed = {file for path, file in files.items() if file != StudyPaths(path).store}
    return [
        path.name
        for path, file in files.items()
        if file.exists() and (file not in strayed or path.name in study_names(file))
    ]


def _older(path: Path) -> Path:
    if not set(OF_URLS) & set(str(path)):
        return path
    from sqlalchemy.engine import make_url

    database = make_url(f"sqlite:///{path}").database
    return Path(database) if database else path
