"""Which deaths a trial is taken up again after."""

import pytest

from objectives.records.failures import Failure
from objectives.records.records import Ending, Outcome
from search.loop.retry import PASSING_MAX, batch_of, may_retry
from spaces.candidate import Candidate


def failed(failure: Failure) -> Ending:
    return Ending(Outcome.FAILED, "so it was", failure)


def test_want_of_memory_is_mended_once_by_half_the_batch() -> None:
    assert may_retry(failed(Failure.OUT_OF_MEMORY), [failed(Failure.KILLED)], batch=8)
    before = [failed(Failure.KILLED), failed(Failure.OUT_OF_MEMORY)]
    assert not may_retry(failed(Failure.OUT_OF_MEMORY), before, batch=8)
    assert not may_retry(failed(Failure.OUT_OF_DEVICE_MEMORY), before, batch=8)
    assert may_retry(failed(Failure.KILLED), before, batch=8)


def test_a_batch_of_one_has_no_half() -> None:
    assert may_retry(failed(Failure.OUT_OF_MEMORY), [], batch=2)
    assert not may_retry(failed(Failure.OUT_OF_MEMORY), [], batch=1)


def test_what_is_no_fault_of_the_trial_passes_some_times() -> None:
    killed, full = failed(Failure.KILLED), failed(Failure.DISK_FULL)
    assert may_retry(killed, [full] * (PASSING_MAX - 1), batch=8)
    assert not may_retry(killed, [full] * PASSING_MAX, batch=8)
    crashed = failed(Failure.CRASHED)
    assert may_retry(crashed, [killed], batch=8, passing={Failure.CRASHED})
    assert not may_retry(crashed, [crashed] * PASSING_MAX, batch=8, passing={Failure.CRASHED})


@pytest.mark.parametrize("failure", [Failure.CRASHED, Failure.DIVERGED, Failure.TIMED_OUT, Failure.ERROR])
def test_other_failures_stay(failure: Failure) -> None:
    assert not may_retry(failed(failure), [], batch=8)


def test_what_is_no_failure_is_not_begun_again() -> None:
    assert not may_retry(Ending(Outcome.STOPPED, "behind"), [], batch=8)


def test_the_batch_is_that_of_the_candidate_or_the_default() -> None:
    assert batch_of(Candidate.of({"size.pixels": 96, "train.batch": 4})) == 4
    assert batch_of(Candidate.of({"size.pixels": 96})) == 8
    assert batch_of(None) == 1


@pytest.mark.parametrize("failure", [Failure.GPU_SHARED, Failure.GPU_TOO_SMALL])
def test_memory_of_a_gpu_that_company_or_another_machine_explains_costs_no_batch(failure: Failure) -> None:
    assert may_retry(failed(failure), [failed(failure)], batch=1)
    assert not may_retry(failed(failure), [failed(failure)] * PASSING_MAX, batch=8)
    assert may_retry(failed(Failure.OUT_OF_DEVICE_MEMORY), [failed(failure)], batch=8)
