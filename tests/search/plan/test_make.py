"""The plan of a search: real timings of real candidates, what the budget buys, and how it is told."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner
from quick_search import begun, settings_of
from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.records import Resources, Rung
from objectives.trial.job import TrialJob
from search.cli import main
from search.commands.search import _show_plan
from search.plan.first_candidates import first_candidates
from search.plan.forecast import Forecast
from search.plan.make import make_plan
from search.plan.model import SearchPlan, Timed
from search.plan.rehearsals import PLACES, drawn_candidates, latency_s, places, sample
from search.plan.space_text import combinations, space_rows, space_size
from search.plan.text import forecast_rows, print_plan
from search.settings.settings import Settings, load_settings
from search.study.folder.keep import CHILDREN_MOST

OVERRIDES = ["conf=smoke", "trial.train_device=cpu"]


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Maker of the smoke preset's settings."""
    return lambda *more: load_settings([*OVERRIDES, f"store.folder={tmp_path}", *more])


def timed(epoch_s: float, overhead_s: float = 10.0, peak_bytes: int = 10**9) -> Timed:
    choices = {"backbone.name": "lcnet_050", "neck.width": 16, "head.kind": "nms", "size.pixels": 64}
    return Timed(choices, epoch_s, overhead_s, parameters=10**6, peak_bytes=peak_bytes)


PLAN = SearchPlan((timed(1.0), timed(2.0), timed(6.0)), artifact_bytes=4 * 10**6, seconds=12.0)


def text_of(plan: SearchPlan, settings: Settings, dataset: Dataset, *, whole: bool = True) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    print_plan(console, plan, settings, dataset, whole=whole)
    return console.export_text()


# Timing


@pytest.mark.slow
def test_candidates_are_timed_in_processes_and_nothing_stays(
    settings: Callable[..., Settings], blocks: Dataset, tmp_path: Path
) -> None:
    plan = make_plan(settings(), blocks, tmp_path)
    assert 3 <= len(plan.timed) <= len(PLACES)
    assert not plan.measured
    assert plan.refused == ()
    assert [one.epoch_s for one in plan.timed] == sorted(one.epoch_s for one in plan.timed)
    assert all(0 < one.epoch_s < 120 and one.overhead_s > 1 and one.peak_bytes > 1e8 for one in plan.timed)
    assert plan.artifact_bytes > 1e5
    assert plan.seconds > 0
    assert SearchPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert {path.name for path in tmp_path.iterdir()} == {".ultralytics"}
    text = text_of(plan, settings(), blocks)
    assert "small" in text
    assert "large" in text


@pytest.mark.slow
def test_a_candidate_that_cannot_be_timed_is_told_and_another_takes_its_place(
    settings: Callable[..., Settings], blocks: Dataset, tmp_path: Path
) -> None:
    chosen = settings("space.backbone.name=choice(lcnet_050, maxvit_rmlp_pico_rw_256)")  # exported at 256 px alone
    plan = make_plan(chosen, blocks, tmp_path)
    assert len(plan.refused) == 1  # others of its backbone are not tried
    assert plan.refused[0].startswith("maxvit_rmlp_pico_rw_256 · ")
    assert len(plan.timed) >= 3
    assert all(one.candidate["backbone.name"] == "lcnet_050" for one in plan.timed)
    assert "could not be timed" in text_of(plan, chosen, blocks)


def test_candidates_are_spread_over_sizes(settings: Callable[..., Settings]) -> None:
    drawn = drawn_candidates(settings("space.size.pixels=range(64, 641, 32)"))
    pixels = [candidate.number("size.pixels") for candidate in drawn]
    assert pixels == sorted(pixels)
    first = [pixels[rank] for rank in places(len(drawn))][:3]
    assert first[1] < 150 < first[0] < 550 < first[2]
    assert sorted(set(places(3))) == [0, 1, 2]


def test_a_space_of_one_candidate_is_drawn_once() -> None:
    one = ["space.backbone.name=lcnet_050", "space.size.pixels=64", "space.head.kind=nms", "space/train=few_steps"]
    fixed = [f"space.train.{name}=0.001" for name in ("lr0", "weight_decay", "box", "cls", "class_weights")]
    drawn = drawn_candidates(load_settings([*OVERRIDES, *one, *fixed, "space.train.cosine=true"]))
    assert len(drawn) == 1


