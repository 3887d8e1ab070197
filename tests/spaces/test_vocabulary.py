"""The vocabulary: one row a dimension, complete, each row used, each word understood where it is done."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from objectives.network.assembly import assemble, pruning_of
from objectives.network.pruning import prune_detector
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.augment import NEUTRAL, POLICIES
from search.settings.compose import CONF
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.space import SearchSpace
from spaces.vocabulary import (
    DEFAULTS,
    DIMENSIONS,
    VOCABULARY,
    Dimension,
    check_vocabulary,
    choices_of,
    decides_load,
    dimensions_of,
    is_deployed,
    train_choices,
)

Make = Callable[..., Candidate]
GROUPS = sorted(CONF.glob("space/*/*.yaml"))
LEAST = {
    "backbone": {"name": "lcnet_050"},
    "neck": {"width": 16, "depth": 1},
    "head": {"kind": "nms"},
    "size": {"pixels": 96},
}


def space_with(group: str, **dimensions: Any) -> SearchSpace:
    return SearchSpace.from_config({**LEAST, group: {**LEAST.get(group, {}), **dimensions}})


def names_in(path: Path) -> Iterator[str]:
    """Yield the dimensions of a group's option; one of several groups says so in its first line."""
    text = path.read_text()
    content = yaml.safe_load(text)
    groups = content if text.startswith("# @package space") else {path.parent.name: content}
    for group, dimensions in groups.items():
        yield from (f"{group}.{name}" for name in dimensions if name not in ("when", "defaults"))


def test_each_dimension_has_one_row() -> None:
    assert len(VOCABULARY) == len(DIMENSIONS)


@pytest.mark.parametrize("path", GROUPS, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_what_conf_searches_stands_in_the_table(path: Path) -> None:
    assert set(names_in(path)) <= VOCABULARY.keys()


def test_every_row_is_offered_by_a_group_of_conf_or_a_policy() -> None:
    magnitudes = {f"augment.{name}" for policy in POLICIES.values() for name in policy}
    offered = {name for path in GROUPS for name in names_in(path)}
    assert VOCABULARY.keys() <= offered | magnitudes | {"neck.kind"}  # which the baseline has


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda dimension: dimension.name)
def test_every_row_says_what_it_is_and_what_it_takes(dimension: Dimension) -> None:
    free = {"backbone.name", "train.cosine", "train.elastic", "train.pretrained"}  # a catalogue, truth values, a path
    assert bool(dimension.words or dimension.limits) == (dimension.name not in free)
    assert not (dimension.required and dimension.default is not None)
    assert dimension.default is None or dimension.usual is None
    assert dimension.about[0].islower() or dimension.about.startswith(("IoU", "SGD"))


@pytest.mark.seconds
def test_words_are_those_that_are_understood(make_candidate: Make) -> None:
    assert VOCABULARY["augment.policy"].words == tuple(POLICIES)
    for word in VOCABULARY["head.kind"].words:
        assemble(make_candidate({"head.kind": word}), ("can",), 0)
    for word in VOCABULARY["neck.kind"].words:
        yolo = {"backbone.name": "yolo11", "backbone.width": 0.125, "backbone.depth": 0.5}
        assemble(make_candidate({**yolo, "neck.kind": word}), ("can",), 0)
    for word in VOCABULARY["prune.importance"].words:
        pruning = pruning_of(make_candidate({"prune.importance": word, "prune.ratio": 0.3}))
        assert (pruning is None) == (word == "none")
        if pruning is not None:
            prune_detector(assemble(make_candidate(), ("can",), 0)[1], pruning.ratio, pruning.importance)


def test_defaults_arrive_at_the_trainer(make_candidate: Make, tmp_path: Path) -> None:
    plan = TrainingPlan(tmp_path / "data.yaml", tmp_path / "training-1", epochs=2, seed=0)
    arguments = trainer_arguments(make_candidate(), plan)
    assert arguments["lr0"] == DEFAULTS["train.lr0"]
    assert arguments["iou"] == DEFAULTS["deploy.nms_iou"]


