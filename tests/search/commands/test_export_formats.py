"""`automl export --format` and `automl formats`, on a small real study."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import automl
from defaults import device_of
from small_export import write_export

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.accuracy import score_file
from objectives.deploy.artifact_files import digest_of, read_properties
from objectives.deploy.formats.contract import SOURCE_KEY, Source
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.records.children import HELD_OUT
from objectives.records.paths import ExportPaths
from objectives.trial import job
from reports.table.table import read_study
from search.cli import main
from search.commands.formats.figures import Measuring
from search.loop.latencies.full_latency import measuring_terms
from search.settings.dataset import load_data
from search.settings.settings import load_settings
from search.study.store import load_study

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def place(few_blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of a data set that is on the disk: 8 images to validate on."""
    place = tmp_path_factory.mktemp("export_formats")
    lay_out(few_blocks, place / "data")
    line = f"data.root={root_of(place)}"
    write_export(place, load_data(load_settings([line]).data), line)
    return place


@pytest.mark.slow
def test_formats_are_written_with_their_figures(place: Path) -> None:
    if why := DEPLOY_FORMATS["openvino"].why_not():
        pytest.skip(why)
    done = automl("export", "smoke", "--pick", "best", "--format", "onnx,openvino", "--to", "both", folder=place)
    assert done.returncode == 0, done.stderr
    out = ExportPaths(place / "both")
    onnx, xml = out.folder / "formats" / "onnx" / "model.onnx", out.folder / "formats" / "openvino" / "model.xml"
    assert digest_of(onnx) == digest_of(out.model)
    assert read_properties(xml)["automl"] == read_properties(onnx)["automl"]
    lineage = json.loads(out.lineage.read_text())
    said = lineage["formats"]
    assert list(said) == ["onnx", "openvino"]
    assert set(said["openvino"]["files"]) == {"model.xml", "model.bin"}
    assert said["onnx"]["files"]["model.onnx"]["sha256"] == digest_of(onnx)
    assert said["onnx"]["latency"] == lineage["automl.latency"]  # the study's own
    assert said["openvino"]["device"] == "openvino"
    assert said["openvino"]["latency"]["p50_ms"] > 0
    assert said["openvino"]["accuracy"]["map"] > 0.1
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("onnx ", "openvino "))] == [*said]
    assert "cpu (the study's figures)" in done.stdout


def test_mistakes_are_named_before_anything_is_written(place: Path) -> None:
    for text, said in (
        ("openvion", "automl: formats: unknown format 'openvion'; nearest: openvino"),
        ("onnx,rknn", "automl: format rknn: needs Rockchip's toolkit: no module rknn; install rknn-toolkit2\n"),
    ):
        if "rknn" in text and not DEPLOY_FORMATS["rknn"].why_not():
            continue
        done = automl("export", "smoke", "--pick", "best", "--format", text, "--to", "none", folder=place)
        assert done.returncode == 2
        assert done.stderr.startswith(said)
        assert not (place / "none").exists()


@pytest.mark.slow
def test_what_cannot_be_converted_leaves_no_export(place: Path) -> None:
    """The weights of this study are no network's."""
    done = automl("export", "smoke", "--pick", "best", "--format", "torchscript", "--to", "none", folder=place)
    assert done.returncode == 2
    assert done.stderr.startswith("automl: format torchscript: ")
    assert done.stderr.count("\n") == 1
    assert {path.name for path in place.iterdir()} <= {"data", "runs", "out", "both"}


@pytest.mark.slow
def test_other_data_than_the_studys_is_refused(place: Path) -> None:
    label = next(path for path in sorted((place / "data").rglob("*.txt")) if "val" in str(path))
    kept = label.read_text()
    label.write_text("")
    try:
        done = automl("export", "smoke", "--pick", "best", "--format", "onnx", "--to", "none", folder=place)
    finally:
        label.write_text(kept)
    assert done.returncode == 2
    assert done.stderr.startswith("automl: export: --format reports mAP, and the data in '")
    assert not (place / "none").exists()


