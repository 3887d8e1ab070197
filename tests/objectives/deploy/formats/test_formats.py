"""Formats: one suite for all that can be written here, on small exported detectors and real images."""

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from defaults import CPU, device_of

from objectives.data.pictures.decode import read_image
from objectives.deploy.artifact import CONFIDENCE_KEY, PRECISION_KEY, ArtifactMeta, MadeFor
from objectives.deploy.artifact_files import (
    BELONGS,
    bytes_of,
    digest_of,
    files_of,
    read_properties,
    remove_artifact,
    write_properties,
)
from objectives.deploy.detector import Detections, Detector, letterbox
from objectives.deploy.device import Device
from objectives.deploy.export_onnx import export_onnx, head_of, write_confidence
from objectives.deploy.formats.contract import SOURCE_KEY, Source
from objectives.deploy.formats.deployed import convert_beside, converted_file, deployed, keep_confidence, prepare
from objectives.deploy.formats.registry import DEPLOY_FORMATS, formats_named
from objectives.deploy.precision.calibration import CalibrationImages
from objectives.deploy.precision.convert import convert
from objectives.deploy.runtimes.open import CLASSES as CLASSES_OF_RUNTIMES
from objectives.deploy.runtimes.open import open_artifact
from objectives.machine.files import remove_partials
from objectives.network.assembly import save_weights
from objectives.records.failures import ExportFailed
from objectives.records.paths import CONVERTED, MODEL
from spaces.candidate import Candidate
from spaces.errors import AutomlError, DataError
from spaces.network.description import describe
from spaces.network.detector import build_detector

pytestmark = pytest.mark.seconds
Make = Callable[..., Candidate]
CLASSES = ("can", "jar", "box")
KINDS = {
    "lcnet": {"backbone.name": "lcnet_050"},
    "mobilenetv3": {"backbone.name": "mobilenetv3_small_100"},
    "yolo11": {"backbone.name": "yolo11", "backbone.width": 0.125, "backbone.depth": 0.5},
}
MADE_QUICKLY = ("onnx", "openvino", "ncnn")  # the others start torch, or install a converter
CONFIDENCE = 0.3
OPENVINO = device_of(name="openvino", runtime="openvino", provider="CPU", options={"INFERENCE_PRECISION_HINT": "f32"})
NCNN = device_of(name="ncnn", runtime="ncnn", provider="CPU")
LITERT = device_of(name="litert", runtime="litert", provider="CPU")


