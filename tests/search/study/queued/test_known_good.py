"""What a known candidate leaves open: defaults, or what the space holds nearest to them; never by chance."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from search.settings.settings import load_settings
from search.study.queued.known_good import completed, enqueue
from spaces.space import SearchSpace
from spaces.vocabulary import DEFAULTS


def space_of(**groups: Any) -> SearchSpace:
    return SearchSpace.from_config(groups)


@pytest.mark.parametrize(
    ("name", "domain", "value"),
    [
        ("train.lr0", "tag(log, interval(1e-4, 1e-2))", 0.002),  # the default lies in it
        ("train.lr0", "tag(log, interval(4e-3, 1e-1))", 0.004),  # its nearest end
        ("train.lr0", "choice(0.01, 0.0005)", 0.0005),
        ("train.batch", "choice(32, 16)", 16),
        ("train.batch", "int(interval(2, 6))", 6),
        ("train.cosine", "choice(false, true)", True),
        ("train.optimizer", "choice(SGD, AdamW)", "AdamW"),
        ("train.optimizer", "choice(MuSGD, SGD)", "MuSGD"),  # words have no nearest: the first
        ("train.momentum", "interval(0.5, 0.95)", 0.9),
        ("head.kind", "choice(end2end, nms)", "nms"),
        ("neck.width", "choice(64, 16, 32)", 32),  # no default: the middle
        ("neck.width", "choice(16, 24, 32, 48)", 24),
        ("size.pixels", "range(128, 257, 32)", 192),
        ("augment.noise", "interval(0.01, 0.06)", 0.01),
        ("prune.importance", "choice(l1, none)", "none"),
        ("prune.ratio", "tag(log, interval(0.1, 0.4))", pytest.approx(0.2)),
    ],
)
def test_what_is_left_open_is_known_good(name: str, domain: str, value: Any) -> None:
    group, _, dimension = name.partition(".")
    space = space_of(**{group: {dimension: domain}})
    assert completed({}, space) == {name: value}
    space.check(completed({}, space))


def test_what_is_given_stays() -> None:
    space = space_of(train={"lr0": "tag(log, interval(1e-4, 1e-2))", "batch": "choice(4, 8)"})
    assert completed({"train.lr0": 0.0051}, space) == {"train.lr0": 0.0051, "train.batch": 8}


def test_magnitudes_are_those_of_the_policy() -> None:
    space = space_of(augment={"policy": "choice(none, shelf)", "noise": "interval(0.0, 0.06)"})
    assert completed({}, space)["augment.noise"] == 0.0
    assert completed({"augment.policy": "shelf"}, space)["augment.noise"] == 0.03


def test_conditions_are_respected() -> None:
    space = load_settings(["conf=retail", "space/slim=none", "space/prune=gentle"]).space
    mobile = completed({"backbone.name": "lcnet_050"}, space)
    assert not {"backbone.width", "prune.ratio"} & mobile.keys()
    assert completed({"backbone.name": "yolo11"}, space)["backbone.width"] == 0.25
    assert completed({"prune.importance": "l2"}, space)["prune.ratio"] == 0.15


@pytest.mark.parametrize("preset", ["retail", "defects", "traffic-signs"])
@pytest.mark.parametrize("train", ["few_steps", "small_data", "pretrained"])
def test_every_preset_is_completed_inside_its_space(preset: str, train: str) -> None:
    space = load_settings([f"conf={preset}", f"space/train={train}"]).space
    whole = completed({}, space)
    space.check(whole)
    searched = space.build(lambda name, _: whole[name]).to_json().keys() - space.fixed.keys()
    assert whole.keys() == searched
    assert not [name for name in whole if name in space.fixed]
    assert whole["train.lr0"] == DEFAULTS["train.lr0"]


def test_a_study_is_asked_once_and_older_ones_stay_as_they_are(tmp_path: Path) -> None:
    space = space_of(size={"pixels": "choice(64, 96)"}, train={"lr0": "interval(0.001, 0.1)"})
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.enqueue_trial({"size.pixels": 96})  # by an older automl
    for known in ({"size.pixels": 96}, {"size.pixels": 64}, {"size.pixels": 64, "train.lr0": 0.002}):
        enqueue(study, known, space)
    asked = [trial.system_attrs["fixed_params"] for trial in study.get_trials()]
    assert asked == [{"size.pixels": 96}, {"size.pixels": 64, "train.lr0": 0.002}]
