"""What people ask of a study, carried out: the one door of the commands and of the served page.

A request is stored with the study; the searching processes, on whatever machine, obey it within two seconds. Nothing
here claims anything: what is written are attributes of the study that no searching process writes, and new trials.
"""

import getpass
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from objectives.records.study_parts.requests import GO_ON, NOTE, PAUSE, STOP, TRY, RequestRecord
from objectives.records.study_record import SessionRecord, StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from reports.analysis.asked import choices_words, when_words
from reports.table.row import TrialRow
from reports.table.table import read_study
from search.study.requests.candidate import AskedChoices, asked_choices
from search.study.sessions import LATELY_S
from search.study.store import load_study, store_errors
from search.study.stored_trial import asked_for_by
from spaces.candidate import Candidate
from spaces.errors import SettingsError, nearest
from spaces.space import SearchSpace

if TYPE_CHECKING:
    import optuna

TEXT_MOST = 2000  # characters of a note, or of a reason
ACTION_FIELDS: Mapping[str, frozenset[str]] = {
    PAUSE: frozenset(),
    GO_ON: frozenset(),
    STOP: frozenset({"trial", "why"}),
    TRY: frozenset({"like", "choices"}),
    NOTE: frozenset({"trial", "text"}),
}
CAME_TO_NOTHING = (Phase.FAILED, Phase.STOPPED)  # the same candidate may be asked for again


def act(name: str, folder: str, store: str | None, request: Mapping[str, Any]) -> str:
    """Carry out one request, and return one line of what was done.

    Args:
        name: of the study.
        folder: where studies live.
        store: URL of the storage, if not SQLite in the study's folder.
        request: JSON: `action`, and what the action takes: `trial` and `why` (stop), `like` and `choices` (try),
            `trial` and `text` (note).

    Raises:
        AutomlError: there is no such study or trial, or it cannot be done.
    """
    asked = _read(request)
    study = load_study(Path(folder).expanduser().absolute(), name, store)
    with store_errors(name):
        return CARRIED_OUT[asked.action](_Asking(study), asked)


@dataclass(frozen=True)
class _Asking:
    """A study that something is asked of."""

    study: "optuna.Study"

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.study.study_name

    @property
    def record(self) -> StudyRecord:
        """What the study says of itself now."""
        return StudyRecord.of(self.study)

    def store(self, asked: RequestRecord) -> None:
        """Store a request."""
        StudyWriter(self.study).request(asked)

    def trial(self, number: int | None) -> TrialRow:
        """Return a trial.

        Raises:
            AutomlError: there is no such trial.
        """
        assert number is not None  # as it was read
        return read_study(self.study).row(number)

    def searchers(self) -> list[SessionRecord]:
        """Return the processes that search the study, by their last signs of life: one that was killed a minute ago on
        another machine may be among them."""
        return [session for session in self.record.sessions.values() if _lives(session)]


def _lives(session: SessionRecord) -> bool:
    if session.ended or time.time() - session.spans[-1][1] > LATELY_S:
        return False
    return session.host != socket.gethostname() or psutil.pid_exists(session.pid)


def _pause(asking: _Asking, asked: RequestRecord) -> str:
    name, pause = asking.name, asking.record.requests.pause
    if pause is not None:
        return f"{name} is paused already, by {pause.who} since {when_words(pause)}; `automl continue {name}` ends that"
    asking.store(asked)
    count = len(asking.searchers())
    one, several = "1 process leaves its trials at their", f"{count} processes leave their trials at the"
    who = f"{one if count == 1 else several} last checkpoints, and wait{'s' * (count == 1)}"
    nobody = "nobody searches it just now, and whoever does waits"
    return f"{name} is paused: {who if count else nobody}; `automl continue {name}` lets it go on"


def _go_on(asking: _Asking, asked: RequestRecord) -> str:
    if asking.record.requests.pause is None:
        return f"{asking.name} is not paused"
    asking.store(asked)
    count = len(asking.searchers())
    return f"{asking.name} goes on: " + (f"{count} processes search it" if count > 1 else _alone(count))


def _alone(count: int) -> str:
    return "a process searches it" if count else "nobody searches it just now; the same line again does"


def _stop(asking: _Asking, asked: RequestRecord) -> str:
    trial, before = asking.trial(asked.trial), asking.record.requests.stops.get(asked.trial or 0)
    if trial.phase.has_ended:
        raise SettingsError(f"stop: trial {trial.number} has ended ({trial.status}); nothing of it runs or waits")
    if trial.is_proof:
        raise SettingsError(
            f"stop: trial {trial.number} is a training of the proof, and a proof whose trainings somebody picks proves "
            f"nothing; `automl pause {asking.name}` ends the work on it, and it goes on later"
        )
    if before is not None and before.trial == trial.number:
        return f"trial {trial.number} is to be stopped already, asked by {before.who} at {when_words(before)}"
    asking.store(asked)
    return f"trial {trial.number}, {trial.phase.value}, {_stopped_by(asking, trial)}{_baseline(trial)}"


def _stopped_by(asking: _Asking, trial: TrialRecord) -> str:
    searchers = asking.searchers()
    for session in searchers:
        if any(work.trial == trial.number for work in session.work):
            return f"is stopped by process {session.pid} on {session.host}; its files and its rungs stay"
    if searchers:
        return "is stopped by the process that works on it, or the first that is free to"
    return f"will be stopped before anything else, when {asking.name} is searched again; nobody does just now"


