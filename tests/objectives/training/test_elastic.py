"""Elastic training: what is drawn, what a step trains, and that a cut training goes on as if uncut."""

from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from small_jobs import QUICK_STEPS, tiny_candidate
from torch import nn

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.network.assembly import assemble, read_ranks, save_ranks
from objectives.network.depth import shallow
from objectives.network.slim import Slimmer
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.elastic import RECIPE, ElasticNetwork, ElasticTraining, Recipe
from objectives.training.monitor import Monitor
from objectives.training.statistics import calibration_batches, retake_statistics
from objectives.training.trainer import Progress, train_phase
from spaces.network.family import Family

FAMILY = Family(
    {"size.pixels": (96, 64), "neck.depth": (2, 1), "slim.p4": (0.0, 0.3, 0.5), "slim.neck": (0.0, 0.3, 0.5)}
)
CANDIDATE = tiny_candidate({**QUICK_STEPS, "neck.depth": 2, "size.pixels": 96, "train.lr0": 0.004})


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return assemble(CANDIDATE, ("box", "disc"), seed=1)[1]


@pytest.fixture(scope="module")
def slimmer(model: nn.Module) -> Slimmer:
    return Slimmer(model, (0.3, 0.5), ranked=False)


def drawn(recipe: Recipe, steps: int = 600, done: float = 0.9) -> list[dict[str, Any]]:
    training = ElasticTraining(FAMILY, None, recipe)
    training.begin_epoch(7)
    found = []
    for _ in range(steps):
        training.begin_step(done)
        found.append(dict(training.choices))
    return found


def is_whole(choices: dict[str, Any]) -> bool:
    return choices["neck.depth"] == 2 and not choices["slim.p4"] and not choices["slim.neck"]


def test_the_whole_network_has_its_share_of_the_steps_at_all_sizes() -> None:
    found = drawn(Recipe(whole=0.65, own=0.0, mixed=0.0))
    share = sum(map(is_whole, found)) / len(found)
    assert 0.6 < share < 0.72
    sizes = Counter(choices["size.pixels"] for choices in found if is_whole(choices))
    assert min(sizes.values()) > 0.4 * sum(sizes.values())


def test_the_largest_detector_has_steps_of_its_own() -> None:
    found = drawn(Recipe(whole=0.7, own=0.4))
    own = [choices for choices in found if is_whole(choices) and choices["size.pixels"] == 96]
    assert 0.5 < len(own) / len(found) < 0.6  # its own, and half of the other steps of the whole


def test_widths_are_of_all_parts_alike_or_each_its_own() -> None:
    alike = list(drawn(Recipe(whole=0.0, own=0.0, mixed=0.0)))
    assert {(c["slim.p4"], c["slim.neck"]) for c in alike} == {(0.3, 0.3), (0.5, 0.5)}
    each = list(drawn(Recipe(whole=0.0, own=0.0, mixed=1.0)))
    assert len({(c["slim.p4"], c["slim.neck"]) for c in each}) == 9


def test_in_turn_every_third_is_the_smallest() -> None:
    found = drawn(Recipe(whole=0.0, own=0.0, in_turn=True), steps=9)
    smallest = {"size.pixels": 64, "neck.depth": 1, "slim.p4": 0.5, "slim.neck": 0.5}
    assert [c == smallest for c in found][::3] == [True, True, True]


def test_widths_come_in_one_after_another_where_weights_are_trained_already() -> None:
    recipe = Recipe(whole=0.0, own=0.0, mixed=1.0, shrinks=(0.2, 0.8))
    by_time = [{c["slim.p4"] for c in drawn(recipe, done=done)} for done in (0.1, 0.3, 0.5, 0.9)]
    assert by_time == [{0.0}, {0.0}, {0.0, 0.3}, {0.0, 0.3, 0.5}]
    assert {c["size.pixels"] for c in drawn(recipe, done=0.0)} == {96, 64}


def test_what_is_drawn_depends_on_the_seed_alone() -> None:
    assert drawn(RECIPE, steps=30) == drawn(RECIPE, steps=30)


