"""What an older automl did in another way, parts of the contract: the same choices are another detector by now."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import trial_records
from spaces.network.backbones import ULTRALYTICS
from spaces.network.own import head_kind

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Change:
    """One thing that is done otherwise now.

    Attributes:
        part: of the contract.
        card: how it is done now: what it is about -> text.
        before: how it was done, likewise.
        why: why what an older automl has measured is left out, for people.
        concerns: whether a candidate with these choices is another detector for it.
    """

    part: str
    card: Mapping[str, str]
    before: Mapping[str, str]
    why: str
    concerns: Callable[[Mapping[str, Any]], bool]


def _is_cut_otherwise(choices: Mapping[str, Any]) -> bool:
    return choices.get("backbone.name") in ULTRALYTICS and choices.get("prune.importance", "none") != "none"


def _is_decoder(choices: Mapping[str, Any]) -> bool:
    return head_kind(choices) == "rtdetr"


PRUNING = Change(
    "pruning",
    {"backbones of Ultralytics' own": "cut"},
    {"backbones of Ultralytics' own": "left whole"},  # their blocks could not be cut
    "pruned when backbones of Ultralytics' own were left whole: other detectors now",
    _is_cut_otherwise,
)
INPUT = Change(
    "input",
    {"images of an RT-DETR head": "stretched, as it is trained"},
    {"images of an RT-DETR head": "letterboxed"},
    "scored on letterboxed images by an RT-DETR head that was trained on stretched ones: other figures now",
    _is_decoder,
)
CHANGES = (PRUNING, INPUT)


def cards_now() -> dict[str, Mapping[str, str]]:
    """Return the parts of a contract that is made now."""
    return {change.part: change.card for change in CHANGES}


def fingerprint_of(card: Mapping[str, str]) -> str:
    """Return a part of the contract as a text."""
    return json.dumps(dict(card), sort_keys=True)


def stored_cards(study: "optuna.Study", fixed: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Return the parts that a study was made with; without those that it neither kept nor holds anything of.

    Args:
        study: as it is stored.
        fixed: dimensions of its space that have one value, which parameters of trials lack.
    """
    kept = StudyRecord.of(study)
    found: dict[str, Mapping[str, str]] = {}
    for change in CHANGES:
        if change.part in kept.fingerprints:
            found[change.part] = json.loads(kept.fingerprints[change.part])
        elif any(map(change.concerns, _choices(study, kept, fixed))):
            found[change.part] = change.before
    return found


def _choices(study: "optuna.Study", kept: StudyRecord, fixed: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the choices of the trials that have begun, and of what was measured ahead."""
    yield from (trial.candidate for trial in trial_records(study) if trial.has_begun)
    yield from ({**fixed, **record.params} for _, record in kept.measured())


def otherwise(differing: Sequence[str], choices: Mapping[str, Any]) -> str | None:
    """Return why what was measured of some choices does not count where these parts differ; None where it does."""
    return next((c.why for c in CHANGES if c.part in differing and c.concerns(choices)), None)


def done_now(fingerprints: Mapping[str, str], choices: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Return the parts, of those that concern some choices, that a study with these fingerprints was made with."""
    return {c.part: c.card for c in CHANGES if c.part in fingerprints and c.concerns(choices)}
