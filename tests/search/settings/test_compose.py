"""Every preset, every option of every config group, and every way to change a dimension on the command line."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as quickly
from hypothesis import strategies as st

from objectives.records.gate import Gate
from search.settings.compose import CONF, compose_config, name_override, presets
from search.settings.devices import OF_SEVERAL
from search.settings.settings import Settings, load_settings
from spaces.dimension import Choice
from spaces.errors import SettingsError
from spaces.space import Condition, SearchSpace
from spaces.vocabulary import VOCABULARY, check_vocabulary, dimensions_of

OPTIONS = sorted(
    (str(path.parent.relative_to(CONF)), path.stem)
    for path in CONF.rglob("*.yaml")
    # Of pipelines, which are no searches, and of what others take.
    if path.parent not in (CONF, CONF / "pipeline", CONF / "space" / "slim_beside")
)
NECKS, SLIMS = (sorted(option for group, option in OPTIONS if group == f"space/{name}") for name in ("neck", "slim"))
GATES = {
    "retail": Gate(map50_min=0.55, p95_ms_max=25.0),
    "defects": Gate(map50_min=0.70, p95_ms_max=100.0),
    "traffic-signs": Gate(map50_min=0.60, p95_ms_max=60.0),
    "smoke": Gate(),
}


PRUNED = ["conf=retail", "space/slim=none", "space/prune=gentle"]


def domain_text(settings: Settings, name: str) -> str:
    return str(settings.space.domains[name])


def test_presets_are_the_files_beside_base() -> None:
    assert presets() == sorted(GATES)


@pytest.mark.parametrize("preset", presets())
def test_preset_composes_and_its_space_can_be_built(preset: str) -> None:
    settings = load_settings([f"conf={preset}"])
    assert settings.name == preset
    assert settings.seed == 42
    assert settings.gate == GATES[preset]
    named = {f"train.{name}" for name in dimensions_of("train")} - {
        "train.elastic",
        "train.oversample",
        "train.share",
    }  # of other groups
    assert named <= settings.space.domains.keys()
    check_vocabulary(settings.space)
    assert SearchSpace.from_json(settings.space.to_json()) == settings.space


@pytest.mark.seconds
@pytest.mark.parametrize("preset", ["defects", "traffic-signs"])
@pytest.mark.parametrize("neck", NECKS)
@pytest.mark.parametrize("slim", SLIMS)
def test_necks_and_widths_compose_together(preset: str, neck: str, slim: str) -> None:
    line = [f"conf={preset}", f"space/neck={neck}", f"space/slim={slim}"]
    line += ["space/backbone=published"] if neck == "own" else []
    space = load_settings(line).space
    assert ("slim.p3" in space.domains) == (slim != "none")
    if slim == "none" or neck == "own":
        return
    mixed = load_settings([*line, "space.train.elastic=choice(true,false)"]).space
    slim_alone = {"train.elastic": False, "slim.p3": 0.3, "slim.head": 0.5}
    assert mixed.may_hold(slim_alone)
    assert not mixed.may_hold({"train.elastic": True, "slim.p3": 0.3})
    if neck == "all":
        assert mixed.may_hold({**slim_alone, "neck.kind": "pan"})
        assert mixed.may_hold({"train.elastic": False, "neck.kind": "own"})
        assert not mixed.may_hold({"neck.kind": "own", "slim.p3": 0.3})


@pytest.mark.parametrize(("preset", "digits"), [("defects", "127ab402468812de"), ("traffic-signs", "d36e235be0f99eee")])
def test_studies_from_before_whole_detectors_go_on_with_necks_of_ours(preset: str, digits: str) -> None:
    assert load_settings([f"conf={preset}", "space/neck=pan"]).space.fingerprint == digits  # of the line alone, then


@pytest.mark.seconds
@pytest.mark.parametrize(("group", "option"), OPTIONS, ids=str)
def test_option_composes(group: str, option: str) -> None:
    own = ["space/neck=own", "~space.neck.width"]  # which smoke sets
    needed = {
        "folder": ["data.root=/anywhere"],
        "ssh": ["device.host=pi5"],
        "custom": [f"{group}._target_=a.Class"],
        "own": [*own, "space.backbone.name=yolo11"],
        "rtdetr": [*own, "space.backbone.name=choice(rtdetr-l, rtdetr-x)"],
    }.get(option, [])
    settings = load_settings(["conf=smoke", f"{group}={option}", *needed])
    if group.startswith("space/"):
        config = compose_config(["conf=smoke", f"{group}={option}", *needed])
        named = {"train"} if group == "space/images" else {group.removeprefix("space/")}
        if group == "space/slim" and option != "none":
            named |= {"train", "backbone"}  # what it sets, and what its conditions name
        if group == "space/neck":
            named |= {"backbone", "head"}  # likewise
        read = SearchSpace.from_config({name: config["space"][name] for name in named})
        assert read.domains.items() <= settings.space.domains.items()
        assert read.domains.keys() <= VOCABULARY.keys()
    elif group == "logger":  # a group by name, as several may be given
        assert list(settings.logger.targets) == [option] * (option != "none")
    elif group != "data":
        assert getattr(settings, group).name == option


def test_options_cover_the_issue() -> None:
    everything = load_settings(
        ["conf=defects", "space/slim=none", "space/prune=structural", "space/augment=magnitudes"]
    ).space
    backbones = everything.domains["backbone.name"]
    assert isinstance(backbones, Choice)
    assert {"yolo11", "yolo26"} <= set(backbones.values)
    assert len(backbones.values) >= 14
    assert everything.domains["head.kind"] == Choice(VOCABULARY["head.kind"].words)
    searched = {name for name in everything.domains if name not in everything.fixed}
    assert {"train.freeze", "train.batch", "augment.noise", "augment.motion_blur", "prune.ratio"} <= searched


@pytest.mark.parametrize(
    ("override", "name", "domain"),
    [
        ("space.size.pixels=choice(96, 128)", "size.pixels", "choice(96, 128)"),
        ("space.size.pixels=96,128", "size.pixels", "choice(96, 128)"),
        ("space.size.pixels=96", "size.pixels", "choice(96)"),
        ("space.size.pixels=range(96,161,32)", "size.pixels", "range(96, 161, 32)"),
        ("space.backbone.name=lcnet_050,resnet18", "backbone.name", "choice(lcnet_050, resnet18)"),
        ("space.backbone.name='lcnet_050','resnet18'", "backbone.name", "choice(lcnet_050, resnet18)"),
        ("space.backbone.name='choice(lcnet_050, resnet18)'", "backbone.name", "choice(lcnet_050, resnet18)"),
        ('space.backbone.name="choice(lcnet_050, resnet18)"', "backbone.name", "choice(lcnet_050, resnet18)"),
        ("space.backbone.name=resnet18", "backbone.name", "choice(resnet18)"),
        ("space.train.lr0=tag(log, interval(1e-4, 1e-2))", "train.lr0", "tag(log, interval(0.0001, 0.01))"),
        ("space.train.lr0='tag(log, interval(1e-4, 1e-2))'", "train.lr0", "tag(log, interval(0.0001, 0.01))"),
        ("space.train.lr0=0.003", "train.lr0", "choice(0.003)"),
        ("space.train.cosine=false", "train.cosine", "choice(false)"),
        ("space.neck.width=int(interval(16, 64))", "neck.width", "int(interval(16, 64))"),
        ("space.train.momentum=interval(0.8, 0.9)", "train.momentum", "interval(0.8, 0.9)"),
        ("+space.augment.noise=0.02", "augment.noise", "choice(0.02)"),
        ("+space.augment.noise=interval(0.0, 0.05)", "augment.noise", "interval(0, 0.05)"),
        ("+space.augment.mosaic=0.0,1.0", "augment.mosaic", "choice(0, 1)"),
    ],
)
def test_dimension_is_narrowed_fixed_or_replaced(override: str, name: str, domain: str) -> None:
    before = load_settings(["conf=smoke"])
    after = load_settings(["conf=smoke", override])
    read = SearchSpace.from_config({name.split(".")[0]: {name.split(".")[1]: domain}}).domains[name]
    assert after.space.domains[name] == read
    assert before.space.domains.get(name) != read
    others = {n: d for n, d in after.space.domains.items() if n != name}
    assert others == {n: d for n, d in before.space.domains.items() if n != name}
    assert after.space.fingerprint != before.space.fingerprint


@pytest.mark.seconds
def test_same_domain_written_in_two_ways_has_one_fingerprint() -> None:
    ways = ("space.size.pixels=96,128", "space.size.pixels=choice(96,128)", "space.size.pixels='choice(96, 128)'")
    assert len({load_settings(["conf=smoke", way]).space.fingerprint for way in ways}) == 1


def test_a_group_can_be_dropped_and_exchanged() -> None:
    assert not [n for n in load_settings([*PRUNED, "~space.prune"]).space.domains if n.startswith("prune.")]
    assert domain_text(load_settings(["conf=retail", "space/size=large"]), "size.pixels").startswith("range(320")


def test_conditions_come_from_the_groups_and_the_command_line() -> None:
    space = load_settings(PRUNED).space
    own = Condition("backbone.name", ("yolo11", "yolo26"))
    pruned = Condition("prune.importance", ("none",), negated=True)
    assert space.conditions["backbone.width"] == space.conditions["backbone.depth"] == (own,)
    assert space.conditions["prune.ratio"] == (pruned,)
    more = load_settings(
        [*PRUNED, "+space.augment.noise=interval(0.0, 0.05)", "+space.augment.when={noise: {size.pixels: [128]}}"]
    )
    assert more.space.conditions["augment.noise"] == (Condition("size.pixels", (128,)),)
    names = list(more.space.domains)
    assert names.index("size.pixels") < names.index("augment.noise")


@pytest.mark.seconds
def test_start_is_cut_to_a_narrowed_space() -> None:
    names = ("mobilenetv3_small_100", "lcnet_050")
    given = [f"{{backbone.name: {name}, size.pixels: 224}}" for name in names]
    start = f"start=[{', '.join(given)}]"
    assert len(load_settings(["conf=retail", start]).start) == 2
    kept = load_settings(["conf=retail", start, "space.backbone.name=choice(lcnet_050, resnet18)"]).start
    assert [candidate["backbone.name"] for candidate in kept] == ["lcnet_050"]
    assert load_settings(["conf=retail", "space/size=large"]).start == ()


@pytest.mark.parametrize("override", ["space.train.lr0=0.001", "space.augment.policy=shelf"])
def test_start_leaves_open_what_a_narrowed_space_does_not_hold_of_a_training(override: str) -> None:
    """The detectors of a known candidate are tried all the same."""
    name = override.partition("=")[0].removeprefix("space.")
    whole, kept = load_settings(["conf=retail"]).start, load_settings(["conf=retail", override]).start
    assert kept == tuple({key: value for key, value in candidate.items() if key != name} for candidate in whole)
    assert all(name in candidate for candidate in whole)


def test_start_holds_partial_candidates() -> None:
    settings = load_settings(["conf=retail", "start=[{backbone.name: lcnet_050}, {neck.width: 24}]"])
    assert settings.start == ({"backbone.name": "lcnet_050"}, {"neck.width": 24})
    assert settings.to_json()["start"] == [{"backbone.name": "lcnet_050"}, {"neck.width": 24}]


def test_users_file_stands_on_base_and_brings_groups_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "space" / "size").mkdir(parents=True)
    (tmp_path / "space" / "size" / "belt.yaml").write_text(
        "# As the belt's camera sees it.\npixels: choice(224, 448)\n"
    )
    own = tmp_path / "belt line.yaml"
    own.write_text(
        "defaults:\n  - base\n  - override space/size: belt\n  - override space/backbone: yolo\n  - _self_\n"
        "name: belt\ngate: {map50_min: 0.8}\nbudget: {trials: 7}\nspace:\n  neck: {width: 24}\n"
    )
    settings = load_settings([f"conf={own}", "budget.hours=1.5"])
    assert (settings.name, settings.budget.trials, settings.budget.hours) == ("belt", 7, 1.5)
    assert settings.gate == Gate(map50_min=0.8)
    assert domain_text(settings, "size.pixels") == "choice(224, 448)"
    assert domain_text(settings, "backbone.name") == "choice(yolo11, yolo26)"
    assert domain_text(settings, "neck.width") == "choice(24)"
    assert domain_text(load_settings([f"conf={own}", "space/size=small"]), "size.pixels").startswith("range(128")


def test_users_board_is_found_in_the_working_folders_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`conf/device/pi5.yaml` where the line is given, with a preset of ours or of the user's own."""
    (tmp_path / "conf" / "device").mkdir(parents=True)
    (tmp_path / "conf" / "device" / "pi5.yaml").write_text(
        "defaults: [ssh, _self_]\nname: pi5\nhost: pi@10.0.0.7\npython: ~/automl/bin/python\n"
    )
    (tmp_path / "mine.yaml").write_text("defaults: [base, _self_]\nname: mine\n")
    with pytest.raises(SettingsError, match=r"device: unknown option 'pi5'; .*known: .*ssh"):
        load_settings(["conf=smoke", "device=pi5"])
    monkeypatch.chdir(tmp_path)
    for preset in ("smoke", "mine.yaml"):
        device = load_settings([f"conf={preset}", "device=pi5", "device.threads=4"]).device
        assert (device.name, device.host, device.python) == ("pi5", "pi@10.0.0.7", "~/automl/bin/python")
        assert (device.runtime, device.threads) == ("onnxruntime", 4)
    with pytest.raises(SettingsError, match=r"device: unknown option 'pi6'"):
        load_settings(["conf=smoke", "device=pi6"])


