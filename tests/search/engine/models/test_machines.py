"""Machines of several kinds: what each costs more is learnt, kept apart from candidates, and nothing without them."""

from dataclasses import replace

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from objectives.machine.card import MachineCard
from objectives.records.failures import Failure
from objectives.records.records import Death, Ending, Outcome, Resources
from objectives.records.trial_record import Phase, TrialRecord
from search.engine.candidates import ListedCandidates
from search.engine.digest import Digest
from search.engine.encoding import Encoder
from search.engine.models.costs import Costs
from search.engine.models.fits import Fits
from search.engine.observed import Observed, observed
from search.engine.proposal.engine import Engine
from search.engine.staircase import Floats

SPACE: dict[str, BaseDistribution] = {
    "backbone.name": CategoricalDistribution(["small", "large"]),
    "size.pixels": IntDistribution(64, 640, step=32),
}
ENCODER = Encoder(SPACE)
FACTOR = 3.0  # of the slow machine


def seconds(params: dict[str, object]) -> float:
    """Return what an epoch takes on the fast machine."""
    return (2.0 if params["backbone.name"] == "large" else 1.0) * 0.5 + (float(str(params["size.pixels"])) / 160) ** 2


def trials(count: int, seed: int = 0, slow: float = 0.5, noise: float = 0.1) -> list[Observed]:
    """Return finished trials, a share of them from the slow machine, with latencies that follow the seconds loosely."""
    rng, found = np.random.default_rng(seed), []
    for number in range(count):
        params = {"backbone.name": str(rng.choice(["small", "large"])), "size.pixels": int(rng.integers(2, 21)) * 32}
        is_slow = rng.random() < slow
        epoch_s = seconds(params) * (FACTOR if is_slow else 1.0) * float(np.exp(rng.normal(0.0, noise)))
        ms = 4.0 * seconds(params) ** 0.8 * float(np.exp(rng.normal(0.0, 0.2)))
        kind = "slow" if is_slow else "fast"
        one = Observed(number, params, ms, (8,), (0.3,), (8 * epoch_s,), 0.3, Phase.FINISHED, 1.0, machine=kind)
        found.append(one)
    return found


def error(known: list[Observed], machine: str, seed: int = 99) -> float:
    """Return the root mean square of the error of log seconds per epoch, for new candidates on a machine."""
    new = trials(60, seed, noise=0.0)
    rows, logs = ENCODER.encode([t.params for t in new]), np.array([t.log_latency for t in new])
    truth = np.log([seconds(dict(t.params)) * (FACTOR if machine == "slow" else 1.0) for t in new])
    foretold = np.log(Costs(Digest(known), ENCODER, machine).of_candidates(rows, logs))
    return float(np.sqrt(np.mean((foretold - truth) ** 2)))


def unrecorded(known: list[Observed]) -> list[Observed]:
    return [replace(trial, machine="") for trial in known]


def foretold(known: list[Observed], machine: str) -> Floats:
    new = trials(40, 5)
    costs = Costs(Digest(known), ENCODER, machine)
    rows, logs = ENCODER.encode([t.params for t in new]), np.array([t.log_latency for t in new])
    return np.concatenate([*costs.foretold(rows, logs), costs.of_trials(known)])


@pytest.mark.parametrize("machine", ["fast", "slow"])
def test_seconds_are_foretold_for_the_machine_that_asks(machine: str) -> None:
    known = trials(30)
    assert error(known, machine) < 0.4 * error(unrecorded(known), machine)
    assert error(known, machine) < 0.2


def test_few_trials_of_a_machine_hardly_move_it() -> None:
    """A factor of 3 seen in one trial is taken for less than 3, at the mean; in many for nearly 3."""
    found: dict[int, list[float]] = {1: [], 20: []}
    for slow in found:
        for seed in range(10):
            known = [trial for trial in trials(60, seed) if trial.machine == "fast"][:20]
            known += [trial for trial in trials(60, 100 + seed) if trial.machine == "slow"][:slow]
            costs = Costs(Digest([replace(t, number=n) for n, t in enumerate(known)]), ENCODER, "slow")
            found[slow].append(costs._factors["slow"] - costs._factors["fast"])
    one, many = (float(np.exp(np.mean(found[slow]))) for slow in found)
    assert 1.5 < one < 0.9 * FACTOR
    assert many == pytest.approx(FACTOR, rel=0.1)


def test_trials_that_wait_are_counted_as_they_would_go_on_here() -> None:
    known = trials(40)
    here = Costs(Digest(known), ENCODER, "fast").of_trials(known)
    there = Costs(Digest(known), ENCODER, "slow").of_trials(known)
    assert there / here == pytest.approx(FACTOR, rel=0.2)
    fast = np.array([trial.machine == "fast" for trial in known])
    timed = np.array([trial.seconds[-1] / trial.epochs[-1] for trial in known])
    assert here[fast] == pytest.approx(timed[fast])