def _baseline(trial: TrialRecord) -> str:
    if not trial.is_baseline:
        return ""
    return f"; the study has no baseline then: baseline={trial.baseline} in the line queues it anew"


def _try(asking: _Asking, asked: RequestRecord) -> str:
    record, trials = asking.record, trial_records(asking.study)
    if "space" not in record.settings:
        raise SettingsError(
            f"try: study '{asking.name}' does not say what its space is, so nothing can be chosen in it"
        )
    like = {} if asked.like is None else Candidate.of(asking.trial(asked.like).candidate)
    found = asked_choices(SearchSpace.from_json(record.settings["space"]), asked.choices, like)
    asked = replace(asked, choices=dict(found.choices))
    _check_new(found, trials)
    storage, study_id = asking.study._storage, asking.study._study_id
    trial_id = storage.create_new_trial(study_id, asked_for_by(asked))
    number = storage.get_trial_number_from_id(trial_id)
    asking.store(replace(asked, trial=number))
    said = choices_words(asked.choices) or "all choices the sampler's"
    rest = "" if found.is_whole or not asked.choices else "; the other choices are the sampler's"
    unheld = f"; of trial {asked.like} the space does not hold {found.unheld_words}" if found.unheld else ""
    return f"trial {number} is queued{_begun(asking)}: {said}{rest}{unheld}"


def _begun(asking: _Asking) -> str:
    if asking.record.requests.pause is not None:
        return f", and begins when {asking.name} goes on (it is paused)"
    if asking.searchers():
        return ", and begins when a place is free"
    return f", and begins when {asking.name} is searched again (nobody does just now)"


def _check_new(found: AskedChoices, trials: list[TrialRecord]) -> None:
    """Check that no trial is the same.

    Raises:
        SettingsError: one waits that asks for the same, or a candidate that is given whole was tried already.
    """
    for trial in trials:
        if trial.asked is not None and trial.phase is Phase.WAITING and trial.asked.choices == found.choices:
            raise SettingsError(
                f"try: trial {trial.number} waits with these very choices, asked for by {trial.asked.who}"
            )
        is_same = found.is_whole and trial.has_begun and dict(trial.params) == found.choices
        if is_same and trial.phase not in CAME_TO_NOTHING and not _is_of_another(trial):
            raise SettingsError(
                f"try: trial {trial.number} has these very choices ({trial.phase.value}); change one of them"
            )


def _is_of_another(trial: TrialRecord) -> bool:
    """Whether a trial is no training of its own choices from the start."""
    return trial.is_proof or trial.is_polish or trial.is_child or trial.is_carried


def _note(asking: _Asking, asked: RequestRecord) -> str:
    trial, before = asking.trial(asked.trial), asking.record.requests.notes.get(asked.trial or 0, "")
    if asked.text == before:
        return f"trial {trial.number} has this very note" if before else f"trial {trial.number} has no note"
    asking.store(asked)
    if not asked.text:
        return f"the note on trial {trial.number} is gone"
    return f"noted on trial {trial.number}" + (", in place of the note before" if before else "")


CARRIED_OUT: Mapping[str, Callable[[_Asking, RequestRecord], str]] = {
    PAUSE: _pause,
    GO_ON: _go_on,
    STOP: _stop,
    TRY: _try,
    NOTE: _note,
}


def _read(request: Mapping[str, Any]) -> RequestRecord:
    """Read a request.

    Raises:
        SettingsError: it has not the form that `act` takes.
    """
    action = request.get("action")
    if not isinstance(action, str) or action not in ACTION_FIELDS:
        raise SettingsError(
            f"action: must be one of {', '.join(ACTION_FIELDS)}, got {action!r}{nearest(str(action), ACTION_FIELDS)}"
        )
    for name in request.keys() - {"action"} - ACTION_FIELDS[action]:
        raise SettingsError(
            f"{action}: takes {', '.join(sorted(ACTION_FIELDS[action])) or 'nothing more'}, got '{name}'"
        )
    asked = RequestRecord(action, who_asks(), time.time())
    if "trial" in ACTION_FIELDS[action]:
        asked = replace(asked, trial=_number(action, "trial", request.get("trial")))
        asked = replace(asked, text=_text(action, request.get("why" if action == STOP else "text")))
    if action == TRY:
        like, choices = request.get("like"), request.get("choices") or {}
        if not isinstance(choices, Mapping) or not all(isinstance(name, str) for name in choices):
            raise SettingsError(f"try: choices must be a mapping of dimension to value, got {choices!r}")
        asked = replace(asked, like=None if like is None else _number(TRY, "like", like), choices=dict(choices))
    return asked


def who_asks() -> str:
    """Return who this process is of: 'anna@box'."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        user = "somebody"
    return f"{user}@{socket.gethostname()}"


def _number(action: str, field: str, value: Any) -> int:
    if type(value) is not int or value < 0:
        raise SettingsError(f"{action}: {field} must be the number of a trial, got {value!r}")
    return value


def _text(action: str, value: Any) -> str:
    """Return a text without control characters, which would be somebody else's terminal's; line breaks stay.

    Raises:
        SettingsError: it is no text, or too long.
    """
    if not isinstance(value, str | None):
        raise SettingsError(f"{action}: must be a text, got {value!r}")
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in value or "").strip()
    if len(text) > TEXT_MOST:
        raise SettingsError(f"{action}: a text has {TEXT_MOST:,} characters at most, got {len(text):,}; shorten it")
    return text
