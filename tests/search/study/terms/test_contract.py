"""The contract of a study: what differs is told in words, what is free may change, older studies go on."""

from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from search.samplers.registry import suggest
from search.settings.settings import Settings, load_settings
from search.study.store import create_study, open_storage, storage_url
from search.study.terms import contract
from search.study.terms.contract import Contract
from spaces.errors import StoreError


def settings_of(folder: Path, *overrides: str) -> Settings:
    return load_settings(["conf=smoke", f"store.folder={folder}", *overrides])


def make(settings: Settings, dataset: Dataset) -> optuna.Study:
    settings.folder.mkdir(parents=True, exist_ok=True)
    return create_study(settings, dataset, open_storage(storage_url(settings.folder, None)))


def refused(settings: Settings, dataset: Dataset) -> tuple[str, list[str]]:
    """Return the first line of the refusal, and the others without their indent."""
    with pytest.raises(StoreError) as caught:
        make(settings, dataset)
    first, *others = str(caught.value).splitlines()
    assert all(line.startswith("  ") for line in others)
    return first, [line.removeprefix("  ") for line in others]


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("override", "what", "line"),
    [
        ("space.size.pixels=64,96,128", "space", "space: size.pixels: choice(64, 96) -> choice(64, 96, 128) (wider)"),
        ("space.size.pixels=96", "space", "space: size.pixels: choice(64, 96) -> choice(96) (narrower)"),
        ("space.size.pixels=64,128", "space", "space: size.pixels: choice(64, 96) -> choice(64, 128)"),
        ("space.size.pixels=96,64", "space", "space: size.pixels: choice(64, 96) -> choice(96, 64)"),
        (
            "space.size.pixels=range(64,160,32)",
            "space",
            "space: size.pixels: choice(64, 96) -> range(64, 160, 32) (wider)",
        ),
        ("+space.augment.noise=0.02", "space", "space: augment.noise: absent -> choice(0.02) (new)"),
        ("~space.deploy", "space", "space: deploy.nms_iou: choice(0.7) -> absent (gone)"),
        ("device.threads=0", "device", "device: threads: 1 -> 0"),
        ("trial.epochs=5", "training", "training: epochs: 2 -> 5"),
        ("seed=7", "training", "training: seed: 42 -> 7"),
        ("gate.map50_min=0.5", "gate", "gate: map50_min: absent -> 0.5"),
    ],
)
def test_what_differs_is_told(tmp_path: Path, blocks: Dataset, override: str, what: str, line: str) -> None:
    make(settings_of(tmp_path), blocks)
    first, others = refused(settings_of(tmp_path, override), blocks)
    assert first == (
        f"store: study 'smoke' was made with another {what}; give the old settings, or name=NEW for a study of its own"
    )
    assert others == [line]


@pytest.mark.seconds
def test_intervals_are_wider_narrower_or_neither(tmp_path: Path, blocks: Dataset) -> None:
    lr0 = "space.train.lr0=tag(log, interval({}, {}))"
    make(settings_of(tmp_path, lr0.format(1e-4, 1e-2)), blocks)
    for low, high, word in ((1e-5, 1e-2, " (wider)"), (1e-3, 1e-2, " (narrower)"), (1e-3, 1e-1, "")):
        _, (line,) = refused(settings_of(tmp_path, lr0.format(low, high)), blocks)
        assert line.startswith("space: train.lr0: tag(log, interval(0.0001, 0.01)) -> tag(log, interval(")
        assert line.endswith(f")){word}")


@pytest.mark.seconds
def test_everything_that_differs_is_named(tmp_path: Path, blocks: Dataset) -> None:
    make(settings_of(tmp_path), blocks)
    first, others = refused(settings_of(tmp_path, "space.neck.width=24", "device.threads=0", "seed=3"), blocks)
    assert "made with another space and device and training;" in first
    assert [line.partition(":")[0] for line in others] == ["space", "device", "training"]


@pytest.mark.seconds
def test_data_that_differ_are_told_by_images_boxes_and_classes(tmp_path: Path, blocks: Dataset) -> None:
    make(settings_of(tmp_path), blocks)
    train, val = blocks.splits["train"], blocks.splits["val"]
    fewer = replace(blocks, splits={"train": train[:-1], "val": val, "test": val[:2]})
    boxes = sum(len(image.classes) for image in train[:-1])
    _, others = refused(settings_of(tmp_path), fewer)
    assert others == [
        f"data: train: 48 images, 144 boxes -> 47 images, {boxes} boxes",
        f"data: test: absent -> 2 images, {sum(len(i.classes) for i in val[:2])} boxes",
    ]
    _, others = refused(settings_of(tmp_path), replace(blocks, classes=("red", "green")))
    assert others == ["data: classes: 2 -> 2, without blue and with green"]
    _, others = refused(settings_of(tmp_path), replace(blocks, classes=("blue", "red")))
    assert others == ["data: classes: 2 -> 2, in another order"]


@pytest.mark.seconds
def test_boxes_that_moved_are_told_although_the_cards_agree(tmp_path: Path, blocks: Dataset) -> None:
    make(settings_of(tmp_path), blocks)
    first, *rest = blocks.splits["val"]
    moved = replace(first, boxes_xywh=first.boxes_xywh + 1)
    told, others = refused(settings_of(tmp_path), replace(blocks, splits={**blocks.splits, "val": (moved, *rest)}))
    assert "another data;" in told
    assert others == ["data: the contents differ"]


def test_trainer_of_another_version_is_refused(
    tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path)
    make(settings, blocks)
    monkeypatch.setattr(contract, "TRAINING_VERSION", contract.TRAINING_VERSION + 1)
    first, others = refused(settings, blocks)
    assert "made with another trainer;" in first
    was = contract.TRAINING_VERSION - 1
    assert others == [f"trainer: automl's training: {was} -> {was + 1}"]
    assert set(contract.trainer_versions(settings.device)) == {*contract.TRAINER, "onnxruntime", "automl's training"}