@pytest.fixture(scope="module")
def for_two(few_blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of two devices, and an export for the second."""
    if why := DEPLOY_FORMATS["ncnn"].why_not():
        pytest.skip(why)
    place = tmp_path_factory.mktemp("for_two")
    lay_out(few_blocks, place / "data")
    line = (f"data.root={root_of(place)}", "devices=[cpu,ncnn]")
    write_export(place, load_data(load_settings(line).data), *line)
    return place


@pytest.mark.slow
def test_an_export_holds_what_its_device_runs_and_the_study_lends_it_no_figures(for_two: Path) -> None:
    """The study's accuracy is its first device's; the trial of this study was converted for none."""
    line = ("--device", "ncnn", "--pick", "best", "--format", "ncnn,onnx", "--to", "ncnn")
    done = automl("export", "smoke", *line, folder=for_two)
    assert done.returncode == 0, done.stderr
    assert "the study's figures" not in done.stdout
    out = ExportPaths(for_two / "ncnn")
    said = json.loads(out.lineage.read_text())
    param = out.folder / "model.ncnn.param"
    assert said["files"][param.name]["sha256"] == said["formats"]["ncnn"]["files"][param.name]["sha256"]
    assert read_properties(param)[SOURCE_KEY] == digest_of(out.model)
    assert (said["formats"]["ncnn"]["device"], said["formats"]["onnx"]["device"]) == ("ncnn", "cpu")
    scored, of_study = said["formats"]["ncnn"]["accuracy"], said["automl.accuracy"]
    device = device_of(name="ncnn", runtime="ncnn", provider="CPU")
    dataset = load_data(load_settings([f"data.root={root_of(for_two)}"]).data)
    own = score_file(param, device, dataset.splits["val"], dataset.classes, "val")
    assert scored["map"] == pytest.approx(own.map) != of_study["map"]
    assert said["formats"]["ncnn"]["latency"]["device"] == device.fingerprint
    assert not (ExportPaths(for_two / "out").folder / param.name).exists()  # for the first device


def test_an_export_says_that_its_device_runs_another_format_that_cannot_be_had(
    for_two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pnnx", None)
    monkeypatch.chdir(for_two)
    done = CliRunner().invoke(main, ["export", "smoke", "--device", "ncnn", "--pick", "best", "--to", "without"])
    assert done.exit_code == 0, done.output
    assert "warning: not in the format that device=ncnn runs: format ncnn: needs ncnn and pnnx; install" in done.output
    assert ExportPaths(for_two / "without").model.is_file()


@pytest.mark.slow
def test_formats_are_scored_on_the_half_that_the_study_reports_a_child_on(
    for_two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a table would hold figures of two sets of images."""
    monkeypatch.setattr(job, "HELD_OUT_LEAST", 8)
    table = read_study(load_study(for_two / "runs", "smoke", None))
    terms = measuring_terms(table)
    row = table.finished[0]
    assert row.accuracy is not None
    images = terms.dataset.splits["val"]
    made = {"ncnn": ExportPaths(for_two / "out").model.with_name("half.ncnn.param")}
    onnx = ExportPaths(for_two / "out").model
    DEPLOY_FORMATS["ncnn"].convert(Source(onnx), made["ncnn"])
    measuring = Measuring(terms, lambda _: None)
    for split, count in ((f"val{HELD_OUT}", len(images) // 2), ("val", len(images))):
        reported = replace(row, accuracy=replace(row.accuracy, split=split, images=count))
        (found,) = measuring.figures(made, reported, row.latency)
        assert found.accuracy is not None
        assert (found.accuracy.split, found.accuracy.images) == (split, count)
    _, held_out = job.halves(images, "val")
    again = score_file(onnx, terms.device, held_out.images, terms.dataset.classes, held_out.name)
    reported = replace(row, accuracy=replace(row.accuracy, split=held_out.name))
    (found,) = measuring.figures(made, reported, row.latency)
    assert found.accuracy is not None
    assert found.accuracy.map == pytest.approx(again.map, abs=1e-3)


def root_of(place: Path) -> Path:
    (root,) = [path for path in (place / "data").iterdir() if path.is_dir()]
    return root


def test_all_formats_are_listed(tmp_path: Path) -> None:
    done = automl("formats", folder=tmp_path)
    assert done.returncode == 0
    listed = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()[0] in DEPLOY_FORMATS}
    assert set(listed) == set(DEPLOY_FORMATS)
    for name, line in listed.items():
        assert (" no: needs" in line) == bool(DEPLOY_FORMATS[name].why_not())