def write_detector(folder: Path, candidate: Candidate) -> Source:
    """Write a detector whose scores differ, though it has learnt nothing; with its weights, and a confidence."""
    network: Any = build_detector(describe(candidate, CLASSES), 0)
    for i, layer in enumerate(m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.constant_(layer.weight, 1 + 0.05 * (i % 5))
        torch.nn.init.constant_(layer.bias, 0.02 * (i % 3))
    head = network.model[-1]
    for branch in [*getattr(head, "cv3", []), *(getattr(head, "one2one_cv3", None) or [])]:
        torch.nn.init.normal_(branch[-1].weight, std=8, generator=torch.Generator().manual_seed(2))
        torch.nn.init.zeros_(branch[-1].bias)
    folder.mkdir()
    onnx = export_onnx(network, ArtifactMeta(96, head_of(network), CLASSES, 0.6), folder / MODEL)
    write_confidence(onnx, CONFIDENCE)
    save_weights(folder / "weights.pt", network, candidate, CLASSES)
    return Source(onnx, folder / "weights.pt")


@pytest.fixture(scope="module")
def lcnet(make_candidate: Make, tmp_path_factory: pytest.TempPathFactory) -> Source:
    return write_detector(tmp_path_factory.mktemp("lcnet") / "made", make_candidate({"size.pixels": 96}))


def device_for(name: str) -> Device:
    runtime = DEPLOY_FORMATS[name].runtime
    known = {"onnxruntime": CPU, "openvino": OPENVINO}
    return known.get(runtime) or replace(NCNN, name=name, runtime=runtime)


def images(shelves: Path) -> list[Any]:
    paths = sorted(shelves.rglob("*.jpg"))[:4]
    assert len(paths) == 4
    return [read_image(path) for path in paths]


def missing(found: Detections, wanted: Detections) -> int:
    """Return how many boxes of either have no like in the other: same class, half a pixel, a thousandth of a score."""
    apart = np.abs(found.boxes_xyxy[:, None] - wanted.boxes_xyxy[None]).max(axis=2, initial=0.0)
    apart[found.classes[:, None] != wanted.classes[None]] = np.inf
    apart[np.abs(found.scores[:, None] - wanted.scores[None]) > 1e-3] = np.inf
    return max(int((apart.min(axis=axis, initial=np.inf) > 0.5).sum()) for axis in (0, 1))


def check_format(name: str, source: Source, folder: Path, shelves: Path) -> None:
    """The contract: the same output and detections as the ONNX file's, all metadata, nothing else in the folder.

    Outputs agree within a hundredth of a pixel and a ten-thousandth of a score. Of boxes one in ten may be another:
    where two anchors score alike, NMS takes either.
    """
    before = digest_of(source.onnx)
    made = DEPLOY_FORMATS[name]
    path = made.convert(source, made.file(folder / MODEL))
    assert digest_of(source.onnx) == before
    assert sorted(folder.iterdir()) == sorted(files_of(path))
    runtime = open_artifact(path, device_for(name))
    assert runtime.meta == open_artifact(source.onnx, CPU).meta
    assert runtime.meta.confidence == CONFIDENCE
    one, other = Detector(runtime), Detector(open_artifact(source.onnx, CPU))
    boxes = others = 0
    for image in images(shelves):
        blob, _, _ = letterbox(image, 96)
        apart = np.abs(np.array(runtime.run(blob)) - other.runtime.run(blob))[0]
        assert apart[:4].max() < 1e-2
        assert apart[4:].max() < 1e-4
        wanted = other(image)
        others += missing(one(image), wanted)
        boxes += len(wanted.scores)
    assert others <= boxes / 10
    assert boxes > 40


@pytest.mark.parametrize("name", MADE_QUICKLY)
def test_a_format_finds_what_the_onnx_file_finds(name: str, lcnet: Source, tmp_path: Path, shelves: Path) -> None:
    if why := DEPLOY_FORMATS[name].why_not():
        pytest.skip(why)
    check_format(name, lcnet, tmp_path, shelves)


@pytest.fixture(scope="module")
def in_bytes(lcnet: Source, shelves: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Source]:
    """The detector in other precisions, for each runtime; with its weights, which are in fp32."""
    folder, made = tmp_path_factory.mktemp("in_bytes"), {}
    meta = open_artifact(lcnet.onnx, CPU).meta
    calibration = CalibrationImages.of(sorted(shelves.rglob("*.jpg"))[:4], meta)
    for precision, runtime in (("int8", "onnxruntime"), ("int8", "openvino"), ("fp16", "onnxruntime")):
        path = folder / f"{precision}-{runtime}.onnx"
        convert(lcnet.onnx, path, precision, runtime, calibration)
        made[precision, runtime] = replace(lcnet, onnx=path, fp32_trial=3)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, one in DEPLOY_FORMATS.items() if name != "onnx" and not one.why_not()])
def test_no_format_claims_a_precision_that_it_does_not_have(
    name: str, in_bytes: dict[tuple[str, str], Source], tmp_path: Path
) -> None:
    made = DEPLOY_FORMATS[name]
    for (precision, runtime), source in in_bytes.items():
        if MadeFor(precision, runtime) in made.keeps:
            continue
        said = f"format {name}: .* is {precision} for {runtime}, which this format does not keep; export .* trial 3$"
        with pytest.raises(ExportFailed, match=said):
            made.convert(source, made.file(tmp_path / MODEL))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_openvinos_own_format_keeps_its_int8(
    lcnet: Source, in_bytes: dict[tuple[str, str], Source], tmp_path: Path, shelves: Path
) -> None:
    if why := DEPLOY_FORMATS["openvino"].why_not():
        pytest.skip(why)
    source, made = in_bytes["int8", "openvino"], DEPLOY_FORMATS["openvino"]
    path = made.convert(source, made.file(tmp_path / MODEL))
    whole = made.convert(lcnet, made.file(tmp_path / "whole.onnx"))
    assert bytes_of(path) < 0.6 * bytes_of(whole)
    assert read_properties(path)[PRECISION_KEY] == read_properties(source.onnx)[PRECISION_KEY]
    device = replace(OPENVINO, options={})
    one, other = open_artifact(path, device), open_artifact(source.onnx, device)
    for image in images(shelves):
        blob, _, _ = letterbox(image, 96)
        apart = np.abs(np.array(one.run(blob)) - other.run(blob))[0]
        assert apart[:4].mean() < 0.5  # px; the plug-in rounds elsewhere; mAP is the same, see docs/precision.md


def made_ready(name: str) -> None:
    """Make ready what writes a format; the test is skipped, and says why, where that is not to be had here."""
    if why := DEPLOY_FORMATS[name].why_not():
        pytest.skip(why)
    try:
        DEPLOY_FORMATS[name].prepare()
    except ExportFailed as error:  # no package index, as a rule
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, one in DEPLOY_FORMATS.items() if one.tested])
@pytest.mark.parametrize("kind", KINDS)
def test_a_format_finds_it_with_every_kind_of_detector(
    name: str, kind: str, make_candidate: Make, tmp_path: Path, shelves: Path
) -> None:
    made_ready(name)
    source = write_detector(tmp_path / "made", make_candidate({**KINDS[kind], "size.pixels": 96}))
    (tmp_path / "out").mkdir()
    check_format(name, source, tmp_path / "out", shelves)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openvino", "litert", "torchscript"])
