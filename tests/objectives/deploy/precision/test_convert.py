"""Files in other precisions: the same detector, by each runtime, with all that its file says of itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from defaults import CPU, device_of
from small_jobs import QUICK_STEPS, quick_job, tiny_candidate

from objectives.data.dataset import Dataset
from objectives.data.pictures.decode import read_image
from objectives.deploy.artifact import MadeFor, read_meta
from objectives.deploy.detector import letterbox
from objectives.deploy.export_onnx import export_onnx, meta_of, write_confidence
from objectives.deploy.precision.calibration import CalibrationImages
from objectives.deploy.precision.convert import Converted, convert
from objectives.deploy.precision.layers import Layers
from objectives.deploy.runtimes.open import open_artifact
from objectives.network.assembly import assemble
from objectives.records.paths import TrialPaths
from objectives.records.records import Outcome
from objectives.trial.job import SilentListener
from objectives.trial.trial import run_trial
from spaces.errors import DataError

pytestmark = pytest.mark.seconds

OPENVINO = device_of(name="openvino", runtime="openvino", provider="CPU")
ON = {"onnxruntime": CPU, "openvino": OPENVINO}


@pytest.fixture(scope="module")
def exported(blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CalibrationImages]:
    """A detector's file, and the images that ranges are taken from."""
    candidate = tiny_candidate({"size.pixels": 96})
    _, model = assemble(candidate, blocks.classes, 5)
    meta = replace(meta_of(model, candidate, blocks.classes), nms_iou=0.6)
    path = export_onnx(model, meta, tmp_path_factory.mktemp("fp32") / "model.onnx")
    return path, CalibrationImages.of([image.path for image in blocks.splits["train"]], meta, 8)


@pytest.fixture(scope="module")
def files(exported: tuple[Path, CalibrationImages]) -> dict[tuple[str, str], Path]:
    """The file in each precision, for each runtime."""
    path, calibration = exported
    made = {(p, runtime): path.with_name(f"{p}-{runtime}.onnx") for p in ("fp16", "int8") for runtime in ON}
    for (precision, runtime), target in made.items():
        said = convert(path, target, precision, runtime, calibration)
        assert Converted.read(target) == said
        assert (said.precision, said.runtime) == (precision, runtime)
    return made


@pytest.mark.slow
def test_a_file_says_what_it_was_made_for_without_its_graph(
    exported: tuple[Path, CalibrationImages], files: dict[tuple[str, str], Path]
) -> None:
    assert MadeFor.of_onnx(exported[0]) is None
    for (precision, runtime), path in files.items():
        write_confidence(path, 0.4)
        assert MadeFor.of_onnx(path) == MadeFor(precision, runtime)


def test_int8_for_openvino_is_refused_elsewhere_in_one_line(files: dict[tuple[str, str], Path]) -> None:
    said = "is int8 made for openvino; device=cpu runs onnxruntime; take the fp32 file$"
    with pytest.raises(DataError, match=said):
        open_artifact(files["int8", "openvino"], CPU)


@pytest.mark.parametrize("runtime", ON)
@pytest.mark.parametrize(("precision", "most"), [("fp16", 2e-3), ("int8", 0.06)])
def test_it_finds_what_the_file_in_fp32_finds(
    exported: tuple[Path, CalibrationImages],
    files: dict[tuple[str, str], Path],
    precision: str,
    most: float,
    runtime: str,
) -> None:
    path, calibration = exported
    before, after = open_artifact(path, ON[runtime]), open_artifact(files[precision, runtime], ON[runtime])
    for blob in calibration.blobs(3):
        boxes, scores = np.split(before.run(blob).copy()[0], [4])
        other_boxes, other_scores = np.split(after.run(blob).copy()[0], [4])
        assert np.abs(boxes - other_boxes).mean() < most * 96
        assert np.abs(scores / other_scores - 1).mean() < 2 * most