def test_a_board_needs_its_host() -> None:
    with pytest.raises(SettingsError, match=r"device\.host: needs a value; give device\.host=\.\.\."):
        load_settings(["conf=smoke", "device=ssh"])
    assert load_settings(["conf=smoke", "device=ssh", "device.host=pi5"]).device.host == "pi5"
    assert load_settings(["conf=smoke"]).device.host is None


def test_users_file_is_found_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("defaults: [base, _self_]\nname: mine\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings(["conf=mine.yaml"]).name == "mine"


@pytest.mark.seconds
def test_paths_are_taken_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "a, b" / "café (2)"
    settings = load_settings(["conf=smoke", f"data.root={folder}", "store.folder=~/automl runs", "name=mine"])
    assert settings.data.root == str(folder)
    assert settings.folder == Path.home() / "automl runs" / "mine"
    assert load_settings(["conf=smoke", "data.root=~/shelves"]).data.root == "~/shelves"
    assert load_settings(["conf=smoke", "data.reading=coco:shelf b, new"]).data.reading == "coco:shelf b, new"
    assert load_settings(["conf=smoke", "data.root='/quoted'"]).data.root == "/quoted"
    assert load_settings(["conf=smoke", "store.url=null"]).store.url is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["what?", "50%", "a b", "c#d", "x:y", "[x]", "{x}", "a,b", "ü", "a&b", "it's", "tag(x)", "a=b", "!", "2026", "$a"],
)
def test_a_name_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "a b%20c" / "x#y[1]{2}?"
    settings = load_settings(["conf=smoke", f"name={name}", f"store.folder={folder}"])
    assert settings.folder == folder / name


