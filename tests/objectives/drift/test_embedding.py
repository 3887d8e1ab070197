"""Embeddings by the backbone of exported files of each kind: the network's own feature map, in 64 numbers."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from small_jobs import tiny_candidate

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.detector import letterbox
from objectives.deploy.export_onnx import deployed_network, export_onnx, head_of
from objectives.drift.embedding import EMBEDDING_NUMBERS, Embedder
from spaces.errors import DataError
from spaces.network.description import describe
from spaces.network.detector import build_detector

NANO = {"backbone.name": "yolo11", "backbone.width": 0.25, "backbone.depth": 0.5}
# Kind -> choices, and the layer whose map is looked for: the backbone, or what the neck enlarges first.
KINDS: dict[str, tuple[dict[str, Any], int]] = {
    "timm": ({"head.kind": "nms"}, 0),
    "timm-rtdetr": ({"head.kind": "rtdetr"}, 0),
    "yolo": (NANO, 11),
    "yolo-own-neck": ({**NANO, "neck.kind": "own"}, 10),
}
CLASSES = ("can", "jar")


def exported(choices: dict[str, Any], path: Path) -> tuple[Any, ArtifactMeta]:
    model: Any = build_detector(describe(tiny_candidate(choices), CLASSES), 0)
    for layer in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.constant_(layer.weight, 3.0)  # features that are not all but zero
    meta = ArtifactMeta(96, head_of(model), CLASSES, 0.6)
    export_onnx(model, meta, path)
    return deployed_network(model, meta), meta


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    blocks = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(blocks, (160, 120), interpolation=cv2.INTER_CUBIC)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_networks_own_map_averaged(kind: str, photo: np.ndarray, tmp_path: Path) -> None:
    choices, layer = KINDS[kind]
    network, meta = exported(choices, tmp_path / "model.onnx")
    maps: list[Any] = []
    network.model[layer].register_forward_hook(lambda _module, _given, output: maps.append(output))
    with torch.no_grad():
        network(torch.from_numpy(letterbox(photo, meta.size_px)[0]))
    wanted = (maps[0][-1] if isinstance(maps[0], list) else maps[0])[0].mean(dim=(1, 2)).double().numpy()
    embed = Embedder(tmp_path / "model.onnx")
    projection = np.random.default_rng(len(wanted)).normal(0, EMBEDDING_NUMBERS**-0.5, (len(wanted), EMBEDDING_NUMBERS))
    assert np.linalg.norm(wanted) > 0
    assert embed(photo) == pytest.approx(wanted @ projection, rel=1e-3, abs=1e-3 * np.linalg.norm(wanted))
    assert len(embed.name) == 16


def test_a_file_whose_backbone_has_no_end_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    shapes = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 3, 64, 64]) for n in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", shapes[:1], shapes[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    model.metadata_props.add(key="automl", value=ArtifactMeta(64, "nms", CLASSES).dump())
    onnx.save(model, str(path))
    with pytest.raises(DataError, match=r"was not found .*take `embedding` out of drift.watch"):
        Embedder(path)


def test_a_file_that_is_no_network_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="cannot read"):
        Embedder(tmp_path / "model.onnx")