def test_a_file_says_of_itself_what_it_said_before(
    exported: tuple[Path, CalibrationImages], files: dict[tuple[str, str], Path]
) -> None:
    before = {p.key: p.value for p in onnx.load(str(exported[0])).metadata_props}
    for path in files.values():
        after = {p.key: p.value for p in onnx.load(str(path)).metadata_props}
        assert before.items() <= after.items()
        assert read_meta(after, path).nms_iou == 0.6
        write_confidence(path, 0.4)
        again = {p.key: p.value for p in onnx.load(str(path)).metadata_props}
        assert read_meta(again, path).confidence == 0.4
        assert Converted.read(path) is not None
    assert Converted.read(exported[0]) is None


def test_weights_take_a_half_and_a_quarter(
    exported: tuple[Path, CalibrationImages], files: dict[tuple[str, str], Path]
) -> None:
    whole = exported[0].stat().st_size
    for (precision, _), path in files.items():
        assert path.stat().st_size < {"fp16": 0.6, "int8": 0.5}[precision] * whole


def test_the_arithmetic_of_boxes_stays_in_fp32(
    exported: tuple[Path, CalibrationImages], files: dict[tuple[str, str], Path]
) -> None:
    decode = set(Layers.of(onnx.load(str(exported[0]))).decode)
    for (precision, _), path in files.items():
        graph = onnx.load(str(path)).graph
        made = {name for node in graph.node if node.name in decode for name in node.output}
        assert made
        for node in graph.node:
            if node.op_type in ("QuantizeLinear", "FakeQuantize") or (precision == "fp16" and node.op_type == "Cast"):
                assert not made & set(node.input)


def test_ranges_come_from_images_as_they_are_deployed(
    blocks: Dataset, exported: tuple[Path, CalibrationImages]
) -> None:
    calibration = exported[1]
    paths = sorted(image.path for image in blocks.splits["train"])
    assert calibration.images[0] == paths[0]
    assert calibration.images[-1] == paths[-1]
    assert len(calibration.images) == 8
    (first, *_) = calibration.blobs()
    assert np.array_equal(first, letterbox(read_image(paths[0]), 96)[0])


def test_int8_needs_images(exported: tuple[Path, CalibrationImages]) -> None:
    meta = open_artifact(exported[0], CPU).meta
    with pytest.raises(DataError, match="images of the training split"):
        CalibrationImages.of([], meta)


@pytest.fixture(scope="module")
def heads(blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of trained detectors without NMS: of untrained ones the signals die out, or noise grows to their size."""
    made = {}
    for head in ("end2end", "rtdetr"):
        candidate = tiny_candidate({**QUICK_STEPS, "size.pixels": 96, "head.kind": head, "train.lr0": 0.002})
        job = quick_job(blocks, tmp_path_factory.mktemp(head), candidate, epochs=6, rungs=1)
        ending = run_trial(job, SilentListener())
        assert ending is not None
        assert ending.outcome == Outcome.FINISHED
        made[head] = TrialPaths(job.folder).model
    return made


@pytest.mark.slow
@pytest.mark.parametrize("head", ["end2end", "rtdetr"])
@pytest.mark.parametrize("runtime", ON)
def test_heads_without_nms_keep_what_they_rank(
    blocks: Dataset, heads: dict[str, Path], tmp_path: Path, head: str, runtime: str
) -> None:
    before = open_artifact(heads[head], ON[runtime])
    calibration = CalibrationImages.of([image.path for image in blocks.splits["train"]], before.meta, 8)
    said = convert(heads[head], tmp_path / "int8.onnx", "int8", runtime, calibration)
    assert said.sqnr_db is not None
    assert said.sqnr_db > 20
    after = open_artifact(tmp_path / "int8.onnx", ON[runtime])
    for blob in calibration.blobs(2):
        one, other = np.sort(before.run(blob).copy()[0, :, 4]), np.sort(after.run(blob).copy()[0, :, 4])
        assert other == pytest.approx(one, rel=0.2, abs=0.02)
