"""What a study starts from, frozen in its store: own studies that end meanwhile change nothing."""

import base64
import json
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from objectives.records.study_parts.parts import ExperienceRecord
from objectives.records.study_record import StudyRecord, StudyWriter
from search.engine.models.experience.recorded import Training, even_trainings, read_trainings
from search.settings.settings import Settings
from search.study.experience.own import own_trainings
from search.study.store import load_study
from spaces.errors import AutomlError

if TYPE_CHECKING:
    import optuna

FIGURES = "{:.5g}"  # of numbers that are kept


def freeze_experience(settings: Settings, study: "optuna.Study") -> list[str]:
    """Store what a study starts from, unless that was done; to be called while no other process chooses.

    Another choice of `experience` than the stored one is what the user asks for now: it is gathered and stored anew.

    Returns:
        Notes for people on what was left out.
    """
    kept = StudyRecord.of(study)
    if settings.experience == "none" or (kept.experience and kept.experience.source == settings.experience):
        return []
    found, notes = gathered(settings, str(kept.forked.get("from", "")))
    StudyWriter(study).experience(ExperienceRecord(settings.experience, packed(found)))
    return notes


def frozen_experience(settings: Settings, study: "optuna.Study") -> list[Training]:
    """Return what a study started from; nothing where the settings want none."""
    kept = StudyRecord.of(study).experience
    if settings.experience == "none" or kept is None:
        return []
    return unpacked(kept.trainings)


def expected_experience(settings: Settings) -> list[Training]:
    """Return what a search with these settings goes by: what its study holds, or what would be gathered for it."""
    if settings.experience == "none":
        return []
    with suppress(AutomlError):
        study = load_study(settings.folder.parent, settings.name, settings.store.url)
        kept = StudyRecord.of(study).experience
        if kept is not None and kept.source == settings.experience:
            return unpacked(kept.trainings)
    return unpacked(packed(gathered(settings)[0]))


def gathered(settings: Settings, forked_from: str = "") -> tuple[list[Training], list[str]]:
    """Return the trainings that a new study starts from, and notes for people.

    Args:
        settings: `experience` names the sources; own studies lie in `store.folder`.
        forked_from: name of the study whose trials this one has as its own; empty for none.
    """
    sources = settings.experience.split("+")
    shipped = read_trainings() if "shipped" in sources else []
    but = (settings.name, forked_from)
    own, notes = own_trainings(settings.folder.parent, but) if "own" in sources else ([], [])
    return even_trainings([*shipped, *own]), notes


def packed(trainings: Sequence[Training]) -> str:
    """Return trainings as a short text."""
    rows = [[one.study, one.epochs, _short(one.map), _shortened(one)] for one in trainings]
    return base64.b85encode(zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 9)).decode()


def unpacked(text: str) -> list[Training]:
    """Return the trainings of a text; none where another version wrote it in another way."""
    try:
        rows = json.loads(zlib.decompress(base64.b85decode(text)))
        return [Training(str(study), dict(params), int(epochs), float(found)) for study, epochs, found, params in rows]
    except (ValueError, TypeError, zlib.error):
        return []


def _shortened(training: Training) -> dict[str, Any]:
    return {name: _short(value) if isinstance(value, float) else value for name, value in training.params.items()}


def _short(value: float) -> float:
    return float(FIGURES.format(value))