@pytest.mark.parametrize("head", ["end2end", "rtdetr"])
def test_heads_of_final_boxes_keep_their_output(
    name: str, head: str, make_candidate: Make, tmp_path: Path, shelves: Path
) -> None:
    made_ready(name)
    source = write_detector(tmp_path / "made", make_candidate({"head.kind": head, "size.pixels": 96}))
    path = DEPLOY_FORMATS[name].convert(source, DEPLOY_FORMATS[name].file(tmp_path / MODEL))
    one, other = open_artifact(path, device_for(name)), open_artifact(source.onnx, CPU)
    blob = np.random.default_rng(0).random((1, 3, 96, 96), dtype=np.float32)
    found, wanted = np.array(one.run(blob))[0], np.array(other.run(blob))[0]
    assert found.shape == wanted.shape
    assert np.sort(found[:, 4]) == pytest.approx(np.sort(wanted[:, 4]), abs=1e-3)
    clear = wanted[:, 4] > wanted[:, 4].min() + 1e-3  # equal scores at the end may be cut either way
    apart = np.abs(found[:, None] - wanted[None]).max(axis=2)
    assert clear.sum() >= 10
    assert apart.min(axis=0)[clear].max() < 1e-2


@pytest.mark.slow
def test_ncnn_refuses_a_head_that_it_cannot_run(make_candidate: Make, tmp_path: Path) -> None:
    if why := DEPLOY_FORMATS["ncnn"].why_not():
        pytest.skip(why)
    source = write_detector(tmp_path / "made", make_candidate({"head.kind": "end2end"}))
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportFailed, match=r"^format ncnn: '.*' has operators that NCNN does not know \(.*; search"):
        DEPLOY_FORMATS["ncnn"].convert(source, tmp_path / "out" / "model.ncnn.param")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["openvino", "ncnn"])
def test_a_damaged_file_leaves_what_was_there(name: str, lcnet: Source, tmp_path: Path) -> None:
    made = DEPLOY_FORMATS[name]
    if why := made.why_not():
        pytest.skip(why)
    to = made.file(tmp_path / MODEL)
    to.write_text("before")
    (tmp_path / "cut.onnx").write_bytes(lcnet.onnx.read_bytes()[:100_000])
    with pytest.raises(AutomlError) as refused:
        made.convert(Source(tmp_path / "cut.onnx"), to)
    assert "\n" not in str(refused.value)
    assert to.read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"cut.onnx", to.name}


