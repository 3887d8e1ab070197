"""Depth: a child without residual blocks is what the elastic training acted as, and what its candidate builds."""

from copy import deepcopy

import pytest
import torch

from objectives.network.assembly import assemble
from objectives.network.depth import shallow, stages
from objectives.network.slim import Slimmer, built_slim
from objectives.training.elastic import ElasticNetwork, ElasticTraining, Recipe
from spaces.candidate import Candidate
from spaces.network.family import SLIM_BLOCKS, Family, slim_ratios

pytestmark = pytest.mark.seconds
CLASSES = ("box", "disc")


def candidate(backbone: str, **more: object) -> Candidate:
    values = {"backbone.name": backbone, "neck.width": 16, "neck.depth": 1, "head.kind": "nms", "size.pixels": 64}
    return Candidate.of({**values, "train.elastic": True, **more})


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_050", "resnet10t", "mnasnet_small", "regnetx_002"])
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.slow
def test_a_childs_weights_fit_the_network_that_its_candidate_builds(backbone: str, blocks: int) -> None:
    whole = candidate(backbone)
    _, model = assemble(whole, CLASSES, seed=1)
    slimmer = Slimmer(model, (0.3,), ranked=False)
    family = Family({**{f"slim.{part}": (0.0, 0.3) for part in slimmer.parts}, SLIM_BLOCKS: (0, 1, 2)})
    choices = {**family.whole, "slim.p4": 0.3, "slim.neck": 0.3, SLIM_BLOCKS: blocks}
    child = shallow(slimmer.cut(deepcopy(model), slim_ratios(choices)), choices, stages(model))
    _, rebuilt = assemble(family.child(whole, choices), CLASSES, seed=2)
    rebuilt = built_slim(rebuilt, slim_ratios(choices), ranked=False)
    rebuilt.load_state_dict(child.state_dict())
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(child.eval()(image)[0], rebuilt.eval()(image)[0])


def test_the_training_acts_as_the_child() -> None:
    _, model = assemble(candidate("mobilenetv3_small_050"), CLASSES, seed=1)
    family = Family({"slim.p5": (0.0, 0.5), SLIM_BLOCKS: (0, 1, 2)})
    elastic = ElasticNetwork.of(model, family, pytest.fail, ranked=False)
    assert elastic.family.axes[SLIM_BLOCKS] == (0, 1, 2)
    acting, image = deepcopy(model), torch.rand(1, 3, 64, 64)
    training = ElasticTraining(elastic.family, elastic.slimmer, Recipe(taught=0.0))
    training.begin(acting)
    assert elastic.slimmer is not None
    for choices in (
        {"slim.p5": 0.0, SLIM_BLOCKS: 1},
        {"slim.p5": 0.5, SLIM_BLOCKS: 2},
        {"slim.p5": 0.0, SLIM_BLOCKS: 0},
    ):
        training.take(choices)
        child = shallow(elastic.slimmer.cut(deepcopy(model), slim_ratios(choices)), choices, stages(model))
        with torch.no_grad():
            assert torch.allclose(acting.eval()(image)[0], child.eval()(image)[0], rtol=1e-3, atol=1e-3)
    assert elastic.fastest(model)[1] == {"slim.p5": 0.5, SLIM_BLOCKS: 2}
    training.end()


@pytest.mark.parametrize(("backbone", "left"), [("lcnet_050", None), ("resnet10t", (0, 1)), ("regnetx_002", (0, 1, 2))])
def test_no_more_blocks_are_left_out_than_there_are(backbone: str, left: tuple[int, ...] | None) -> None:
    _, model = assemble(candidate(backbone), CLASSES, seed=1)
    elastic = ElasticNetwork.of(model, Family({SLIM_BLOCKS: (0, 1, 2)}), pytest.fail, ranked=False)
    assert elastic.family.axes.get(SLIM_BLOCKS) == left


def test_ultralytics_backbones_keep_their_blocks() -> None:
    yolo = candidate("yolo11", **{"backbone.width": 0.125, "backbone.depth": 0.5})
    assert stages(assemble(yolo, CLASSES, seed=1)[1]) == []
