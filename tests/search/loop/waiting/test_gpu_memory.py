"""What a trial is expected to need of a GPU's memory, from what others needed."""

from typing import Any

import pytest

from objectives.records.failures import Failure
from objectives.records.records import Ending, Outcome, Resources
from objectives.records.trial_record import Phase, TrialRecord
from search.loop.waiting.gpu_memory import CONTEXT_BYTES, LYING_APART, needed_bytes, trained
from spaces.candidate import Candidate

GB = 10**9


def choices(backbone: str = "a", pixels: int = 320, batch: int = 8) -> dict[str, Any]:
    return {"backbone.name": backbone, "size.pixels": pixels, "train.batch": batch}


def trial(peak_gb: float, *deaths: Failure, **chosen: Any) -> TrialRecord:
    attempts = tuple(Ending(Outcome.FAILED, "", death) for death in deaths)
    resources = Resources(gpu_peak_bytes=round(peak_gb * GB))
    return TrialRecord(0, Phase.FINISHED, candidate=choices(**chosen), resources=resources, attempts=attempts)


def expected_gb(*trials: TrialRecord, **chosen: Any) -> float | None:
    """Return the torch part of what is expected, without spare and context."""
    found = needed_bytes(Candidate.of(choices(**chosen)), trained(trials))
    return None if found is None else (found - CONTEXT_BYTES) / LYING_APART / GB


def test_nothing_is_expected_while_nothing_was_seen() -> None:
    assert expected_gb() is None
    assert expected_gb(trial(0.0), TrialRecord(1, Phase.RUNNING)) is None


@pytest.mark.parametrize(
    ("chosen", "gb"),
    [
        ({}, 4.0),
        ({"batch": 16}, 8.0),  # twice the pixels
        ({"pixels": 640}, 16.0),
        ({"pixels": 160}, 4.0),  # no less than was seen: what is fixed may have been most of it
        ({"backbone": "c"}, 9.0),  # never seen: as the most of any
        ({"backbone": "b"}, 9.0),
    ],
)
def test_the_most_of_like_trials_is_expected_in_proportion(chosen: dict[str, Any], gb: float) -> None:
    known = (trial(3.0), trial(4.0), trial(9.0, backbone="b"))
    assert expected_gb(*known, **chosen) == pytest.approx(gb)


def test_a_halved_batch_needed_what_it_needed() -> None:
    assert expected_gb(trial(4.0, Failure.OUT_OF_DEVICE_MEMORY)) == pytest.approx(8.0)
    assert expected_gb(trial(4.0, Failure.GPU_SHARED)) == pytest.approx(4.0)
