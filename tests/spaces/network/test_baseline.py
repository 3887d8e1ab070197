"""The baseline as a candidate: a published detector at stock settings, in our words."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ultralytics.cfg import DEFAULT_CFG_DICT
from ultralytics.engine.trainer import BaseTrainer
from ultralytics.nn.tasks import DetectionModel

from objectives.network.assembly import assemble
from objectives.training.arguments import TrainingPlan, trainer_arguments
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.baseline import Baseline, TrainingSize, auto_optimizer, baseline_candidate, baselines
from spaces.network.detector import count_parameters
from spaces.network.pretrained import load_pretrained
from spaces.space import SearchSpace

SMALL = TrainingSize(images=96, classes=6, epochs=40)


def named(text: str) -> Baseline:
    found = Baseline.parse(text)
    assert found is not None
    return found


def sizes(domain: str) -> SearchSpace:
    return SearchSpace.from_config({"size": {"pixels": domain}})


def candidate_of(text: str, size: TrainingSize = SMALL) -> Candidate:
    return baseline_candidate(named(text), sizes("range(128, 257, 32)"), size)


# Its name


@pytest.mark.parametrize("text", [*baselines(), "yolo26n@320"])
def test_a_word_names_it(text: str) -> None:
    assert str(named(text)) == text
    assert named(text).published.name == text.partition("@")[0]


def test_none_is_none() -> None:
    assert Baseline.parse("none") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yolo26nn", r"baseline: unknown detector 'yolo26nn'; nearest: yolo26n, .*; known: yolo11n, .*, none"),
        ("noe", r"baseline: unknown detector 'noe'; nearest: none"),
        ("yolo26n@", r"baseline: 'yolo26n@': needs a whole number of pixels behind the @, as in yolo26n@320"),
        ("yolo26n@333", r"baseline: size.pixels: must be a multiple of 32, got 333"),
    ],
)
def test_what_names_none(text: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Baseline.parse(text)


@pytest.mark.parametrize(
    ("text", "domain", "pixels"),
    [
        ("yolo26n", "range(128, 257, 32)", 256),
        ("yolo26n", "range(320, 961, 64)", 640),
        ("yolo26n", "choice(224, 704)", 224),
        ("yolo26n", "192", 192),
        ("yolo26n", "choice(960, 704)", 704),
        ("yolo26n@320", "range(128, 257, 32)", 320),
    ],
)
def test_its_input_is_the_largest_of_the_space_up_to_640(text: str, domain: str, pixels: int) -> None:
    assert named(text).size_px(sizes(domain)) == pixels


# Its training


@pytest.mark.parametrize("size", [SMALL, TrainingSize(100_000, 3, 12), TrainingSize(64, 80, 10_000)])
def test_the_optimizer_is_what_ultralytics_makes_of_auto(size: TrainingSize) -> None:
    _, model = assemble(candidate_of("yolo11n"), ["a", "b"], 0)
    trainer = SimpleNamespace(data={"nc": size.classes}, args=SimpleNamespace(lr0=0.0, warmup_bias_lr=0.1))
    steps = -(-size.images // 64) * size.epochs
    BaseTrainer.build_optimizer(trainer, model, "auto", iterations=steps)
    assert auto_optimizer(size) == (trainer.args.optimizer, trainer.args.lr0)


def arguments_of(size: TrainingSize) -> dict[str, Any]:
    plan = TrainingPlan(Path("data.yaml"), Path("runs/1"), size.epochs, 0)
    return trainer_arguments(candidate_of("yolo11n", size), plan)


def test_the_trainer_is_given_what_ultralytics_takes_by_default() -> None:
    arguments = arguments_of(SMALL)
    ours = {"data", "project", "name", "exist_ok", "epochs", "imgsz", "device", "workers", "cache", "plots", "verbose"}
    ours |= {"seed", "amp", "conf", "nms", "augmentations"}  # of a search, and of its validator
    ours |= {"optimizer", "lr0", "momentum", "warmup_bias_lr", "patience"}  # of `auto`, and of the pruner
    assert {key: value for key, value in arguments.items() if key not in ours} == pytest.approx(
        {key: DEFAULT_CFG_DICT[key] for key in arguments if key not in ours}
    )
    assert (arguments["warmup_bias_lr"], arguments["momentum"]) == (0.0, 0.9)  # as `auto` sets them
    assert arguments["augmentations"] == []


def test_a_short_training_warms_up_and_goes_without_mosaic_all_along() -> None:
    arguments = arguments_of(TrainingSize(96, 6, 2))
    assert (arguments["warmup_epochs"], arguments["close_mosaic"]) == (2.0, 2)


# Its network


def shapes_of(model: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("name", ["yolo11n", "yolo26n", "yolo26s"])
def test_it_is_built_as_ultralytics_builds_it(name: str) -> None:
    _, model = assemble(candidate_of(name), ["a", "b"], 0)
    stock = DetectionModel(f"{name}.yaml", nc=2, verbose=False)
    assert shapes_of(model) == shapes_of(stock)
    assert bool(model.end2end) == name.startswith("yolo26")  # as it is published, without NMS


@pytest.mark.seconds
def test_larger_ones_are_built() -> None:
    for name, least in (("yolo11m", 19e6), ("rtdetr-l", 32e6)):
        assert count_parameters(assemble(candidate_of(name), ["a", "b"], 0)[1]) > least


@pytest.mark.seconds
def test_a_published_file_loads_but_for_what_depends_on_the_classes(tmp_path: Path) -> None:
    published = DetectionModel("yolo26n.yaml", nc=80, verbose=False)
    torch.save({"model": published}, tmp_path / "yolo26n.pt")
    _, model = assemble(candidate_of("yolo26n"), ["a", "b"], 0)
    load_pretrained(model, "yolo26", "hub", tmp_path / "yolo26n.pt")
    then, now = published.state_dict(), model.state_dict()
    same = {name for name in now if then[name].shape == now[name].shape and torch.equal(then[name], now[name])}
    assert {name.split(".")[2] for name in now.keys() - same} <= {"cv3", "one2one_cv3"}
    assert {name for name in now if ".cv3." not in name and "_cv3." not in name} <= same
