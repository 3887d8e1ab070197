"""The deployable file: the same answers as the network it was made of, on every runtime, and what it says of itself."""

import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from defaults import CPU, device_of

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.export_onnx import export_onnx, head_of
from objectives.deploy.runtimes.open import open_artifact
from spaces.candidate import Candidate
from spaces.errors import DataError
from spaces.network.description import describe
from spaces.network.detector import build_detector

Make = Callable[..., Candidate]
CLASSES = ("can", "jar", "box")
HEADS = ("nms", "end2end", "rtdetr")


class Exported:
    """A network with statistics that are not those of its start, its state before export, and its file."""

    def __init__(self, candidate: Candidate, folder: Path) -> None:
        self.model: Any = build_detector(describe(candidate, CLASSES), 0)
        for i, layer in enumerate(m for m in self.model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            torch.nn.init.constant_(layer.weight, 1 + 0.05 * (i % 5))  # fusing is no identity
            torch.nn.init.constant_(layer.bias, 0.02 * (i % 3))
        for branch in [*getattr(self.model.model[-1], "cv3", []), *getattr(self.model.model[-1], "one2one_cv3", [])]:
            torch.nn.init.normal_(
                branch[-1].weight, std=30, generator=torch.Generator().manual_seed(2)
            )  # scores that differ
        self.before = deepcopy(self.model)
        self.meta = ArtifactMeta(64, head_of(self.model), CLASSES, 0.6)
        self.path = export_onnx(self.model, self.meta, folder / f"{candidate.fingerprint}.onnx")


@pytest.fixture(scope="module")
def exported(make_candidate: Make, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    folder = tmp_path_factory.mktemp("exported")
    return {head: Exported(make_candidate({"head.kind": head}), folder) for head in HEADS}


@pytest.mark.seconds
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_file_answers_as_the_network(exported: dict[str, Exported], head: str, runtime: str) -> None:
    if find_spec(runtime) is None:
        pytest.skip(f"{runtime} is not installed")
    options = {"INFERENCE_PRECISION_HINT": "f32"} if runtime == "openvino" else {}
    provider = "CPU" if runtime == "openvino" else "CPUExecutionProvider"
    made = exported[head]
    network = open_artifact(made.path, device_of(name=runtime, runtime=runtime, provider=provider, options=options))
    blob = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = made.before.eval()(blob)[0].numpy()
    found = np.array(network.run(blob.numpy()))
    assert found.shape == wanted.shape
    if head == "nms":
        assert np.abs(found - wanted).max() < 1e-3 * max(1, np.abs(wanted).max() / 64)
    else:  # rows of box, score, class, best first; all but equal scores come in any order
        assert found.shape[2] == 6
        assert found[0, :, 4] == pytest.approx(wanted[0, :, 4], abs=1e-3)
        apart = np.abs(found[0][:, None] - wanted[0][None]).max(axis=2)
        clear = wanted[0, :, 4] > wanted[0, -1, 4] + 1e-5  # equal scores at the end may be cut either way
        assert clear.sum() >= 20
        assert apart.min(axis=0)[clear].max() < 2e-3
        assert apart.min(axis=1)[clear].max() < 2e-3
        assert np.median(apart) > 0.1  # rows differ: the match is no accident


@pytest.mark.parametrize("head", HEADS)
def test_the_given_network_stays_as_it_was(exported: dict[str, Exported], head: str) -> None:
    made = exported[head]
    assert made.model.training
    before, after = made.before.state_dict(), made.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.requires_grad for name, p in made.model.named_parameters() if "dfl" not in name)
    assert not made.model.model[-1].export
    assert [type(m) for m in made.model.modules()] == [type(m) for m in made.before.modules()]


@pytest.mark.parametrize("head", HEADS)
def test_the_file_tells_what_it_is(exported: dict[str, Exported], head: str) -> None:
    made = exported[head]
    assert open_artifact(made.path, CPU).meta == made.meta
    assert made.meta.head == head
    proto = onnx.load(str(made.path))
    onnx.checker.check_model(proto)
    assert [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim] == [1, 3, 64, 64]
    assert not any(node.op_type == "BatchNormalization" for node in proto.graph.node)  # fused
    assert not list(made.path.parent.glob("*.partial"))


def test_a_strangers_file_is_told(exported: dict[str, Exported], tmp_path: Path) -> None:
    proto = onnx.load(str(exported["nms"].path))
    del proto.metadata_props[:]
    onnx.save(proto, str(tmp_path / "strange.onnx"))
    with pytest.raises(DataError, match="was not exported by automl"):
        open_artifact(tmp_path / "strange.onnx", CPU)


@pytest.mark.seconds
def test_branches_become_one_convolution(make_candidate: Make, tmp_path: Path) -> None:
    """MobileOne trains with branches and deploys without; the answer is the same."""
    model: Any = build_detector(describe(make_candidate({"backbone.name": "repvgg_a0"}), CLASSES), 0)
    path = export_onnx(model, ArtifactMeta(64, "nms", CLASSES), tmp_path / "model.onnx")
    convolutions = sum(isinstance(m, torch.nn.Conv2d) for m in model.modules())
    nodes = sum(node.op_type == "Conv" for node in onnx.load(str(path)).graph.node)
    assert nodes < 0.8 * convolutions
    blob = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        wanted = model.eval()(blob)[0].numpy()
    assert open_artifact(path, CPU).run(blob.numpy()) == pytest.approx(wanted, abs=1e-3)


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("head", HEADS)
def test_the_same_candidate_gives_the_same_file(make_candidate: Make, tmp_path: Path, head: str) -> None:
    """Byte for byte: what was measured of a file is kept by its content."""
    contents = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        model = build_detector(describe(make_candidate({"head.kind": head}), CLASSES), 3)
        contents.append(
            export_onnx(model, ArtifactMeta(64, head, CLASSES), tmp_path / name / f"{name}.onnx").read_bytes()
        )
    assert contents[0] == contents[1]


@pytest.mark.slow
@pytest.mark.seconds
def test_another_process_gives_the_same_file(tmp_path: Path) -> None:
    """Sets and mappings have another order there."""
    program = """
import sys
from pathlib import Path
from small_jobs import tiny_candidate
from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.export_onnx import export_onnx
from spaces.network.description import describe
from spaces.network.detector import build_detector
model = build_detector(describe(tiny_candidate({"head.kind": "end2end"}), ("can", "jar", "box")), 3)
export_onnx(model, ArtifactMeta(64, "end2end", ("can", "jar", "box")), Path(sys.argv[1]))
"""
    for seed in ("1", "2"):
        line = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path / f"{seed}.onnx")]
        subprocess.run(line, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
    assert (tmp_path / "1.onnx").read_bytes() == (tmp_path / "2.onnx").read_bytes()