def test_a_sample_has_labelled_images_of_both_splits(blocks: Dataset) -> None:
    val = blocks.splits["val"]
    empty = [replace(image, boxes_xywh=image.boxes_xywh[:0], classes=image.classes[:0]) for image in val]
    holed = replace(blocks, splits={"train": (*empty, *blocks.splits["train"]), "val": val})
    part = sample(holed, 8, 4)
    assert [len(part.splits[split]) for split in ("train", "val")] == [8, 4]
    assert all(len(image.classes) for image in part.splits["train"])


# What is known already


def study_of(trials: int, epoch_s: float, *, finished: bool = True) -> optuna.Study:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for number in range(trials):
        attributes = {
            keys.CANDIDATE: timed(1.0).candidate,
            keys.RUNGS: [Rung(4, 0.1, 0.2, 4 * epoch_s * (number + 1), 1.0, decides=True).to_json()],
            keys.RESOURCES: Resources(10**6, 10**8, 10**6, 10**9, {"train": 4 * epoch_s, "latency": 7.0}).to_json(),
        }
        state = optuna.trial.TrialState.COMPLETE if finished else optuna.trial.TrialState.PRUNED
        values = [0.1, 1.0] if finished else None
        study.add_trial(optuna.create_trial(state=state, values=values, user_attrs=attributes))
    return study


def test_a_kept_plan_is_not_timed_again(settings: Callable[..., Settings], blocks: Dataset, tmp_path: Path) -> None:
    study = study_of(2, 50.0)
    study.set_user_attr(keys.PLAN, PLAN.to_json())
    assert make_plan(settings(), blocks, tmp_path, study) == PLAN
    assert not list(tmp_path.iterdir())


def test_trials_tell_more_than_a_timing(settings: Callable[..., Settings], blocks: Dataset, tmp_path: Path) -> None:
    plan = make_plan(settings(), blocks, tmp_path, study_of(3, 50.0))
    assert plan.measured
    assert [one.epoch_s for one in plan.timed] == [50.0, 100.0, 150.0]
    assert [one.overhead_s for one in plan.timed] == [7.0] * 3
    assert "3 trials of this study" in text_of(plan, settings(), blocks)


def test_trials_tell_the_size_of_files_that_nothing_timed(
    settings: Callable[..., Settings], blocks: Dataset, tmp_path: Path
) -> None:
    study = study_of(3, 50.0)
    assert make_plan(settings(), blocks, tmp_path, study).artifact_bytes == 10**6
    study.set_user_attr(keys.PLAN, PLAN.to_json())
    assert make_plan(settings(), blocks, tmp_path, study).artifact_bytes == PLAN.artifact_bytes


def test_trials_that_never_ended_do_not_tell_of_whole_ones(
    settings: Callable[..., Settings], blocks: Dataset, tmp_path: Path
) -> None:
    study = study_of(4, 50.0, finished=False)
    study.set_user_attr(keys.PLAN, PLAN.to_json())
    assert make_plan(settings(), blocks, tmp_path, study) == PLAN


# What a search tells of it first


@pytest.mark.parametrize(("trials", "words"), [(9, []), (10, ["space", "10 trials take"])])
def test_only_a_search_of_ten_trials_says_what_they_cost(
    tmp_path: Path, blocks: Dataset, trials: int, words: list[str]
) -> None:
    with begun(real_settings_of(tmp_path, trials), blocks) as search:
        search.study.set_user_attr(keys.PLAN, PLAN.to_json())
        console = Console(width=80, record=True, file=io.StringIO())
        _show_plan(console, search)
    told = console.export_text()
    assert bool(told) == bool(words)
    assert all(word in told for word in words)


def real_settings_of(folder: Path, trials: int) -> Settings:
    return settings_of(folder, f"trial.run={TrialJob.run}", f"budget.trials={trials}")


def test_what_its_trials_tell_is_not_kept_as_a_plan(tmp_path: Path, blocks: Dataset) -> None:
    with begun(real_settings_of(tmp_path, 10), blocks) as search:
        search.study.add_trials(study_of(3, 50.0).get_trials())
        _show_plan(Console(file=io.StringIO()), search)
        assert keys.PLAN not in search.study.user_attrs


# What the budget buys


def forecast(settings: Settings, dataset: Dataset, plan: SearchPlan = PLAN) -> Forecast:
    return Forecast.of(plan, settings, dataset)


def test_hours_and_count_are_worked_out(settings: Callable[..., Settings], blocks: Dataset) -> None:
    chosen = settings("trial.epochs=8", "budget.trials=100", "budget.hours=1", "pruner=none")
    found = forecast(chosen, blocks)
    assert found.trial_s == pytest.approx(10 + 8 * 3.0)
    assert found.stopped_s == found.trial_s
    assert found.bought == (105, 105)
    assert found.counted_s == pytest.approx((3400, 3400))
    assert found.binding == "trials"
    more = settings("trial.epochs=8", "budget.trials=200", "budget.hours=1", "pruner=none")
    assert forecast(more, blocks).binding == "hours"


