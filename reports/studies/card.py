"""A study in brief: what the first page says of each study, as plain data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from objectives.records.gate import Gate
from objectives.records.trial_record import Phase
from reports.studies.little_picture import LittlePicture, little_picture
from reports.table.baseline import against_baseline
from reports.table.baseline_words import beside_words
from reports.table.pick import misses
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import Verdict, judge
from reports.table.words import ms, plural, share

QUIET_S = 90.0  # a searching process says every 15 s that it lives; one that is silent for longer may be gone
UNFINISHED = (Phase.RUNNING, Phase.WAITING)


@dataclass(frozen=True)
class StudyCard:
    """One study of the first page.

    Attributes:
        name: the study's.
        href: address of its page; empty where there is none.
        state: "running", "paused", "ended", "cut" or "not begun"; empty where the study cannot be read.
        state_note: what else is to be said of the state; may be empty.
        trials: of the search and its proof, without children; `children` are those.
        running: trials that are worked on.
        front: members of the front; `best_map` and `best_number` are of the most accurate.
        pick: what meets the gate, or comes nearest, in words; `pick_kind` is the verdict's.
        pick_number: number of the trial that `pick` is about.
        against: the pick beside the baseline, in words; empty without a baseline.
        gate: bounds of the gate; empty without one.
        data, device: for people.
        data_key, device_key: fingerprints: studies are laid over one another where both are equal.
        updated: when a trial began or ended last; None where that is not known.
        picture: the front, small.
        error: why the study cannot be read, in one line; nothing else is known then.
    """

    name: str
    href: str = ""
    state: str = ""
    state_note: str = ""
    trials: int = 0
    children: int = 0
    running: int = 0
    front: int = 0
    best_map: float | None = None
    best_number: int | None = None
    pick: str = ""
    pick_kind: str = "nothing"
    pick_number: int | None = None
    against: str = ""
    gate: str = ""
    data: str = ""
    device: str = ""
    data_key: str = ""
    device_key: str = ""
    updated: datetime | None = None
    picture: LittlePicture | None = None
    error: str = ""


def study_address(name: str) -> str:
    """Return the address of a study's page on the server that serves it, without a host."""
    return f"/studies/{quote(name, safe='')}"


def unread_card(name: str, error: str) -> StudyCard:
    """Return the card of a study that cannot be read, with the one line that says why."""
    return StudyCard(name=name, error=error)


def card_of(table: StudyTable, href: str | None = None, now: datetime | None = None) -> StudyCard:
    """Return a study in brief; of several devices as the first has it.

    Args:
        table: the study.
        href: address of its page; None for the server's own.
        now: the moment, with a time zone; None for now.
    """
    moment = now or datetime.now(UTC)
    state, note = study_state(table, moment)
    verdict, front = judge(table), table.front
    best = front[-1] if front else None
    children = sum(row.is_child for row in table.rows)
    more_devices = len(table.record.devices)
    return StudyCard(
        name=table.name,
        href=study_address(table.name) if href is None else href,
        state=state,
        state_note=note,
        trials=len(table.rows) - children,
        children=children,
        running=table.counts.get("running", 0),
        front=len(front),
        best_map=best.map if best else None,
        best_number=best.number if best else None,
        pick=_pick_words(table, verdict),
        pick_kind=verdict.kind,
        pick_number=verdict.row.number if verdict.row else None,
        against=_against_words(table, verdict.row),
        gate=str(table.gate).replace(">=", "≥").replace("<=", "≤") if table.gate != Gate() else "",
        data=str(table.data.get("name") or ""),
        device=table.device_name + (f" and {plural(more_devices, 'other')}" if more_devices else ""),
        data_key=str(table.fingerprints.get("data") or ""),
        device_key=str(table.fingerprints.get("device") or ""),
        updated=last_change(table),
        picture=little_picture(table.finished),
    )


def study_state(table: StudyTable, now: datetime) -> tuple[str, str]:
    """Return how a study stands, and a note: 'cut', 'no sign of life for 12 min'.

    A pause that somebody asked for comes first. A study runs while one of its searching processes has shown that it
    lives within QUIET_S. One that nobody searches has ended, unless a trial was left running or the last process fell
    silent without leaving the study: then the search was cut, or waits without a sign.
    """
    sessions = [session for session in table.record.sessions.values() if session.spans]
    silent_s = {id(one): now.timestamp() - one.spans[-1][1] for one in sessions}
    alive = [one for one in sessions if not one.ended and silent_s[id(one)] <= QUIET_S]
    if getattr(table, "paused", False):
        return "paused", "" if alive else "nobody searches it"
    if alive:
        others = len(alive) - 1
        return "running", f"{plural(len(alive), 'process', 'processes')}" if others else ""
    last = max(sessions, key=lambda one: one.spans[-1][1], default=None)
    left = [row for row in table.rows if row.phase is Phase.RUNNING]
    if last is not None and (left or not last.ended):
        return "cut", f"{plural(len(left), 'trial')} left unfinished" if left else "its process left no word"
    if left:
        return "cut", f"{plural(len(left), 'trial')} left unfinished"
    if not any(row.phase not in UNFINISHED for row in table.rows):
        return "not begun", ""
    return "ended", ""


def last_change(table: StudyTable) -> datetime | None:
    """Return when a trial began or ended last, or when the study was made; with a time zone."""
    return max(_moments(table), default=None)


def _moments(table: StudyTable) -> Iterator[datetime]:
    for row in table.rows:
        if moment := row.finished_at or row.started_at:
            yield moment.astimezone()  # the store's times are this machine's
    try:
        yield datetime.fromisoformat(str(table.provenance.get("created"))).astimezone()
    except ValueError:  # an older study, or another program's
        return


def _pick_words(table: StudyTable, verdict: Verdict) -> str:
    """Return '`mAP 0.612 at 8.2 ms`' of what meets the gate, of what comes nearest, or of the most accurate."""
    row = verdict.row
    if row is None:
        return "no trial has finished yet"
    shaky = "" if row.stable else " (latency unstable)"
    figures = f"mAP {share(row.map)} at {ms(row.p50_ms)}{shaky}"
    if verdict.kind == "misses":
        return f"{figures}: {', '.join(misses(row, table.gate))}"
    return f"{figures}, the most accurate" if verdict.kind == "no gate" else figures


def _against_words(table: StudyTable, row: TrialRow | None) -> str:
    """Return '`0.052 more mAP, 2.4 times as fast as the baseline yolo26n`' and the like."""
    against = against_baseline(table, row) if row is not None else None
    if against is None:
        return ""
    name = against.name.partition("@")[0]
    if row is against.row:
        return f"is the baseline itself, stock {name}"
    if against.pick is None:
        return f"the baseline, stock {name}, has no figures to compare with"
    return f"beside the baseline, stock {name}: {beside_words(against.pick)}"
