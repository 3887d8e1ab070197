"""What people have asked of a study, in words: for the terminal, the page and the views of a search."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from objectives.records.study_parts.requests import GO_ON, NOTE, PAUSE, STOP, STOPPED_BY, TRY, RequestRecord
from objectives.records.study_record import StudyRecord
from reports.table.table import StudyTable

if TYPE_CHECKING:
    import optuna


def asked_of(study: "optuna.Study | StudyTable") -> tuple[RequestRecord, ...]:
    """Return all that was asked of a study, in order."""
    record = study.record if isinstance(study, StudyTable) else StudyRecord.asked_of(study)
    return tuple(record.requests.by_key.values())


def asked_words(request: RequestRecord) -> str:
    """Return what was asked, by whom, in one line without the time: '`anna@box stops trial 3: too slow`'."""
    why = f": {request.text}" if request.text else ""
    match request.action:
        case action if action == PAUSE:
            said = "pauses the search"
        case action if action == GO_ON:
            said = "lets the search go on"
        case action if action == STOP:
            said = f"stops trial {request.trial}{why}"
        case action if action == TRY:
            said = f"asks for trial {request.trial}{_like(request)}"
        case action if action == NOTE:
            said = f"notes on trial {request.trial}{why}" if why else f"takes the note on trial {request.trial} away"
        case action:
            said = f"asks for '{action}', which this version does not know"
    return f"{request.who} {said}"


def when_words(request: RequestRecord) -> str:
    """Return when something was asked, by the clock of this place, to the minute."""
    return datetime.fromtimestamp(request.at_s).isoformat(" ", "minutes")


def paused_words(request: RequestRecord, name: str) -> str:
    """Return why a search waits, and what lets it go on."""
    return f"paused by {request.who} since {when_words(request)}; `automl continue {name}`"


def stopped_words(request: RequestRecord) -> str:
    """Return the reason of a trial that somebody has stopped."""
    return f"{STOPPED_BY}{request.who}" + (f": {request.text}" if request.text else "")


def choices_words(choices: Mapping[str, Any]) -> str:
    """Return '`size.pixels 256, head.kind nms`'."""
    return ", ".join(f"{name} {value:g}" if _is_float(value) else f"{name} {value}" for name, value in choices.items())


def _like(request: RequestRecord) -> str:
    like = "" if request.like is None else f", like trial {request.like}"
    return f"{like}: {choices_words(request.choices)}" if request.choices else f"{like}: all of it sampled"


def _is_float(value: Any) -> bool:
    return isinstance(value, float)