def test_defaults_are_filled_in(make_candidate: Make) -> None:
    defaults = {name: row.default for name, row in dimensions_of("train").items()}
    assert None not in defaults.values()
    assert train_choices(make_candidate()) == defaults
    assert train_choices(make_candidate({"train.lr0": 0.5})) == {**defaults, "lr0": 0.5}
    assert choices_of(make_candidate(), "augment") == {"policy": "none"}  # magnitudes are the policy's
    assert choices_of(Candidate.of({"prune.ratio": 0.2}), "prune") == {"importance": "none", "at": 0.5, "ratio": 0.2}
    assert set(NEUTRAL) == set(dimensions_of("augment")) - {"policy"}


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"train.lr": 0.1}, "unknown dimension 'train.lr'; nearest: train.lrf, train.lr0"),
        ({"train.optimizer": "Adm"}, "train.optimizer: unknown choice 'Adm'; nearest: Adam, "),
    ],
)
def test_a_candidate_of_no_known_choice_is_refused(choices: dict[str, Any], told: str) -> None:
    with pytest.raises(SpaceError, match=f"^{told}"):
        train_choices(Candidate.of(choices))


def test_latency_depends_on_what_is_deployed_and_not_on_the_training() -> None:
    deployed = {"backbone", "neck", "head", "size", "slim", "prune", "deploy"}
    assert {row.group for row in DIMENSIONS if is_deployed(row.name)} == deployed
    assert {row.group for row in DIMENSIONS if not is_deployed(row.name)} == {"train", "augment"}
    assert not is_deployed("unknown.name")


def test_the_network_the_input_and_the_batch_decide_what_a_training_needs() -> None:
    loads = {row.name for row in DIMENSIONS if decides_load(row.name)}
    assert {name.partition(".")[0] for name in loads} == {"backbone", "neck", "head", "size", "slim", "train"}
    assert {name for name in loads if name.startswith("train.")} == {"train.batch"}
    assert [decides_load(name) for name in ("batch", "model.pixels", "width")] == [True, True, False]  # others' studies


@pytest.mark.parametrize(
    ("space", "told"),
    [
        (space_with("trian", lr0=0.1), "unknown dimension 'space.trian.lr0'; nearest: space.train.lr0"),
        (space_with("train", lr0=100), "space.train.lr0: must be a number in 1e-08 .. 10, got 100"),
        (space_with("train", lr0="interval(1e-9, 1)"), "space.train.lr0: must be a number in 1e-08 .. 10, got 1e-09"),
        (space_with("train", batch="choice(8, true)"), "space.train.batch: must be a number in 1 .. 4096, got True"),
        (space_with("head", kind="choice(nms, detr)"), "space.head.kind: unknown choice 'detr'; nearest: rtdetr; "),
        (
            space_with("size", pixels="range(32, 10000, 32)"),
            "space.size.pixels: must be a number in 32 .. 4096, got 41",
        ),
        (space_with("size", pixels="range(32, 129, 48)"), "space.size.pixels: must be a multiple of 32, got 80"),
        (space_with("size", pixels="interval(32, 128)"), "space.size.pixels: interval(32, 128): needs single values"),
        (space_with("neck", kind="choice(pan, oven)"), "space.neck.kind: unknown choice 'oven'; nearest: own; known: "),
        (
            SearchSpace.from_config({**LEAST, "neck": {"kind": "choice(pan, own)"}}),
            "space.neck.width: is missing; give a value or a sweep",
        ),
        (SearchSpace.from_config({**LEAST, "neck": {}}), "space.neck.width: is missing; give a value or a sweep"),
    ],
)
def test_a_space_that_cannot_be_built_is_refused(space: SearchSpace, told: str) -> None:
    with pytest.raises(SpaceError) as caught:
        check_vocabulary(space)
    assert str(caught.value).startswith(told)


def test_the_least_space_is_taken() -> None:
    check_vocabulary(SearchSpace.from_config(LEAST))
    check_vocabulary(
        SearchSpace.from_config({**LEAST, "neck": {"kind": "own"}, "head": {}})
    )  # of whole detectors alone


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dimension("lr0", "no group"),
        lambda: Dimension("train.lr0", ""),
        lambda: Dimension("train.lr0", "both", limits=(0, 1), words=("a",)),
        lambda: Dimension("train.lr0", "default outside", 2.0, limits=(0, 1)),
        lambda: Dimension("train.lr0", "usual outside", usual=2.0, limits=(0, 1)),
    ],
)
def test_a_row_that_contradicts_itself_cannot_be_made(make: Callable[[], Dimension]) -> None:
    with pytest.raises((ValueError, SpaceError)):
        make()


def test_the_table_brings_no_torch_along() -> None:
    code = "import sys, spaces.vocabulary, spaces.network.backbones; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
