"""`automl workers NAME`: the searching processes of a study, listed, and asked to end."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from objectives.records.study_record import StudyRecord, StudyWriter
from reports.table.console import open_console
from reports.table.words import duration, plural
from search.study.claims.open import open_claims
from search.study.sessions import SessionSeen, seen_of
from search.study.store import load_study, store_errors
from search.view.words import work_text
from spaces.errors import SettingsError, nearest


def run_workers_list(
    name: str, folder: str, store: str | None, end: Sequence[str], *, end_all: bool, form: str
) -> None:
    """List the processes that search a study, and ask some of them to end.

    Args:
        name: of the study.
        folder: where studies live.
        store: URL of the storage, if not SQLite in the study's folder.
        end: how many are to end, or which, as `host:pid`.
        end_all: whether all are.
        form: "text" or "json".

    Raises:
        AutomlError: there is no such study, or no such process.
    """
    if end and end_all:
        raise SettingsError(f"--end: means nothing beside --all, got {', '.join(end)}; give one of the two")
    studies = Path(folder).expanduser().absolute()
    study = load_study(studies, name, store)
    with store_errors(name), closing(open_claims(studies / name, store)) as claims:
        record = StudyRecord.of(study)
        alive = [seen for seen in seen_of(record.sessions, claims, claims.time_s()) if seen.alive]
        asked = _chosen(alive, end, record.asked_to_end) if not end_all else alive
        for seen in asked:
            StudyWriter(study).ask_to_end(int(seen.key))
        ending = record.asked_to_end | {seen.key for seen in asked}
    ends = {seen.key: seen.key in ending or record.sessions[int(seen.key)].launch in ending for seen in alive}
    if form == "json":
        for seen in alive:
            print(json.dumps({**asdict(seen), "asked_to_end": ends[seen.key]}))  # noqa: T201  # the command's output
    else:
        _print(name, alive, ends, asked)


def _chosen(alive: Sequence[SessionSeen], words: Sequence[str], asked: frozenset[str]) -> list[SessionSeen]:
    """Return the processes that are meant by a number, idle ones first, or by their names.

    Raises:
        SettingsError: there are not so many, or none of that name.
    """
    by_name = {_name(seen): seen for seen in alive}
    found: list[SessionSeen] = []
    for word in words:
        if word.isdigit():
            if int(word) < 1:
                raise SettingsError(f"--end: must be 1 or more, or HOST:PID, got {word}")
            free = [seen for seen in alive if seen.key not in asked and seen not in found]
            if int(word) > len(free):
                raise SettingsError(
                    f"--end: {plural(len(free), 'worker')} can be asked, got {word}; see automl workers"
                )
            found += sorted(free, key=lambda seen: (bool(seen.trials), len(seen.trials), int(seen.key)))[: int(word)]
        elif word in by_name:
            found.append(by_name[word])
        else:
            known = ", ".join(by_name) or "none"
            raise SettingsError(
                f"--end: no worker '{word}'{nearest(word, by_name)}; there are: {known}; or give a number"
            )
    return list(dict.fromkeys(found))


def _name(seen: SessionSeen) -> str:
    return f"{seen.host}:{seen.pid}"


def _print(name: str, alive: Sequence[SessionSeen], ends: dict[str, bool], asked: Sequence[SessionSeen]) -> None:
    console = open_console(highlight=False)
    if not alive:
        console.print(f"nobody searches {name} just now", highlight=False)
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("worker", "trains on", "trial", "silent for", ""):
        table.add_column(column, justify="left", overflow="fold")
    for seen in alive:
        doing = "\n".join(map(work_text, seen.work)) or "idle"
        ending = "is asked to end" if ends[seen.key] else ""
        table.add_row(Text(_name(seen)), Text(seen.kind), Text(doing), duration(seen.silent_s), ending)
    console.print(table)
    if asked:
        console.print(f"{plural(len(asked), 'worker')} asked to end: trials stay at their last checkpoint")
