"""Embeddings of a stream by a deployed detector's backbone: a new scene drifts, each image is embedded once."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from small_jobs import tiny_candidate
from watched_pipeline import at, begin, pipeline, promote, stream

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.export_onnx import export_onnx, head_of
from search.operate.context import OperateContext
from search.operate.watching.contract import TriggerKind
from search.operate.watching.watch import freeze_reference, watch
from spaces.network.description import describe
from spaces.network.detector import build_detector

WATCH = "triggers.drift.watch=[embedding]"
NEW_SCENE = 40


def deploy(context: OperateContext) -> None:
    model: Any = build_detector(describe(tiny_candidate({"head.kind": "nms"}), ("jar",)), 0)
    for layer in (part for part in model.modules() if isinstance(part, torch.nn.BatchNorm2d)):
        torch.nn.init.constant_(layer.weight, 3.0)  # features that are not all but zero
    folder = context.paths.deployment("v0001")
    folder.mkdir(parents=True)
    export_onnx(model, ArtifactMeta(96, head_of(model), ("jar",), 0.6), folder / "model.onnx")


def paint(context: OperateContext, kept: str, is_new: bool, seed: int) -> None:
    """Draw a scene of the same light as every other: blocks, or from a day on fine stripes."""
    rng = np.random.default_rng(seed)
    if is_new:
        picture = np.repeat(rng.integers(0, 2, (1, 80, 1)) * 200 + 20, 60, axis=0).repeat(3, axis=2).astype(np.uint8)
    else:
        blocks = rng.integers(0, 255, (3, 4, 3), dtype=np.uint8)
        picture = cv2.resize(blocks, (80, 60), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(context.paths.folder / kept), picture)


@pytest.mark.slow
def test_a_new_scene_of_the_same_light_drifts(tmp_path: Path) -> None:
    with pipeline(tmp_path, WATCH) as context:
        deploy(context)
        begin(context, 1, TriggerKind.FIRST)
        freeze_reference(context, context.journal.state(), 1)
        promote(context, 1, "v0001")
        for i, image in enumerate(stream(context, range(50), stores=3, a_day=2, pictures=True)):
            paint(context, image.kept, image.at >= at(context, NEW_SCENE).now, i)
        quiet = watch(at(context, NEW_SCENE - 1), context.journal.state())
        assert [one["drifted"] for one in quiet.drift] == [False]
        embedded = context.paths.round(1).embedded
        before = json.loads(embedded.read_text())["images"]
        changed = watch(at(context, NEW_SCENE + 8), context.journal.state())
        assert [one["drifted"] for one in changed.drift] == [True]
        assert changed.triggers[0].why.startswith("embedding moved by ")
        after = json.loads(embedded.read_text())["images"]
        assert {name: after[name] for name in before} == before
        assert len(after) > len(before)


@pytest.mark.seconds
def test_a_champion_without_its_file_is_a_note(tmp_path: Path) -> None:
    with pipeline(tmp_path, WATCH) as context:
        promote(context, 1, "v0001")
        stream(context, range(50), stores=3, a_day=2)
        found = watch(at(context, 48), context.journal.state())
        assert found.drift == ()
        assert any("not watched: embedding: cannot read" in note for note in found.notes)