@pytest.mark.seconds
def test_a_name_may_be_quoted_or_composed() -> None:
    assert load_settings(["conf=smoke", "name='what?'"]).name == "what?"
    assert load_settings(["conf=smoke", "name=s-${seed}", "seed=5"]).name == "s-5"
    assert load_settings(["conf=smoke", "name=2026_01"]).name == "202601"  # Hydra's number; so it has always been
    with pytest.raises(SettingsError, match="name: needs a value"):
        load_settings(["conf=smoke", "name=null"])


@pytest.mark.seconds
@quickly(max_examples=12, deadline=None)
@given(st.text(st.characters(exclude_categories=["C"], exclude_characters="/\\$."), min_size=1))
@example("2026_01")
@example("1e3")
@example("true")
@example("null")
@example("'quoted'")
@example(" a")
def test_an_override_gives_exactly_a_name(name: str) -> None:
    assert load_settings(["conf=smoke", name_override(name)]).name == name


@pytest.mark.parametrize("root", ["a\\b", "a\\", "a\\\\'b", "it's", "\\'", "a\\\\b"])
def test_backslashes_in_a_path_are_not_doubled(root: str) -> None:
    assert load_settings(["conf=smoke", f"data.root={root}"]).data.root == root


def test_a_users_file_may_lie_anywhere(tmp_path: Path) -> None:
    own = tmp_path / "a b%20c#[x]?" / "my file.yaml"
    own.parent.mkdir()
    own.write_text("defaults: [base, _self_]\nname: what?\n")
    assert load_settings([f"conf={own}"]).name == "what?"