def test_early_stopping_buys_more(settings: Callable[..., Settings], blocks: Dataset) -> None:
    found = forecast(settings("trial.epochs=8", "budget.trials=120", "budget.hours=1", "pruner=gain"), blocks)
    assert found.first_rung == 1
    assert found.stopped_s == pytest.approx(5 + 3.0)
    assert found.bought == (105, 450)
    assert found.binding == "either"
    assert found.disk_bytes == 120 * (found.trial_bytes + found.waiting_bytes)
    assert found.waiting_bytes == 32 * 10**6  # eight copies of a million floats


def test_workers_share_a_processor(settings: Callable[..., Settings], blocks: Dataset) -> None:
    one, four = (forecast(settings(f"workers={n}"), blocks) for n in (1, 4))
    assert one.counted_s == four.counted_s


def test_what_does_not_fit_is_a_warning(settings: Callable[..., Settings], blocks: Dataset) -> None:
    large = replace(PLAN, timed=(timed(900.0, peak_bytes=10**12),))
    found = forecast(settings("budget.hours=0.1", "trial.epochs=8", "workers=2"), blocks, large)
    warnings = replace(found, trial_bytes=10**15, hours=1000.0).warnings(None)
    assert any(line.startswith("memory: 2 large candidates at once need 2,000 GB") for line in warnings)
    assert any(line.startswith("disk: ") for line in warnings)
    assert any(line.startswith("hours: not even one trial fits 0.1 h") for line in found.warnings(None))
    assert forecast(settings(), blocks, replace(PLAN, timed=(timed(1.0, peak_bytes=10**8),))).warnings(1000.0) == []


def test_the_baseline_is_one_of_the_trials(settings: Callable[..., Settings], blocks: Dataset) -> None:
    chosen = settings("baseline=yolo26n", "budget.hours=0.1", "trial.epochs=8", "budget.trials=40")
    plan = replace(PLAN, baseline=timed(20.0))
    without, found = forecast(chosen, blocks), forecast(chosen, blocks, plan)
    assert (without.baseline_s, found.baseline_s) == (0.0, 170.0)  # 10 s and eight epochs
    assert without.bought is not None
    assert found.bought is not None
    assert found.bought[0] == 1 + int((360 - 170) / found.trial_s) < without.bought[0]
    assert found.counted_s[1] == pytest.approx(170 + 39 * found.trial_s)
    assert dict(forecast_rows(found, chosen))["baseline"] == "yolo26n comes first, and takes 3 min, 47 % of the hours"
    assert replace(found, hours=0.04).bought == (0, 0)  # not even the baseline fits
    assert SearchPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_what_is_carried_comes_first_and_is_not_trained(settings: Callable[..., Settings], blocks: Dataset) -> None:
    chosen = settings("budget.hours=0.1", "trial.epochs=8", "budget.trials=10", "pruner=none", "carry=[old:1,old:2]")
    found = forecast(chosen, blocks)
    assert (found.carried, found.carried_s, found.trained) == (2, 10.0, 8)
    assert found.bought == (10, 10)  # of 360 s: 20 s, then trainings of 34 s
    assert found.binding == "trials"
    assert found.counted_s[1] == pytest.approx(20 + 8 * found.trial_s)
    assert dict(forecast_rows(found, chosen))["carried"] == (
        "2 detectors of other studies first, 10 s each, what a trial takes beside its epochs"
    )
    assert "carried" not in dict(forecast_rows(forecast(settings(), blocks), settings()))
    assert replace(found, hours=0.005).bought == (0, 0)


@pytest.mark.slow
def test_the_baseline_is_timed_where_there_will_be_one(
    settings: Callable[..., Settings], blocks: Dataset, tmp_path: Path
) -> None:
    plan = make_plan(settings("baseline=yolo26n"), blocks, tmp_path)
    assert plan.baseline is not None
    assert plan.baseline.candidate["neck.kind"] == "own"
    assert plan.baseline.epoch_s > 0
    assert not any("neck.kind" in one.candidate for one in plan.timed)
    assert make_plan(settings(), blocks, tmp_path).baseline is None


# How it is told


