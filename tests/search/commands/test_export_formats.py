"""`automl export --format` and `automl formats`, on a small real study."""

import json
from pathlib import Path

import pytest
from command_line import automl
from small_export import write_export

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.artifact_files import digest_of, read_properties
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.records.paths import ExportPaths
from search.settings.dataset import load_data
from search.settings.settings import load_settings

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def place(few_blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of a data set that is on the disk: 8 images to validate on."""
    place = tmp_path_factory.mktemp("export_formats")
    lay_out(few_blocks, place / "data")
    (root,) = [path for path in (place / "data").iterdir() if path.is_dir()]
    settings = load_settings([f"data.root={root}"])
    write_export(place, load_data(settings.data), f"data.root={root}")
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


def test_all_formats_are_listed(tmp_path: Path) -> None:
    done = automl("formats", folder=tmp_path)
    assert done.returncode == 0
    listed = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()[0] in DEPLOY_FORMATS}
    assert set(listed) == set(DEPLOY_FORMATS)
    for name, line in listed.items():
        assert (" no: needs" in line) == bool(DEPLOY_FORMATS[name].why_not())