def test_what_is_free_may_change(tmp_path: Path, blocks: Dataset) -> None:
    study = make(settings_of(tmp_path), blocks)
    again = make(
        settings_of(
            tmp_path,
            *("budget.trials=9", "budget.hours=3", "workers=2", "sampler=tpe", "pruner=mo_asha"),
            *("trial.timeout_s=100", "trial.train_device=cpu", "store.size_mb_max=100", "latency.others_cores_max=2"),
            *("gpu.share=3", "gpu.memory_mb=4000"),
        ),
        blocks,
    )
    assert again.user_attrs == study.user_attrs


@pytest.mark.seconds
def test_a_study_with_a_fingerprint_of_file_sizes_goes_on_and_learns_the_contents(
    tmp_path: Path, blocks: Dataset
) -> None:
    settings = settings_of(tmp_path)
    study = make(settings, blocks)
    whole = study.user_attrs[keys.FINGERPRINTS]
    study.set_user_attr(keys.FINGERPRINTS, {**whole, "data": blocks.fingerprint_by_sizes})
    assert make(settings, blocks).user_attrs[keys.FINGERPRINTS] == whole
    study.set_user_attr(keys.FINGERPRINTS, {**whole, "data": blocks.fingerprint_by_sizes})
    first, *rest = blocks.splits["val"]
    moved = replace(blocks, splits={**blocks.splits, "val": (replace(first, boxes_xywh=first.boxes_xywh + 1), *rest)})
    told, _ = refused(settings, moved)
    assert "another data;" in told


@pytest.mark.seconds
def test_study_of_an_older_automl_goes_on_and_learns_the_rest_of_its_contract(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, "gate.map50_min=0.5")
    study = make(settings, blocks)
    whole = dict(study.user_attrs[keys.FINGERPRINTS])
    older = {part: whole[part] for part in ("space", "data", "device", "training")}
    study.set_user_attr(keys.FINGERPRINTS, older)
    changed = settings_of(tmp_path, "gate.map50_min=0.6")
    again = make(changed, blocks)
    assert again.user_attrs[keys.FINGERPRINTS] == Contract.of(changed, blocks).fingerprints
    assert again.user_attrs[keys.GATE]["map50_min"] == 0.6
    assert refused(settings, blocks)[1] == ["gate: map50_min: 0.6 -> 0.5"]


def test_a_gate_of_older_bounds_alone_has_the_fingerprint_that_it_always_had(tmp_path: Path, blocks: Dataset) -> None:
    line = ("gate.map50_min=0.5", "gate.p95_ms_max=9")
    study = make(settings_of(tmp_path, *line, "latency.confidence=0.25"), blocks)
    assert study.user_attrs[keys.FINGERPRINTS]["gate"] == '{"map50_min": "0.5", "p95_ms_max": "9.0"}'
    older = {name: bound for name, bound in study.user_attrs[keys.GATE].items() if bound is not None}
    study.set_user_attr(keys.GATE, older)  # as an older automl wrote it
    again = make(settings_of(tmp_path, *line, "latency.confidence=0.3"), blocks)  # free where no bound is at it
    assert again.user_attrs[keys.FINGERPRINTS] == study.user_attrs[keys.FINGERPRINTS]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ([], ["gate.f1_min=0.5"], ["gate: confidence: absent -> 0.25", "gate: f1_min: absent -> 0.5"]),
        (["gate.recall_of.red=0.5"], ["gate.recall_of.blue=0.5"], ["recall_of.blue: absent -> 0.5", "recall_of.red: "]),
        (["gate.f1_min=0.5"], ["gate.f1_min=0.5", "latency.confidence=best_f1"], ["gate: confidence: 0.25 -> best_f1"]),
        ([], ["latency.confidence=recall_0.9"], ["gate: confidence: absent -> recall_0.9"]),
        (
            ["gate.own=[{_target_:math.fsum,name:x,min:1}]"],
            ["gate.own=[{_target_:math.prod,name:x,min:1}]"],
            ['own.x: {"_target_": "math.fsum"} -> {"_target_": "math.prod"}'],
        ),
    ],
)
def test_bounds_of_every_kind_and_the_confidence_that_they_hang_on_are_terms(
    tmp_path: Path, blocks: Dataset, old: list[str], new: list[str], lines: list[str]
) -> None:
    make(settings_of(tmp_path, *old), blocks)
    make(settings_of(tmp_path, *old), blocks)  # the same line goes on
    first, others = refused(settings_of(tmp_path, *new), blocks)
    assert "made with another gate;" in first
    for line in lines:
        assert any(line in other for other in others), others


@pytest.mark.seconds
def test_what_a_fork_would_keep_is_told(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    study = make(settings, blocks)
    for pixels in (64, 64, 96):
        study.enqueue_trial({"size.pixels": pixels})
        trial = study.ask()
        trial.set_user_attr(keys.CANDIDATE, suggest(trial, settings.space).to_json())
        study.tell(trial, [0.5, 2.0])
    first, others = refused(settings_of(tmp_path, "space.size.pixels=64,128"), blocks)
    assert first.endswith("; give the old settings, or name=NEW for a study of its own, or --fork NEW")
    assert others[-1] == "--fork NEW keeps 2 of 3 trials (1: outside the new space)"
    first, others = refused(settings_of(tmp_path, "seed=1"), blocks)
    assert first.endswith("; give the old settings, or name=NEW for a study of its own")
    assert others[-1] == "--fork NEW keeps none of 3 trials (3: accuracies of another training cannot be compared)"
