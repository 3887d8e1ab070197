"""Mistakes on the command line and in a user's file: each is told in one line that says what to do."""

from pathlib import Path

import pytest

from search.settings.settings import load_settings
from spaces.errors import AutomlError, SettingsError, SpaceError

MISTAKES = [
    # preset
    (["conf=retial"], SettingsError, "unknown preset 'retial'; nearest: retail"),
    (["conf=nowhere/mine.yaml"], SettingsError, "conf: no such file 'nowhere/mine.yaml'"),
    (["conf=retail", "conf=smoke"], SettingsError, "conf: may be given once, got retail, smoke"),
    # keys
    (["budget.trails=3"], SettingsError, "unknown setting 'budget.trails'; nearest: budget.trials"),
    (["budgt=3"], SettingsError, "unknown setting 'budgt'; nearest: budget"),
    (["+budget.trails=3"], SettingsError, "unknown setting 'budget.trails'; nearest: trials"),
    (["+budgt=3"], SettingsError, "unknown setting 'budgt'; nearest: budget"),
    (["space.train.lr=0.1"], SettingsError, "unknown dimension 'space.train.lr'; nearest: space.train.lrf"),
    (
        ["+space.train.lr=0.1"],
        SpaceError,
        "unknown dimension 'space.train.lr'; nearest: space.train.lrf, space.train.lr0",
    ),
    (["space.augment.noise=0.02"], SettingsError, "add it with '+space.augment.noise=0.02'"),
    (["+space.foo=3"], SpaceError, "space.foo: must be a group of dimensions, got 3"),
    (["budget=3"], SettingsError, "budget: must be a group of settings, got 3"),
    (["space=3"], SettingsError, "conf: Config group override must be a string or a list"),
    (["budget.trials"], SettingsError, "'budget.trials' is not in Hydra's override grammar"),
    (["~name"], SettingsError, "name: needs a value; give name=..."),
    (["~seed"], SettingsError, "seed: needs a value"),
    (["data=folder"], SettingsError, "data.root: needs a value; give data.root=..."),
    # baseline
    (["baseline=yolo26nn"], SettingsError, "baseline: unknown detector 'yolo26nn'; nearest: yolo26n"),
    (["baseline=yolo26n@100"], SettingsError, "baseline: size.pixels: must be a multiple of 32, got 100"),
    (
        ["baseline=[yolo26n]"],
        SettingsError,
        "baseline: must be a detector's name, as yolo26n, or none, got ['yolo26n']",
    ),
    # groups
    (
        ["sampler=tp"],
        SettingsError,
        "sampler: unknown option 'tp'; nearest: tpe, gp; known: custom, gp, known_latency, nsga2, qmc, random, tpe",
    ),
    (
        ["space/backbone=mobil"],
        SettingsError,
        "unknown option 'mobil'; nearest: mobile; known: all, mobile, published, rtdetr, yolo",
    ),
    (["space/bakbone=mobile"], SettingsError, "unknown config group 'space/bakbone'; nearest: space/backbone"),
    # domains
    (
        ["space.backbone.name=lcnet_05"],
        SpaceError,
        "backbone: unknown network 'lcnet_05', neither timm's nor Ultralytics'; nearest: lcnet",
    ),
    (
        ["space.backbone.name=yolo11,yolo27"],
        SpaceError,
        "unknown network 'yolo27', neither timm's nor Ultralytics'; nearest: y",
    ),
    (["space.backbone.name=glob(*)"], SpaceError, "a value must be a text, a number or true/false"),
    (["space.backbone.name=null"], SpaceError, "space.backbone.name: needs a value or a sweep"),
    (["~space.backbone"], SpaceError, "space.backbone.name: is missing"),
    (["space.size.pixels=choice()"], SpaceError, "space.size.pixels: choice: needs at least one value, got none"),
    (["space.size.pixels=''"], SpaceError, "space.size.pixels: the domain is empty"),
    (["space.size.pixels="], SpaceError, "space.size.pixels: the domain is empty"),
    (["space.size.pixels=range(320,160,32)"], SpaceError, "space.size.pixels: range: is empty"),
    (["space.size.pixels=choice(96,96)"], SpaceError, "space.size.pixels: choice: each value once"),
    (["space.size.pixels=choice(96,"], SettingsError, "is not in Hydra's override grammar"),
    (["space.size.pixels=[96,128]"], SpaceError, "space.size.pixels: needs a value or a sweep such as choice(a, b)"),
    (["space.size.pixels=100"], SpaceError, "space.size.pixels: must be a multiple of 32, got 100"),
    (["space.size.pixels=range(96,200,16)"], SpaceError, "space.size.pixels: must be a multiple of 32, got 112"),
    (["space.size.pixels=interval(96,200)"], SpaceError, "space.size.pixels: interval(96, 200): needs single values"),
    (["space.size.pixels=big"], SpaceError, "space.size.pixels: must be a number in 32 .. 4096, got 'big'"),
    (
        ["space.train.lr0=interval(1e-2,1e-4)"],
        SpaceError,
        "space.train.lr0: interval: needs finite ends and start < end",
    ),
    (
        ["space.train.lr0=tag(log, interval(0, 1))"],
        SpaceError,
        "space.train.lr0: interval: tag(log, ...) needs a positive",
    ),
    (["space.train.weight_decay=a"], SpaceError, "space.train.weight_decay: must be a number in 0 .. 1, got 'a'"),
    (["+space.augment.noise=7"], SpaceError, "space.augment.noise: must be a number in 0 .. 1, got 7"),
    (
        ["space.head.kind=nsm,end2end"],
        SpaceError,
        "space.head.kind: unknown choice 'nsm'; nearest: nms; known: nms",
    ),
    (["space.train.optimizer=Adm"], SpaceError, "space.train.optimizer: unknown choice 'Adm'; nearest: Adam"),
    # conditions
    (
        ["+space.head.when={kind: {backbone.nme: [a]}}"],
        SpaceError,
        "`when` names an unknown dimension 'backbone.nme'; n",
    ),
    (["+space.head.when={kind: {backbone.name: a}}"], SpaceError, "space.head.kind: `when`"),
    (["+space.head.when={kind: 3}"], SpaceError, "space.head.kind: `when`"),
    (["+space.backbone.when={name: {backbone.name: [a]}}"], SpaceError, "space: conditions go round"),
    # values
    (
        ["budget.trials=many"],
        SettingsError,
        "budget.trials: Value 'many' of type 'str' could not be converted to Integer",
    ),
    (["store.lease_s=0"], SettingsError, "store.lease_s: must be positive, got 0"),
    (["store.wait_s=-1"], SettingsError, "store.wait_s: must be 0 or more, got -1"),
    (["budget.trials=0"], SettingsError, "budget.trials: must be 1 or more, got 0"),
    (["budget.trials=2,3"], SettingsError, "'budget.trials=2,3' sweeps a setting; only dimensions (space.*)"),
    (["seed=choice(1,2)"], SettingsError, "'seed=choice(1,2)' sweeps a setting"),
    (["budget.hours=0"], SettingsError, "budget.hours: must be positive or null, got 0"),
    (["seed=-1"], SettingsError, "seed: must be a whole number of 0 or more, got -1"),
    (["seed=true"], SettingsError, "seed: must be a whole number of 0 or more, got True"),
    (["name=a/b"], SettingsError, "name: must be a plain folder name, got 'a/b'"),
    (["name=.hidden"], SettingsError, "name: must be a plain folder name"),
    (["name="], SettingsError, "name: must be a plain folder name"),
    (["gate.map50_min=55"], SettingsError, "gate.map50_min: must lie in [0, 1], got 55.0; mAP is a share"),
    (["gate.p95_ms_max=-1"], SettingsError, "gate.p95_ms_max: must be a positive number of milliseconds, got -1"),
    (["gate.images_per_s_min=0"], SettingsError, "gate.images_per_s_min: must be a positive number of images per sec"),
    (["trial.epochs=0"], SettingsError, "trial.epochs: must be 1 or more, or null, got 0"),
    (["pruner.eta=1"], SettingsError, "pruner: needs rungs >= 1 and eta > 1"),
    (["device.runtime=onnx"], AutomlError, "device.runtime: 'onnx' is unknown; nearest: onnxruntime"),
    (["device.threads=9999"], AutomlError, "device.threads: must lie in 0.."),
    # start
    (["start=3"], SettingsError, "start: must be a list of mappings such as [{size.pixels: 128}], got 3"),
    (["start=[3]"], SettingsError, "start: must be a list of mappings"),
    (
        ["start=[{backbone.nam: lcnet_050}]"],
        SpaceError,
        "the space has no dimension 'backbone.nam'; nearest: backbone.name",
    ),
    (
        ["start=[{backbone.name: resnet18}]"],
        SpaceError,
        "backbone.name: 'resnet18' is outside choice(tinynet_e, lcnet_050)",
    ),
    (["start=[{size.pixels: 90}]"], SpaceError, "size.pixels: 90 is outside choice(64, 96)"),
]


