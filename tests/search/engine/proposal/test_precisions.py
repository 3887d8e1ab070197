"""Other precisions of trained detectors: what they are believed to be, and when they are worth their time."""

import math

import numpy as np
import pytest

from objectives.records.children import Look
from search.engine.proposal.children import Parent, propose_children
from search.engine.proposal.precisions import PRIORS, Effect, Pair, effects
from search.engine.staircase import Staircase
from spaces.network.family import Family

BOTH = Family({"deploy.precision": ("fp32", "int8")})
SIZES = Family({"size.pixels": (128, 96), "deploy.precision": ("fp32", "int8")})
FRONT = Staircase.of(np.array([0.5]), np.array([math.log(10.0)]), 0.0, math.log(20.0))
SURE = {"int8": Effect(math.log(0.5), 0.02, 0.002, 0.002)}


def test_pairs_of_the_study_decide() -> None:
    prior = effects([])
    assert prior == dict(PRIORS)
    pairs = [Pair.of("int8", 13.0, 0.49, 10.0, 0.50) for _ in range(4)]
    learnt = effects(pairs)["int8"]
    assert learnt.log_ratio == pytest.approx(math.log(1.3), abs=0.03)
    assert learnt.drop == pytest.approx(0.01, abs=0.003)
    assert learnt.log_sd < prior["int8"].log_sd
    assert effects(pairs)["fp16"] == prior["fp16"]


def test_one_pair_says_less_than_many() -> None:
    one, many = ([Pair("int8", math.log(2.0), 0.0)] * count for count in (1, 10))
    assert effects(many)["int8"].log_ratio > effects(one)["int8"].log_ratio > PRIORS["int8"].log_ratio


def test_a_trained_detector_gets_its_file_in_int8_without_a_look() -> None:
    parent = Parent(3, BOTH, 10.0, map=0.5, effects=SURE)
    proposal = propose_children(parent, FRONT, None, 100.0, 5)
    assert proposal is not None
    assert proposal.order.look_at == ()
    assert proposal.order.score == ({"deploy.precision": "int8"},)
    ((map_, ms, log_sd),) = proposal.expected
    assert map_ == pytest.approx(0.498)
    assert ms == pytest.approx(5.0)
    assert log_sd == pytest.approx(0.02)
    assert "in int8" in proposal.why


def test_what_is_known_to_be_slower_is_left() -> None:
    slower = {"int8": Effect(math.log(1.5), 0.02, 0.002, 0.002)}
    assert propose_children(Parent(3, BOTH, 10.0, map=0.5, effects=slower), FRONT, None, 100.0, 5) is None


def test_a_file_is_made_once() -> None:
    done = [({"deploy.precision": "int8"}, 5.0)]
    assert propose_children(Parent(3, BOTH, 10.0, map=0.5, effects=SURE, measured=done), FRONT, None, 100.0, 5) is None
    failed = [{"deploy.precision": "int8"}]
    assert propose_children(Parent(3, BOTH, 10.0, map=0.5, effects=SURE, failed=failed), FRONT, None, 100.0, 5) is None


def test_children_of_elastic_trainings_are_looked_at_in_fp32_alone() -> None:
    parent = Parent(3, SIZES, 10.0, map=0.5, effects=SURE)
    first = propose_children(parent, FRONT, None, 100.0, 5)
    assert first is not None
    assert first.order.look_at == ({"size.pixels": 96, "deploy.precision": "fp32"},)
    looks = [Look(choices, 0.45, 1.0) for choices in first.order.look_at]
    second = propose_children(Parent(3, SIZES, 10.0, looks, map=0.5, effects=SURE), FRONT, None, 100.0, 5)
    assert second is not None
    scored = {(one["size.pixels"], one["deploy.precision"]) for one in second.order.score}
    assert (128, "int8") in scored
    assert (96, "int8") in scored