@pytest.mark.slow
def test_a_kill_leaves_nothing_half_written(lcnet: Source, tmp_path: Path) -> None:
    """Killed as it begins, while it converts, and about its end; what a trial's start removes is all that is left."""
    if why := DEPLOY_FORMATS["openvino"].why_not():
        pytest.skip(why)
    line = (
        "import sys; from pathlib import Path; from objectives.deploy.formats.registry import DEPLOY_FORMATS; "
        "from objectives.deploy.formats.contract import Source; "
        "DEPLOY_FORMATS['openvino'].convert(Source(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    to = tmp_path / "model.xml"
    for wait_s in (0.0, 0.6, 1.2):
        process = subprocess.Popen([sys.executable, "-c", line, str(lcnet.onnx), str(to)])
        while not list(tmp_path.glob("*.partial")) and process.poll() is None:
            time.sleep(0.01)
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        remove_partials(tmp_path)
        left = {path.name for path in tmp_path.iterdir()}
        assert left in (set(), {"model.bin"}, {"model.xml", "model.bin"})
        if to.exists():
            assert open_artifact(to, OPENVINO).meta.confidence == CONFIDENCE
        remove_artifact(to)
        to.with_suffix(".bin").unlink(missing_ok=True)


def test_what_a_file_says_of_itself_is_replaced_whole(lcnet: Source, tmp_path: Path) -> None:
    """In OpenVINO's file, in archives after and around other content, and beside a file without a place for it."""
    tflite = tmp_path / "model.tflite"
    tflite.write_bytes(content := b"flat buffer" * 1000)
    ncnn = tmp_path / "model.ncnn.param"
    ncnn.write_text("7767517\n")
    xml = tmp_path / "model.xml"
    xml.write_text("<net><rt_info><automl><old value='1'/></automl><other value='2'/></rt_info></net>")
    for path in (tflite, ncnn, xml):
        for said in ({"a": "1", "b": "ü <\"'>"}, {"a": "2"}):
            write_properties(path, said)
            assert read_properties(path) == said
    assert tflite.read_bytes().startswith(content)
    assert "other" in xml.read_text()
    assert bytes_of(ncnn) == 8 + len('{"a": "2"}')
    assert digest_of(tflite) == hashlib.sha256(tflite.read_bytes()).hexdigest()
    assert digest_of(ncnn) != hashlib.sha256(ncnn.read_bytes()).hexdigest()
    tflite.write_bytes(content)
    assert read_properties(tflite) == {}
    xml.write_text("<net>")
    with pytest.raises(
        DataError, match=r"^artifact: the metadata of '.*\.xml' cannot be read \(.*\); export it again$"
    ):
        read_properties(xml)


def test_a_device_runs_what_lies_beside_or_is_converted_once(
    lcnet: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why := DEPLOY_FORMATS["ncnn"].why_not():
        pytest.skip(why)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    onnx = tmp_path / MODEL
    onnx.write_bytes(lcnet.onnx.read_bytes())
    assert deployed(onnx, CPU) == onnx
    assert deployed(onnx, OPENVINO) == onnx  # a study on OpenVINO goes on with the files that it has
    convert_beside(onnx, (CPU, NCNN, replace(NCNN, name="two", threads=2)))
    beside = deployed(onnx, NCNN)
    assert beside == converted_file(onnx, NCNN) == tmp_path / "model.ncnn.param"
    write_confidence(onnx, 0.7)
    keep_confidence(onnx, (CPU, NCNN), 0.7)
    assert deployed(onnx, NCNN) == beside
    assert open_artifact(beside, NCNN).meta.confidence == 0.7
    assert not (tmp_path / "cache").exists()
    write_confidence(onnx, 0.8)  # now it is another file than the one that was converted
    cached = deployed(onnx, NCNN)
    assert cached.is_relative_to(tmp_path / "cache")
    assert read_properties(cached)[CONFIDENCE_KEY] == "0.8"
    first = cached.stat().st_mtime_ns
    assert deployed(onnx, NCNN) == cached
    assert cached.stat().st_mtime_ns == first
    assert read_properties(cached)[SOURCE_KEY] == digest_of(onnx)


def test_torchscript_needs_the_weights(lcnet: Source, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match=r"^format torchscript: .* there is no weights\.pt beside '.*'; name"):
        DEPLOY_FORMATS["torchscript"].convert(Source(lcnet.onnx), tmp_path / "model.torchscript")


def test_formats_by_name() -> None:
    assert [one.name for one in formats_named("onnx, ONNX,onnx")] == ["onnx"]
    assert [one.name for one in formats_named("available")] == [
        n for n, one in DEPLOY_FORMATS.items() if not one.why_not()
    ]
    with pytest.raises(AutomlError, match=r"^formats: unknown format 'openvion'; nearest: openvino"):
        formats_named("onnx,openvion")
    with pytest.raises(AutomlError, match=r"^formats: none was named; known: onnx, "):
        formats_named(" , ")


@pytest.mark.parametrize(
    ("name", "looked_for"),
    [("imx500", "imxconv-pt"), ("hailo", "hailo_sdk_client"), ("rknn", "rknn"), ("tensorrt", "NVIDIA GPU")],
)
def test_a_missing_compiler_is_named_in_one_line(name: str, looked_for: str, lcnet: Source, tmp_path: Path) -> None:
    made = DEPLOY_FORMATS[name]
    if not (why := made.why_not()):
        pytest.skip(f"{name} can be written here")
    assert looked_for in why
    assert "\n" not in why
    with pytest.raises(AutomlError) as refused:
        formats_named(f"onnx,{name}")
    first, last = str(refused.value).splitlines()
    assert first == f"format {name}: {why}"
    assert last == "leave them out, or name --format available"
    with pytest.raises(ExportFailed, match=rf"^format {name}: needs "):
        made.convert(lcnet, made.file(tmp_path / MODEL))
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_kept_and_removed_are_those_that_devices_run() -> None:
    paths = [
        Path(f"model{one.suffix}")
        for one in DEPLOY_FORMATS.values()
        if one.runtime in ("litert", "ncnn", "torchscript")
    ]
    names = [path.with_suffix(part).name for path in paths for part in (path.suffix, *BELONGS.get(path.suffix, ()))]
    assert sorted(CONVERTED) == sorted(names)
    assert set(CLASSES_OF_RUNTIMES) - {"onnxruntime", "openvino"} == {"litert", "ncnn", "torchscript"}


def test_preparing_a_device_that_runs_onnx_files_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    prepare(CPU)
    prepare(OPENVINO)
    assert list(tmp_path.iterdir()) == []