@pytest.mark.parametrize("machine", ["", "fast", "slow"])
def test_one_kind_of_machine_changes_nothing(machine: str) -> None:
    """Not by the last bit: recorded or not, and whichever machine asks."""
    alone = trials(30, slow=0.0)
    assert np.array_equal(foretold(alone, machine), foretold(unrecorded(alone), ""))


def test_trials_without_a_machine_count_as_they_are() -> None:
    """As those that run now: where they do is stored once they pause."""
    known = [*trials(30), *unrecorded(trials(3, 8))]
    known = [replace(trial, number=number) for number, trial in enumerate(known)]
    known[-1] = replace(known[-1], phase=Phase.RUNNING)
    costs = Costs(Digest(known), ENCODER, "slow")
    assert set(costs._factors) == {"fast", "slow"}
    assert costs.of_trials(known[-3:]) == pytest.approx([t.seconds[-1] / t.epochs[-1] for t in known[-3:]])


# Memory


def died(failure: Failure, gpu_memory_mb: int, *, finished: bool = False) -> Observed:
    death = Ending(Outcome.FAILED, "no memory", failure, Death(gpu_memory_mb=gpu_memory_mb))
    if finished:
        return observed(TrialRecord(0, Phase.FINISHED, attempts=(death,)))
    return observed(TrialRecord(0, Phase.FAILED, ending=death))


@pytest.mark.parametrize(
    ("failure", "gpu_memory_mb", "outgrew", "counted_for"),
    [
        (Failure.OUT_OF_DEVICE_MEMORY, 24000, True, 24000),
        (Failure.GPU_TOO_SMALL, 24000, True, 24000),
        (Failure.OUT_OF_DEVICE_MEMORY, 0, True, 0),
        (Failure.OUT_OF_MEMORY, 24000, True, 0),  # of the host
        (Failure.GPU_SHARED, 24000, False, 0),
        (Failure.KILLED, 24000, False, 0),
    ],
)
def test_a_death_for_want_of_gpu_memory_says_of_how_much(
    failure: Failure, gpu_memory_mb: int, outgrew: bool, counted_for: int
) -> None:
    seen = died(failure, gpu_memory_mb)
    assert (seen.outgrew, seen.outgrew_gpu_mb) == (outgrew, counted_for)


def test_the_machine_is_that_of_the_resources() -> None:
    assert observed(TrialRecord(0, Phase.FINISHED, resources=Resources(machine="fast"))).machine == "fast"
    assert observed(TrialRecord(0, Phase.FINISHED)).machine == ""


def test_want_of_memory_counts_for_gpus_of_as_much_or_less() -> None:
    """Large candidates died on 24 GB and trained on 80 GB: machines of 12 and 24 GB leave them."""
    known = []
    for trial in trials(60, slow=0.0):
        large = trial.params["size.pixels"] > 320
        one = replace(trial, outgrew=True, outgrew_gpu_mb=24000) if large else trial
        known.append(one)
    large = trials(60, 3)
    large = [trial for trial in large if trial.params["size.pixels"] > 480]
    rows, logs = ENCODER.encode([t.params for t in large]), np.array([t.log_latency for t in large])
    odds = {mb: Fits(Digest(known), ENCODER, mb).odds(rows, logs).max() for mb in (0, 12000, 24000, 80000)}
    assert odds[0] == odds[12000] == odds[24000] < 0.5
    assert odds[80000] == 1.0


def test_one_kind_of_machine_proposes_what_was_proposed_without_any() -> None:
    """Candidate, rate and expected seconds, to the last bit, also after a death for want of memory."""
    source = ListedCandidates([dict(trial.params) for trial in trials(80, 4)], SPACE)
    known = trials(24, slow=0.0)
    known[7] = replace(
        known[7], outgrew=True, outgrew_gpu_mb=24000, phase=Phase.FAILED, epochs=(), accuracies=(), seconds=()
    )
    card = MachineCard("here", 8, 64000, "fast", 24000, "fast")
    without = Engine(source, per_second=True, ladder=(2, 4, 8)).propose(unrecorded(known), 24, 3600.0)
    found = Engine(source, per_second=True, ladder=(2, 4, 8), machine=card).propose(known, 24, 3600.0)
    assert found is not None
    assert without is not None
    assert (found.params, found.proposal, found.rate, found.whole_s) == (
        without.params,
        without.proposal,
        without.rate,
        without.whole_s,
    )
