"""The prior: what it foretells of candidates that both sides know, of unknown ones, and how sure it is of itself."""

import random
from collections.abc import Mapping

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from search.engine.encoding import Encoder
from search.engine.models.experience.prior import SLOPE, Prior, prior_of
from search.engine.models.experience.recorded import Training
from spaces.dimension import Value

WORTH = {"small": -1.0, "middle": 0.0, "large": 1.0}
SPACE: dict[str, BaseDistribution] = {
    "backbone.name": CategoricalDistribution(("small", "middle", "large", "new")),
    "size.pixels": IntDistribution(64, 256, step=32),
    "unrecorded": FloatDistribution(0.0, 1.0),
}


def accuracy(params: Mapping[str, Value]) -> float:
    return 0.5 + 0.1 * WORTH[str(params["backbone.name"])] + 0.001 * (float(params["size.pixels"]) - 160)


def trainings(study: str, count: int = 40, top: float = 1.0, sign: float = 1.0, seed: int = 0) -> list[Training]:
    """Trainings of a study whose accuracies lie around half of `top`; a fixed and a varied dimension beside."""
    rng = random.Random(f"{study} {seed}")
    found = []
    for _ in range(count):
        params: dict[str, Value] = {
            "backbone.name": rng.choice([*WORTH]),
            "size.pixels": rng.randrange(64, 257, 32),
            "head.kind": rng.choice(["nms", "end2end"]),
        }
        bad_head = 0.3 if params["head.kind"] == "end2end" else 0.0
        found.append(
            Training(study, params, 10, top * (0.5 + sign * (accuracy(params) - 0.5 - bad_head) + rng.gauss(0, 0.01)))
        )
    return found


def made(some: list[Training], fixed: Mapping[str, Value] | None = None) -> Prior:
    prior = prior_of(some, Encoder(SPACE), fixed or {})
    assert prior is not None
    return prior


def foretold(prior: Prior, **params: Value) -> tuple[float, float]:
    rows = Encoder(SPACE).encode([{name.replace("_", "."): value for name, value in params.items()}])
    mean, sd = prior.foretell(rows)
    return float(mean[0]), float(sd[0])


def test_the_order_of_earlier_studies_carries_over() -> None:
    prior = made([*trainings("one"), *trainings("two", top=0.3)])
    candidates = [{"backbone.name": name, "size.pixels": px} for name in WORTH for px in range(64, 257, 32)]
    mean, sd = prior.foretell(Encoder(SPACE).encode(candidates))
    assert np.corrcoef(mean, [accuracy(c) for c in candidates])[0, 1] > 0.95
    assert np.all(sd > 0)


def test_of_an_unknown_backbone_less_is_said() -> None:
    prior = made([*trainings("one"), *trainings("two")])
    known, sd = foretold(prior, backbone_name="large", size_pixels=256)
    unknown, doubt = foretold(prior, backbone_name="new", size_pixels=256)
    assert abs(unknown) < known
    assert doubt > sd
    row = Encoder(SPACE).encode([{"backbone.name": n, "size.pixels": px} for n, px in (("large", 256), ("small", 64))])
    assert (prior.learnt_well(row[0]), prior.learnt_well(row[1])) == (2, 0)


def test_what_is_fixed_in_the_new_study_counts() -> None:
    """Half of the trainings had a head that is no choice here."""
    some = [*trainings("one"), *trainings("two")]
    nms, end2end = (made(some, {"head.kind": kind}) for kind in ("nms", "end2end"))
    choice = {"backbone_name": "middle", "size_pixels": 160}
    assert foretold(nms, **choice)[0] > foretold(end2end, **choice)[0] + 1.0
    assert made(some, {"head.kind": "rtdetr"}).slope > 0  # never recorded: no error


def test_it_is_sure_of_itself_as_far_as_studies_foretell_each_other() -> None:
    alike = made([t for name in "abcd" for t in trainings(name)])
    turned = made([t for i, name in enumerate("abcd") for t in trainings(name, sign=(-1.0) ** i)])
    assert alike.slope > SLOPE
    assert turned.slope < alike.slope / 2
    assert turned.slope_sd > alike.slope_sd


def test_what_is_noise_within_a_study_carries_over_to_none() -> None:
    rng = random.Random(1)
    noise = [Training("one", one.params, 10, rng.random()) for one in trainings("one", 80)]
    assert made(noise).slope < 0.3 < made(trainings("one", 80)).slope


@pytest.mark.parametrize(
    "some",
    [
        [],
        trainings("one", 5),
        [Training("one", {"backbone.name": "small"}, 10, 0.5)] * 20,
        [Training("one", {"elsewhere": i}, 10, i / 20) for i in range(20)],
    ],
    ids=["none", "few", "all alike", "nothing in common"],
)
def test_nothing_to_learn_from_is_no_prior(some: list[Training]) -> None:
    assert prior_of(some, Encoder(SPACE), {}) is None


def test_values_of_another_kind_are_read_as_far_as_they_can_be() -> None:
    strange: list[dict[str, Value]] = [
        {"size.pixels": "large"}, {"size.pixels": True}, {"backbone.name": 3}, {"backbone.name": False}, {},
    ]  # fmt: skip
    prior = made([*trainings("one"), *(Training("one", params, 10, 0.4) for params in strange)])
    assert np.isfinite(foretold(prior, backbone_name="large", size_pixels=256)).all()


def test_favour_is_for_the_better_ones_and_adds_up() -> None:
    prior = made([*trainings("one"), *trainings("two")])
    rows = Encoder(SPACE).encode([{"backbone.name": name, "size.pixels": 160} for name in WORTH])
    shares = prior.favour(rows)
    assert shares.sum() == pytest.approx(1.0)
    assert list(np.argsort(shares)) == [0, 1, 2]
    assert shares[2] > 0.9


def test_older_trainings_count_as_those_with_a_neck_of_ours() -> None:
    """Own necks were worse wherever they were recorded; studies of before there was a choice had none."""
    some = []
    for one in trainings("new", 60):
        for kind, loss in (("pan", 0.0), ("own", 0.3)):
            some.append(Training("new", {**one.params, "neck.kind": kind}, 10, max(0.0, one.map - loss)))
    space = {**SPACE, "neck.kind": CategoricalDistribution(["pan", "own"])}
    prior = prior_of([*some, *trainings("old", 60)], Encoder(space), {})
    assert prior is not None
    same = {"backbone.name": "middle", "size.pixels": 160}
    rows = Encoder(space).encode([same, {**same, "neck.kind": "pan"}, {**same, "neck.kind": "own"}])
    silent, pan, own = prior.foretell(rows)[0]
    assert silent == pytest.approx(pan)
    assert own < pan