def test_automl_may_be_installed_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.settings.compose.CONF", tmp_path / "a b%20c, it's" / "conf")
    shutil.copytree(CONF, tmp_path / "a b%20c, it's" / "conf")
    own = tmp_path / "mine.yaml"
    own.write_text("defaults: [base, _self_]\nname: mine\n")
    assert load_settings([f"conf={own}"]).name == "mine"
    assert load_settings(["conf=smoke"]).name == "smoke"


def test_settings_go_to_json_and_name_every_section() -> None:
    settings = load_settings([*PRUNED, "data.root=/shelves", "store.folder=/runs"])
    values = settings.to_json()
    assert set(values) == {f.name for f in dataclasses.fields(Settings)} - {*OF_SEVERAL, "cluster", "logger", "carry"}
    assert load_settings([*PRUNED, "carry=['old:3']"]).to_json()["carry"] == ["old:3"]
    assert values["data"] == {
        "root": "/shelves",
        "format": "auto",
        "split": "val",
        "check": "strict",
        "splits": "given",
        "group": None,
        "time": None,
        "fold": None,
        "splits_seed": 0,
        "reading": None,
        "reader": {"_target_": None},
        "detections_max": None,
    }
    assert values["gate"]["map50_min"] == 0.55
    assert values["space"] == settings.space.to_json()
    assert values["space"]["prune.ratio"].endswith(" if prune.importance not in none")
    assert values["budget"]["trials"] == settings.budget.trials


def test_settings_are_converted_to_their_types() -> None:
    settings = load_settings(["conf=retail", "gate.p95_ms_max=30", "budget.hours=8", "trial.train_device=0"])
    assert (settings.gate.p95_ms_max, settings.budget.hours, settings.trial.train_device) == (30.0, 8.0, "0")


def test_epochs_follow_the_images_seen() -> None:
    trial = load_settings(["conf=smoke", "trial.epochs=null", "trial.images_seen=6000"]).trial
    assert [trial.epochs_for(n) for n in (1, 120, 1000, 10_000)] == [300, 50, 6, 2]
    assert load_settings(["conf=smoke", "trial.epochs=3"]).trial.epochs_for(120) == 3