@pytest.mark.seconds
def test_the_network_acts_as_the_detector_that_was_taken(model: nn.Module, slimmer: Slimmer) -> None:
    acting = deepcopy(model)
    training = ElasticTraining(FAMILY, slimmer, Recipe(taught=0.0))
    training.begin(acting)
    image = torch.rand(1, 3, 96, 96)
    for choices in (
        {"size.pixels": 96, "neck.depth": 1, "slim.p4": 0.3, "slim.neck": 0.5},
        {"size.pixels": 96, "neck.depth": 2, "slim.p4": 0.0, "slim.neck": 0.3},
        {"size.pixels": 96, "neck.depth": 2, "slim.p4": 0.0, "slim.neck": 0.0},
    ):
        training.take(choices)
        child = slimmer.cut(deepcopy(model), {"p4": choices["slim.p4"], "neck": choices["slim.neck"]})
        shallow(child, choices, [])
        with torch.no_grad():
            one, other = acting.eval()(image)[0], child.eval()(image)[0]
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-3)
    training.end()
    with torch.no_grad():
        assert torch.equal(acting.eval()(image)[0], model.eval()(image)[0])
    assert "loss" not in vars(acting)


def test_images_take_the_size_of_the_step() -> None:
    training = ElasticTraining(FAMILY, None, RECIPE)
    training.take({**FAMILY.whole, "size.pixels": 64})
    assert training.resized(torch.zeros(2, 3, 96, 96)).shape == (2, 3, 64, 64)


@pytest.mark.seconds
def test_statistics_are_those_of_the_images(model: nn.Module, few_blocks: Dataset) -> None:
    network = deepcopy(model)
    batches = calibration_batches([image.path for image in few_blocks.splits["train"]], 64)
    assert sum(len(batch) for batch in batches) == 16
    seen: list[torch.Tensor] = []
    first = next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    hook = first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    assert first.running_mean is not None
    first.running_mean.fill_(1e3)
    retake_statistics(network, batches)
    hook.remove()
    assert torch.allclose(first.running_mean, torch.cat(seen).mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
    assert not any(module.training for module in network.modules())
    assert first.momentum is not None


class Cut(Monitor):
    """Breaks in at the first batch of an epoch."""

    def __init__(self, at: int) -> None:
        self.at, self.now = at, 0

    def epoch(self, number: int) -> None:
        self.now = number

    def batch(self, share: float) -> None:
        if self.now == self.at:
            raise KeyboardInterrupt


def train(dataset: Dataset, folder: Path, monitor: Monitor | None = None) -> dict[str, torch.Tensor]:
    _, network = assemble(CANDIDATE, dataset.classes, seed=1)
    elastic = ElasticNetwork.of(network, FAMILY, pytest.fail, ranked=False).training(ranked=False)
    plan = TrainingPlan(lay_out(dataset, folder / "data"), folder / "training-1", epochs=3, seed=1)
    arguments = trainer_arguments(CANDIDATE, plan)
    looks = {1, 3}
    trained = train_phase(network, arguments, Progress(), looks, looks, lambda rung: False, monitor, elastic)
    assert not any(module._forward_hooks for module in network.modules())
    return trained.state_dict()


@pytest.mark.slow
@pytest.mark.seconds
def test_a_cut_elastic_training_goes_on_as_if_uncut(few_blocks: Dataset, tmp_path: Path) -> None:
    whole = train(few_blocks, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(few_blocks, tmp_path / "cut", Cut(3))
    resumed = train(few_blocks, tmp_path / "cut")
    assert whole.keys() == resumed.keys()
    assert all(torch.allclose(whole[name].float(), resumed[name].float(), atol=1e-5) for name in whole)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_resumed_training_goes_by_the_ranks_that_it_was_begun_with(model: nn.Module, tmp_path: Path) -> None:
    """The hub that the weights came from may be out of reach by then, and the network built anew is a random one."""
    begun = ElasticNetwork.of(model, FAMILY, pytest.fail, ranked=True)
    save_ranks(tmp_path / "ranks.pt", begun.ranks)
    other = assemble(CANDIDATE, ("box", "disc"), seed=2)[1]
    ranks = read_ranks(tmp_path / "ranks.pt")
    resumed = ElasticNetwork.of(other, FAMILY, pytest.fail, ranked=True, ranks=ranks)
    anew = ElasticNetwork.of(other, FAMILY, pytest.fail, ranked=True)
    assert lost(resumed) == lost(begun) != lost(anew)
    assert read_ranks(tmp_path / "none.pt") is None


def lost(elastic: ElasticNetwork) -> dict[str, Any]:
    assert elastic.slimmer is not None
    return {group.root: group.lost for group in elastic.slimmer.groups}