def test_the_size_of_a_space_is_told(settings: Callable[..., Settings]) -> None:
    assert space_size(settings().space).startswith("continuous: 4 dimensions, and 64 combinations of 6 others; ")
    train = [f"space.train.{name}=0.001" for name in ("lr0", "weight_decay", "box", "cls")]
    assert space_size(settings(*train).space).startswith("64 candidates: 6 dimensions searched, ")


def test_combinations_respect_conditions() -> None:
    both = load_settings(["conf=smoke", "space.backbone.name=choice(yolo11, lcnet_050)"]).space
    one = load_settings(["conf=smoke", "space.backbone.name=lcnet_050"]).space
    assert combinations(both) == 3 * combinations(one)  # two widths of yolo11, and lcnet
    assert "backbone" not in dict(space_rows(one))


def test_domains_are_told_by_group(settings: Callable[..., Settings]) -> None:
    rows = dict(space_rows(load_settings(["conf=retail", "space/slim=none", "space/prune=gentle"]).space))
    assert rows["size"] == "pixels 128 to 256 by 32"
    assert "width 0.125, 0.25 where backbone.name is yolo11 or yolo26" in rows["backbone"]
    assert "lr0 0.0015 to 0.006 (log)" in rows["train"]
    assert "ratio 0.15, 0.3 where prune.importance is not none" in rows["prune"]
    assert "deploy" not in rows  # nothing of it is searched


def test_the_candidates_asked_for_come_first() -> None:
    names = ("mobilenetv3_small_100", "lcnet_050", "yolo11")
    start = ", ".join(f"{{backbone.name: {name}, size.pixels: 224}}" for name in names)
    chosen = load_settings(["conf=retail", f"start=[{start}]"])
    assert [first.asked_for for first in first_candidates(chosen, (1, 2))] == [True, True, True]
    chosen = replace(chosen, start=chosen.start[:2])
    firsts = first_candidates(chosen, (1, 2))
    assert [first.asked_for for first in firsts] == [True, True, False]
    names = [first.candidate["backbone.name"] for first in firsts[:2]]
    assert names == ["mobilenetv3_small_100", "lcnet_050"]
    assert firsts == first_candidates(chosen, (1, 2))


def test_it_fits_the_terminal(blocks: Dataset) -> None:
    chosen = load_settings(["conf=defects", "workers=3", "budget.hours=8"])
    doubtful = replace(PLAN, refused=("yolo11: out of memory: killed",), notes=("other processes were busy",))
    text = text_of(doubtful, chosen, blocks)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for words in ("hours  8 h buy", "for 3 at once", "could not be timed: yolo11", "other processes were busy"):
        assert words in text
    assert "continuous" in text
    assert "continuous" not in text_of(PLAN, chosen, blocks, whole=False)
    nothing = text_of(SearchPlan(refused=("yolo11: error: no",)), chosen, blocks, whole=False)
    assert re.sub(r"\s+", " ", nothing).strip() == "warning: could not be timed: yolo11: error: no"


@pytest.mark.slow
def test_the_command_leaves_nothing_on_the_disk(tmp_path: Path, shelves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    line = ["search", *OVERRIDES, f"data.root={shelves}", f"store.folder={tmp_path / 'runs'}", "--plan"]
    before = sorted(shelves.rglob("*"))
    done = CliRunner().invoke(main, line)
    assert done.exit_code == 0, done.output
    assert "2 trials take" in done.output
    assert not (tmp_path / "runs").exists()
    assert not [path for path in tmp_path.iterdir() if "plan" in path.name]
    assert sorted(shelves.rglob("*")) == before


def test_overheads_follow_the_protocol(settings: Callable[..., Settings]) -> None:
    short, usual = settings().latency, load_settings(["conf=retail"]).latency
    assert 1 < latency_s(short) < latency_s(usual) < 60


def test_families_are_counted_as_they_are(blocks: Dataset) -> None:
    """A count of trials that holds children is no count of trainings: neither time nor disk follow from it."""
    chosen = load_settings(["conf=retail", "budget.trials=1000", "budget.hours=1"])
    alone = load_settings(["conf=retail", "space/slim=none", "budget.trials=1000", "budget.hours=1"])
    of_families, of_one = (forecast(some, blocks) for some in (chosen, alone))
    rows = dict(forecast_rows(of_families, chosen))
    assert rows["trials"].startswith("1,000 trials at most: a training takes")
    assert "trainings to the end" in rows["hours"]
    assert rows["ends"] == "the search ends by its hours or its count of trials, as children turn out"
    assert of_families.trials_most == of_one.trials_most + CHILDREN_MOST
    assert dict(forecast_rows(of_one, alone))["trials"].startswith("1,000 trials take")
