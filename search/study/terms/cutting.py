"""How detectors are pruned, a part of the contract: what an older automl cut in another way is another detector."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import trial_records
from spaces.network.backbones import ULTRALYTICS

if TYPE_CHECKING:
    import optuna

CUT_PART = "pruning"  # of the contract
CARD = {"backbones of Ultralytics' own": "cut"}
CARD_BEFORE = dict.fromkeys(CARD, "left whole")  # their blocks could not be cut
CUT_OTHERWISE = "pruned when backbones of Ultralytics' own were left whole: other detectors now"


def fingerprint_of(card: Mapping[str, str]) -> str:
    """Return the contract's part as a text."""
    return json.dumps(dict(card), sort_keys=True)


def stored_card(study: "optuna.Study", fixed: Mapping[str, Any]) -> dict[str, str]:
    """Return the part that a study was made with; empty if it kept none and holds nothing that was cut otherwise.

    Args:
        study: as it is stored.
        fixed: dimensions of its space that have one value, which parameters of trials lack.
    """
    kept = StudyRecord.of(study)
    if CUT_PART in kept.fingerprints:
        return dict(json.loads(kept.fingerprints[CUT_PART]))
    begun = (trial.candidate for trial in trial_records(study) if trial.has_begun)
    measured = ({**fixed, **record.params} for _, record in kept.measured())
    return CARD_BEFORE if any(map(is_cut_otherwise, (*begun, *measured))) else {}


def is_cut_otherwise(choices: Mapping[str, Any]) -> bool:
    """Whether a candidate is another detector than it was while backbones of Ultralytics' own were left whole."""
    return choices.get("backbone.name") in ULTRALYTICS and choices.get("prune.importance", "none") != "none"