@pytest.mark.seconds
@pytest.mark.parametrize(("arguments", "kind", "told"), MISTAKES, ids=lambda value: str(value)[:60])
def test_mistake_is_told_in_one_line(arguments: list[str], kind: type[AutomlError], told: str) -> None:
    preset = [] if arguments[0].startswith("conf=") else ["conf=smoke"]
    with pytest.raises(kind) as caught:
        load_settings([*preset, *arguments])
    text = str(caught.value)
    assert told in text
    assert "\n" not in text
    assert len(text) < 400


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("budgt: {trials: 3}", "unknown setting 'budgt'; nearest: budget"),
        ("budget: {trails: 3}", "unknown setting 'budget.trails'; nearest: trials"),
        ("space: {sise: {pixels: 96}}", "unknown dimension 'space.sise.pixels'; nearest: space.size.pixels"),
        ("space: {size: {pixels: 100}}", "must be a multiple of 32"),
        ("gate: {map50_min: 70}", "must lie in [0, 1]"),
        ("budget: [", "conf: while parsing a flow node"),
    ],
)
def test_mistake_in_a_users_file_is_told(tmp_path: Path, line: str, told: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(f"defaults: [base, _self_]\nname: own\n{line}\n")
    with pytest.raises(AutomlError) as caught:
        load_settings([f"conf={own}"])
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_users_file_without_a_name_or_with_an_unknown_default(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("defaults: [base, _self_]\n")
    with pytest.raises(SettingsError, match="name: needs a value"):
        load_settings([f"conf={own}"])
    own.write_text("defaults: [bse, _self_]\nname: own\n")
    with pytest.raises(SettingsError, match="bse") as caught:
        load_settings([f"conf={own}"])
    assert "\n" not in str(caught.value)


def test_what_the_gate_bounds_is_measured() -> None:
    plain = load_settings(["conf=retail"])
    bounded = load_settings(["conf=retail", "gate.images_per_s_min=100"])
    assert (plain.latency.throughput, bounded.latency.throughput) == (False, True)
    assert bounded.to_json()["latency"]["throughput"] is True  # an export is measured alike
