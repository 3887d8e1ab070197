"""`automl compare` as users run it, on small real files: verdicts and exit codes, JSON, the page, and bad input."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import yaml
from command_line import Done, automl
from quick_search import settings_of
from window_detector import POOR, SIDE_PX, write_windows

import search
from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.export_onnx import write_confidence
from objectives.deploy.ultralytics_meta import ultralytics_properties
from reports.table.pick import pick

QUICK = (
    *("latency.processes=1", "latency.processes_max=1", "latency.images_min=5", "latency.cap_s=0.2"),
    *("latency.warmup_s=0.02", "resamples=200", "slower_max=null"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Path:
    """A folder with a data set of 16 images to validate on, and two detectors of it."""
    place = tmp_path_factory.mktemp("compare")
    few = replace(blocks, splits={"train": blocks.splits["train"][:4], "val": blocks.splits["val"][:16]})
    lay_out(few, place / "data")
    write_windows(place / "good.onnx")
    write_windows(place / "poor.onnx", POOR)
    return place


def data_of(place: Path) -> str:
    (root,) = [path for path in (place / "data").iterdir() if path.is_dir()]
    return f"data.root={root}"


def compared(place: Path, *arguments: str) -> Done:
    return automl("compare", *arguments, data_of(place), *QUICK, folder=place)


def refusal(place: Path, *arguments: str) -> str:
    done = automl("compare", *arguments, folder=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("automl: ").rstrip()


@pytest.mark.seconds
@pytest.mark.slow
def test_each_file_s_errors_are_counted_at_its_own_confidence(place: Path) -> None:
    write_windows(place / "chosen.onnx", POOR)
    write_confidence(place / "chosen.onnx", 0.9)
    done = compared(place, "poor.onnx", "chosen.onnx", "format=json", "latency.confidence=0.2")
    found = json.loads(done.stdout)
    assert (found["champion"]["confidence"], found["challenger"]["confidence"]) == (None, 0.9)
    assert found["per_image"]["confidence"] == 0.2
    assert found["map"]["difference"] == 0
    assert found["per_image"]["as_many"] < 16  # the same boxes, other ones are sure enough
    text = compared(place, "poor.onnx", "chosen.onnx", "latency.confidence=best_f1").stdout
    assert "at confidence 0.25 (champion) and 0.9 (challenger), IoU 0.5" in text


@pytest.mark.slow
@pytest.mark.seconds
def test_a_better_one_is_promoted_with_json_and_page(place: Path) -> None:
    done = compared(place, "poor.onnx", "good.onnx", "format=json", "page=pages/compare.html")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"]["outcome"] == "promote"
    assert found["verdict"]["rules"] == {"margin": 0.0, "slower_max": None}
    assert found["map"]["challenger"] > found["map"]["champion"] + 0.2
    assert 0.1 < found["map"]["low"] < found["map"]["difference"] < found["map"]["high"] < 0.9
    assert found["map"]["difference"] == pytest.approx(found["map"]["challenger"] - found["map"]["champion"])
    assert [part["name"] for part in found["per_class"]] == ["red", "blue"]
    assert [part["name"] for part in found["per_size"]] == ["small", "medium", "large"]
    assert found["per_size"][2]["objects"] == 0
    assert found["per_size"][2]["map"]["champion"] is None
    assert sum(part["objects"] for part in found["per_class"]) == found["data"]["objects"] == 48
    assert re.fullmatch(r"contents-[0-9a-f]{16}", found["data"]["fingerprint"])
    assert (found["data"]["split"], found["data"]["images"]) == ("val", 16)
    assert found["statistics"] == {
        "method": "paired bootstrap over images, expanded percentile interval",
        "level": 0.95,
        "resamples": 200,
        "seed": 0,
    }
    images = found["per_image"]
    assert images["fewer_errors"] > images["more_errors"]
    assert sum(images[key] for key in ("fewer_errors", "more_errors", "as_many")) == 16
    assert found["latency"]["champion"]["p50_ms"] > 0
    assert found["latency"]["champion"]["device"] == found["latency"]["challenger"]["device"]
    page = (place / "pages" / "compare.html").read_text()
    assert "Promote the challenger." in page
    assert found["data"]["fingerprint"] in page
    assert page.count("data:image/jpeg;base64,") == 2 * len(images["most_apart"]) == 12
    assert not re.search(r"(src|href)=[\"']?https?:", page)


@pytest.mark.seconds
@pytest.mark.slow
def test_a_worse_one_is_kept_out_and_a_file_against_itself_is_no_better(place: Path) -> None:
    done = compared(place, "good.onnx", "poor.onnx")
    assert done.returncode == 1, done.stderr
    assert "keep the champion" in done.stdout
    assert "none of it over zero" in done.stdout
    same = compared(place, "good.onnx", "good.onnx", "format=json")
    assert same.returncode == 1, same.stderr
    found = json.loads(same.stdout)["map"]
    assert (found["difference"], found["low"], found["high"]) == (0, 0, 0)
    assert found["champion"] > 0.3


@pytest.mark.seconds
def test_one_that_is_better_on_average_and_worse_on_a_critical_class_is_refused(place: Path) -> None:
    """The challenger finds red far better, and looks for red where it should look for blue."""
    write_confidence(write_windows(place / "even.onnx", POOR), 0.05)  # where it finds half of either
    write_windows(place / "lopsided.onnx", classes={"red": "red", "blue": "red"})
    alone = json.loads(compared(place, "even.onnx", "lopsided.onnx", "format=json").stdout)
    assert alone["verdict"]["outcome"] == "promote"
    assert alone["map"]["low"] > 0
    said = "critical.blue.drop_max=0.02", "critical.red.recall_min=0.1"
    done = compared(place, "even.onnx", "lopsided.onnx", "format=json", "page=crit.html", *said)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)["verdict"]
    assert {one["rule"]: one["ruling"] for one in found["by_rule"]} == {
        "mAP": "promote",
        "drop of recall of blue": "keep",
        "recall of red": "promote",
    }
    assert found["critical"]["blue"] == {"recall_min": None, "drop_max": 0.02}
    assert "blue loses no more than 0.02 of recall" in (place / "crit.html").read_text()


@pytest.mark.slow
@pytest.mark.seconds
def test_the_gate_must_be_kept_where_the_line_says_so(place: Path) -> None:
    line = "poor.onnx", "good.onnx", "format=json", "gate.p95_ms_max=null"
    broken = compared(place, *line, "gate=true", "gate.map50_min=0.99", "gate.memory_mb_max=100000")
    assert broken.returncode == 1, broken.stderr
    found = json.loads(broken.stdout)
    whole = found["map50"]["challenger"]
    rules = {one["rule"]: one for one in found["verdict"]["by_rule"]}
    assert rules["gate, mAP50"]["why"] == f"the gate's mAP50 >= 0.99 is missed: {whole:.3f}"
    assert rules["gate, memory"]["ruling"] == "promote"  # timed alone: beside another nothing is known of it
    assert compared(place, *line, "gate.map50_min=0.99").returncode == 0  # without gate=true no rule of the comparison
    assert compared(place, *line, "gate=true", "gate.map50_min=0.1").returncode == 0


@pytest.mark.slow
@pytest.mark.seconds
def test_what_lies_on_both_sides_of_the_margin_cannot_be_told(place: Path) -> None:
    found = json.loads(compared(place, "poor.onnx", "good.onnx", "format=json").stdout)["map"]
    done = compared(place, "poor.onnx", "good.onnx", f"margin={found['difference']:.4f}")
    assert done.returncode == 3, done.stderr
    assert "cannot tell" in done.stdout
    assert f"on both sides of the margin of {found['difference']:+.4f}".rstrip("0") in done.stdout


@pytest.mark.slow
@pytest.mark.seconds
def test_a_slower_one_is_kept_out(place: Path) -> None:
    quick = [argument for argument in QUICK if not argument.startswith("slower_max")]
    done = automl(
        "compare", "poor.onnx", "good.onnx", data_of(place), *quick, "slower_max=0.1", "format=json", folder=place
    )  # ten times the windows
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["latency"]["p50_ratio"] > 1.5
    assert "over the bound of 1.1" in found["verdict"]["why"][1]
    assert found["map"]["low"] > 0


@pytest.mark.slow
@pytest.mark.seconds
def test_a_file_of_ultralytics_is_read_by_its_metadata(place: Path) -> None:
    """The same network under both kinds of metadata; the one of Ultralytics has its own NMS threshold."""
    properties = ultralytics_properties(("red", "blue"), SIDE_PX, head="Detect", stride_px=32, end2end=False, opset=17)
    write_windows(place / "theirs.onnx", properties=properties)
    done = compared(place, "theirs.onnx", "good.onnx", "format=json")
    assert done.returncode in (0, 1, 3), done.stderr
    found = json.loads(done.stdout)
    assert found["champion"]["head"] == "nms"
    assert found["champion"]["classes"] == ["red", "blue"]
    assert found["map"]["champion"] > 0.3


@pytest.mark.slow
@pytest.mark.seconds
def test_classes_go_by_name_and_those_of_one_side_are_said(place: Path) -> None:
    write_windows(place / "turned.onnx", classes={"blue": "blue", "green": "red", "red": "red"})
    found = json.loads(compared(place, "good.onnx", "turned.onnx", "format=json").stdout)
    assert found["map"]["champion"] == pytest.approx(found["map"]["challenger"])  # other indices, the same detector
    assert found["classes"]["scored"] == ["red", "blue"]
    assert found["classes"]["not_in_data"] == ["green"]
    write_windows(place / "red.onnx", classes={"red": "red"})
    done = compared(place, "good.onnx", "red.onnx")
    assert done.returncode == 1, done.stderr
    assert "not scored, class known to the champion alone: blue" in done.stdout
    write_windows(place / "cans.onnx", classes={"Red": "red"})
    said = refusal(place, "good.onnx", "cans.onnx", data_of(place), *QUICK)
    assert said.startswith("classes: no class of 'val' (red, blue) is known to both detectors; nearest: Red")


@pytest.mark.slow
@pytest.mark.seconds
def test_the_set_can_be_frozen_by_its_fingerprint(place: Path) -> None:
    found = json.loads(compared(place, "good.onnx", "good.onnx", "format=json").stdout)
    fingerprint = found["data"]["fingerprint"]
    again = compared(place, "good.onnx", "good.onnx", f"frozen={fingerprint}")
    assert again.returncode == 1, again.stderr
    said = refusal(place, "good.onnx", "good.onnx", data_of(place), *QUICK, "frozen=contents-0")
    assert said.startswith("frozen: 'val' of ")
    assert f"is {fingerprint} now, not contents-0" in said


@pytest.mark.slow
@pytest.mark.seconds
def test_an_export_names_its_data_set_and_where_it_was_chosen(place: Path) -> None:
    for name in ("out", "other"):
        (place / name / "trained").mkdir(parents=True)
        shutil.copy(place / "good.onnx", place / name / "model.onnx")
        shutil.copy(place / "good.onnx", place / name / "trained" / "model.onnx")
        config = {
            "study": "shelf",
            "data": {"root": data_of(place).partition("=")[2], "split": "val", "format": "auto"},
            "device": {"name": "openvino"},
        }
        (place / name / "config.yaml").write_text(yaml.safe_dump(config))
    done = automl("compare", "out", "other/trained", *QUICK, folder=place)
    assert done.returncode == 1, done.stderr
    assert "16 images" in done.stdout
    assert "out was chosen among the trials of study 'shelf' by its figures on this very split" in done.stdout
    assert "'out' is as long trained as in the search" in done.stdout
    assert "'other/trained' is as long" not in done.stdout
    assert "out was made for device=openvino; both ran on device=cpu" in done.stdout


@pytest.mark.slow
@pytest.mark.seconds
def test_a_study_stands_for_its_pick(place: Path, tmp_path: Path, blocks: Dataset) -> None:
    """Its data set is the study's, where neither the line nor the champion names one."""
    few = replace(blocks, splits={name: images[:4] for name, images in blocks.splits.items()})
    lay_out(few, tmp_path / "data")
    settings = settings_of(tmp_path / "runs", "budget.trials=2", "sampler=random", "pruner=none", data_of(tmp_path))
    row = pick(search.search(settings), "best")
    model, good = settings.folder / str(row.folder) / "model.onnx", str(place / "good.onnx")
    model.unlink()
    said = refusal(tmp_path, good, "smoke", "--pick", "best")
    assert said.startswith(f"compare: trial {row.number} of 'smoke' lacks model.onnx")
    shutil.copy(good, model)
    done = automl("compare", good, "smoke", "--pick", "best", *QUICK, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert f"smoke, trial {row.number} (nms, 160 px" in done.stdout
    assert "val: 4 images" in done.stdout
    assert f"smoke, trial {row.number} was chosen among the trials of study 'smoke'" in done.stdout
    assert "nearest: smoke" in refusal(tmp_path, good, "smok")


@pytest.mark.slow
def test_bad_input_is_one_line_and_exit_code_2(place: Path) -> None:
    (place / "empty").mkdir(exist_ok=True)
    (place / "best.pt").write_bytes(b"weights")
    (place / "text.onnx").write_text("no onnx")
    proto = onnx.load(str(place / "good.onnx"))
    del proto.metadata_props[:]
    onnx.save(proto, str(place / "bare.onnx"))
    data = data_of(place)
    cases = {
        ("good.onnx", "gone"): "compare: 'gone' is neither a file, nor an export folder, nor a study in 'runs'",
        ("good.onnx", "empty"): "compare: 'empty' holds no model.onnx",
        ("good.onnx", "best.pt"): "compare: 'best.pt' is no deployable file; export it first: yolo export",
        ("good.onnx", "good.onnx"): "data.root: neither file says which data set it is for; give data.root=...",
        ("good.onnx", "good.onnx", data, "split=test"): "split: the data set has no 'test'; it has",
        ("good.onnx", "good.onnx", data, "format=yaml"): "format: unknown choice 'yaml'",
        ("good.onnx", "good.onnx", data, "margin=much"): "margin: must be a number, got 'much'",
        ("good.onnx", "good.onnx", data, "resamples=1.5"): "resamples: must be a whole number, got '1.5'",
        ("good.onnx", "good.onnx", data, "level=2"): "level: must lie in 0.5..1",
        ("good.onnx", "good.onnx", data, "margin=0.1", "margin=0.2"): "margin: needs one value",
        ("good.onnx", "good.onnx", data, "page=empty"): "page: 'empty' is a folder",
        (
            "good.onnx",
            "good.onnx",
            data,
            "critical.rd.drop_max=0.1",
        ): "critical: the data set has no class 'rd'; nearest: red",
        (
            "good.onnx",
            "good.onnx",
            data,
            "critical.red.drop=0.1",
        ): "critical.red.drop: unknown rule 'drop'; nearest: drop_max",
        ("good.onnx", "good.onnx", data, "critical.red.drop_max=2"): "critical: drop_max must lie in 0..1",
        ("good.onnx", "good.onnx", data, "critical.drop_max=0.1"): "critical: needs a class and a rule",
        ("good.onnx", "good.onnx", data, "gate=retail"): "gate: must be true or false, got 'retail'",
        ("good.onnx", "good.onnx", data, "budgt=3"): "unknown setting 'budgt'",
        ("good.onnx", "text.onnx", data): "device=cpu: cannot load",
        ("good.onnx", "bare.onnx", data): "artifact: ",
    }
    for arguments, start in cases.items():
        assert refusal(place, *arguments).startswith(start), arguments
