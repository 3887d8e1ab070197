"""The command line: help at once, and one line for each mistake, nothing left behind.

Some run the installed script, in a process of its own: what is said of exit codes, output and imports holds there too.
"""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import optuna
import pytest
from command_line import SCRIPT, Done, automl, script

from objectives.data.dataset import Dataset
from objectives.records.paths import StudyPaths
from search.cli import main
from search.settings.compose import CONF, presets
from search.settings.settings import load_settings
from search.study.claims.kernel_locks import KernelClaims
from search.study.store import create_study, open_storage, storage_url

ReportStudy = Callable[..., optuna.Study]


def contents(folder: Path) -> dict[str, str]:
    """Return every path below a folder, files with a digest of what they hold."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def refused(*arguments: str, folder: Path, told: str, run: Callable[..., Done] = automl) -> str:
    """Run a mistaken line: exit 2, one line on standard error, and the folder as it was. Return what was told."""
    before = contents(folder)
    done = run(*arguments, folder=folder)
    first, *diff = done.stderr.splitlines() or [""]
    assert first.startswith("automl: ")
    assert told in first
    assert all(line.startswith("  ") for line in diff)
    assert done.returncode == 2
    assert done.stdout == ""
    assert contents(folder) == before
    if "was made with another" not in first:
        assert diff == []
    return done.stderr


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset, report_study: ReportStudy) -> Path:
    """A folder of two studies: `smoke`, of that preset and without trials, and `retail`, of a dozen made ones."""
    folder = tmp_path_factory.mktemp("studies")
    settings = load_settings(["conf=smoke", f"store.folder={folder}"])
    settings.folder.mkdir()
    create_study(settings, blocks, open_storage(storage_url(settings.folder, None)))
    (folder / "retail").mkdir()
    study = report_study(12, folder=folder / "retail")
    url = storage_url(folder / "retail", None)
    optuna.copy_study(from_study_name=study.study_name, from_storage=study._storage, to_storage=open_storage(url))
    return folder


@pytest.fixture
def kept_study(tmp_path: Path, studies: Path) -> Path:
    """A study of preset smoke without trials, in tmp_path / "runs"."""
    return Path(shutil.copytree(studies / "smoke", tmp_path / "runs" / "smoke"))


@pytest.fixture
def told_study(tmp_path: Path, studies: Path) -> Path:
    """A study `retail` of a dozen made trials, in tmp_path / "runs"; its trials have no files but pictures."""
    return Path(shutil.copytree(studies / "retail", tmp_path / "runs" / "retail"))


# Help


@pytest.mark.seconds
def test_help_answers_at_once(tmp_path: Path) -> None:
    """In at most twice what Python and click alone take to start; numpy alone would be more."""
    plain_s, help_s = [], []
    for _ in range(5):
        plain_s.append(cpu_s_of([sys.executable, "-c", "import click, importlib.metadata"], tmp_path))
        help_s.append(cpu_s_of([str(SCRIPT), "--help"], tmp_path))
    assert min(help_s) < 2 * min(plain_s)


def cpu_s_of(command: list[str], folder: Path) -> float:
    """Return the processor seconds of a command, which other work on the machine hardly changes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


TORCHES = {"torch", "torchvision", "timm", "ultralytics", "albumentations"}
RUNTIMES = {"onnx", "onnxruntime", "openvino", "cv2", "pycocotools"}
HEAVY = TORCHES | RUNTIMES | {"plotly", "sklearn", "scipy", "hydra"}


def loaded_by(*arguments: str, folder: Path) -> set[str]:
    """Run a command in a process of its own; return the packages that it has loaded."""
    code = (
        "import json, sys\n"
        "from search.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as done: assert not done.code\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "search" in loaded
    return loaded


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    assert not loaded_by("--help", folder=tmp_path) & (HEAVY | {"optuna", "numpy", "rich"})


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("line", ["studies", "show retail 3", "presets"])
def test_looking_loads_no_runtime(tmp_path: Path, told_study: Path, line: str) -> None:
    assert not loaded_by(*line.split(), folder=tmp_path) & HEAVY


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help(command: str, tmp_path: Path) -> None:
    done = automl(command, "-h", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: automl {command}")
    assert done.stderr == ""


@pytest.mark.parametrize(("inside", "code", "told"), [(True, -signal.SIGINT, ""), (False, 0, "told\n")])
def test_an_interrupt_while_libraries_are_imported_says_nothing(
    tmp_path: Path, inside: bool, code: int, told: str
) -> None:
    program = f"""
import signal
from search.command_line import interrupted_at_once
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored in the background
try:
    with interrupted_at_once():
        if {inside}:
            signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("told")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, told, "")


def test_the_installed_script_has_help_and_a_version(tmp_path: Path) -> None:
    assert "automl search conf=retail" in script("--help", folder=tmp_path).stdout
    assert script("--version", folder=tmp_path).stdout.startswith("automl, version ")


# Mistakes


def test_unknown_command_is_told_with_the_nearest(tmp_path: Path) -> None:
    assert refused("serch", folder=tmp_path, told="unknown command 'serch'; nearest: search")
    refused("zzz", folder=tmp_path, told=f"unknown command 'zzz'; known: {', '.join(sorted(main.commands))}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["search"], "conf: name a preset, such as conf=retail; known: defects, retail, smoke, traffic-signs"),
        (["search", "conf=retial"], "unknown preset 'retial'; nearest: retail"),
        (
            ["search", "conf=smoke", "baseline=yolo26nn"],
            "baseline: unknown detector 'yolo26nn'; nearest: yolo26n",
        ),
        (["search", "conf=smoke", "budget.trails=3"], "unknown setting 'budget.trails'; nearest: budget.trials"),
        (
            ["search", "conf=smoke", "space.backbone.name=lcnet_05"],
            "unknown network 'lcnet_05', neither timm's nor Ultralytics'",
        ),
        (["search", "conf=smoke", "space.size.pixels=choice()"], "choice: needs at least one value, got none"),
        (["search", "conf=smoke", "trial.backend=proces"], "trial.backend: unknown backend 'proces'; nearest: process"),
        (
            ["search", "conf=smoke", "trial.backend=inline", "workers=2"],
            "trial.backend: 'inline' runs 1 trial at once, got workers=2; give workers=1, or trial.backend=process",
        ),
        (["search", "conf=smoke", "--fast"], "'--fast' is not in Hydra's override grammar"),
        (["search", "conf=smoke", "--plan", "--fork", "new"], "--plan: goes with neither --fork nor --log-format json"),
        (["search", "conf=smoke", "--plan", "--log-format", "json"], "--plan: goes with neither --fork nor"),
        (["search", "conf=smoke", "--fork", ""], "name: "),
        (["search", "conf=smoke", "data.root=nowhere"], "nowhere' does not exist; name a folder with COCO JSON or"),
        (["search", "conf=smoke", "data.root=."], "found no data set that is known in '"),
        (["search", "conf=smoke", "device=openvino", "device.provider=NPX"], "device=openvino: "),
        (
            ["data", "conf=smoke", "data.format=vocs", "data.root=."],
            "data.format: 'vocs' is unknown; nearest: voc, csv, coco; known: auto, yolo, coco, voc,",
        ),
        (["train", "nowhere"], "nowhere' holds no config.yaml; make it with automl export NAME --to DIR"),
        (["report", "smoke"], "there is no 'smoke' in '"),
        (["export", "smoke", "--to", "out"], "there is no 'smoke' in '"),
        (["show", "smoke", "0"], "none was started yet"),
        (["studies"], "study: none in '"),
        (["report", "smoke", "--store", "sqlite:///typo.db"], "store: 'sqlite:///typo.db' does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_one_line_and_leaves_nothing(tmp_path: Path, arguments: list[str], told: str) -> None:
    refused(*arguments, folder=tmp_path, told=told)


@pytest.mark.slow
@pytest.mark.seconds
def test_the_installed_script_ends_a_mistake_in_the_same_way(tmp_path: Path) -> None:
    refused("search", "conf=smoke", "budget.trails=3", folder=tmp_path, told="nearest: budget.trials", run=script)
    refused("studies", folder=tmp_path, told="study: none in '", run=script)


def test_data_set_without_boxes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "images").mkdir(parents=True)
    for split in ("train", "val"):
        cv2.imwrite(str(data / "images" / f"{split}.png"), np.zeros((32, 32, 3), np.uint8))
        entry = {"id": 1, "file_name": f"{split}.png", "width": 32, "height": 32}
        card = {"images": [entry], "annotations": [], "categories": [{"id": 1, "name": "can"}]}
        (data / f"{split}.json").write_text(json.dumps(card))
    told = "holds 2 images and no box; label some, or name another folder"
    refused("search", "conf=smoke", f"data.root={data}", folder=tmp_path, told=told)


def test_unknown_split(tmp_path: Path, shelves: Path) -> None:
    told = "data.split: the data set has no 'vall'; it has"
    refused("search", "conf=smoke", f"data.root={shelves}", "data.split=vall", folder=tmp_path, told=told)


def test_store_that_cannot_be_made(tmp_path: Path, shelves: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    line = ("search", "conf=smoke", f"data.root={shelves}")
    refused(
        *line, f"store.folder={tmp_path / 'file' / 'runs'}", folder=tmp_path, told="(Not a directory); set store.fol"
    )
    refused(*line, "store.folder=/proc/runs", folder=tmp_path, told="store: cannot make '/proc/runs/smoke'")


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////nowhere/x.db"])
def test_store_that_cannot_be_opened(tmp_path: Path, shelves: Path, url: str) -> None:
    line = ("search", "conf=smoke", f"data.root={shelves}", f"store.url={url}")
    refused(*line, folder=tmp_path, told=f"store: '{url}' cannot be used (")


def test_store_that_is_damaged(tmp_path: Path, shelves: Path) -> None:
    (tmp_path / "runs" / "smoke").mkdir(parents=True)
    StudyPaths(tmp_path / "runs" / "smoke").store.write_bytes(os.urandom(5000))
    (tmp_path / "runs" / "smoke" / ".lock").touch()
    for line in (("search", "conf=smoke", f"data.root={shelves}"), ("report", "smoke"), ("studies",)):
        before = StudyPaths(tmp_path / "runs" / "smoke").store.read_bytes()
        done = automl(*line, folder=tmp_path)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "cannot be used (file is not a database)" in done.stderr
        assert StudyPaths(tmp_path / "runs" / "smoke").store.read_bytes() == before


def test_store_of_another_space(tmp_path: Path, shelves: Path, kept_study: Path) -> None:
    line = ("search", "conf=smoke", f"data.root={shelves}", "space.neck.width=24")
    KernelClaims(kept_study).close()  # the locks of an earlier search
    before = contents(tmp_path)
    done = automl(*line, folder=tmp_path)
    assert done.returncode == 2
    first, *diff = done.stderr.splitlines()
    assert first.startswith("automl: store: study 'smoke' was made with another space and data; give the old settings")
    assert "  space: neck.width: choice(16) -> choice(24)" in diff
    assert all(told.startswith("  ") for told in diff)
    assert contents(tmp_path) == before
    assert automl(*line, "--plan", folder=tmp_path).stderr == done.stderr  # it would plan another search


@pytest.fixture
def small_disk(disk_of_mb: Callable[[int], Path]) -> Path:
    return disk_of_mb(8)


def test_no_room_on_the_disk(tmp_path: Path, shelves: Path, small_disk: Path) -> None:
    line = ("search", "conf=smoke", f"data.root={shelves}", f"store.folder={small_disk / 'runs'}")
    told = refused(*line, folder=tmp_path, told="has 8 MB left, 200 are needed (store.free_mb_min)")
    assert told.startswith(f"automl: store: the disk of '{small_disk / 'runs' / 'smoke'}' ")
    assert "; free some, or set store.folder=" in told
    assert list(small_disk.iterdir()) == []


def test_export_refuses_a_folder_that_holds_something(tmp_path: Path, told_study: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    refused(
        "export", "retail", "--to", "out", folder=tmp_path, told="export: 'out' exists and is not empty; name another"
    )


def test_export_refuses_a_trial_without_files(tmp_path: Path, told_study: Path) -> None:
    refused("export", "retail", "--to", "out", folder=tmp_path, told="lacks model.yaml, model.onnx, weights.pt in")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["export", "retail", "--pick", "kne", "--to", "out"], "kne"),
        (["export", "retail", "--pick", "99", "--to", "out"], "99"),
        (["show", "retail", "99"], "trial: study 'retail' has no trial 99; its trials: 0 to 11"),
        (["report", "retial"], "there is no 'retial' in "),
        (["report", "retail", "--to", "nowhere/page.html"], "report: the folder of 'nowhere/page.html' does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_looking_for_what_is_not_there(tmp_path: Path, told_study: Path, arguments: list[str], told: str) -> None:
    refused(*arguments, folder=tmp_path, told=told)


def test_train_tells_misspelt_settings_and_another_format(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.yaml").write_text("format: 1\n")
    refused("train", "out", "epoch=3", folder=tmp_path, told="train: unknown setting 'epoch'; nearest: epochs")
    refused(
        "train",
        "out",
        "epochs=many",
        folder=tmp_path,
        told="train: epochs must be a whole number from 1 on, got 'many'",
    )
    (tmp_path / "out" / "config.yaml").write_text("format: 99\n")
    refused("train", "out", folder=tmp_path, told="has format 99, this automl reads 1")


@pytest.mark.seconds
def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = script("--debug", "search", "conf=retial", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last)")
    assert "SettingsError: conf: unknown preset 'retial'" in done.stderr


# Looking


def test_presets_lists_every_file_with_its_first_comment(tmp_path: Path) -> None:
    lines = automl("presets", folder=tmp_path).stdout.splitlines()
    files = [path for path in CONF.rglob("*.yaml") if path.stem != "base"]
    assert len(lines) == len(files)
    for preset in presets():
        comment = (CONF / f"{preset}.yaml").read_text().splitlines()[0].removeprefix("# ")
        assert f"conf={preset}  {comment}" in lines
    assert all(line.partition("  ")[2] for line in lines), "each file says what it is in its first line"


def test_studies_show_and_report(tmp_path: Path, told_study: Path) -> None:
    done = automl("studies", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert any(line.split()[:2] == ["retail", "12"] for line in done.stdout.splitlines())
    shown = automl("show", "retail", "3", folder=tmp_path)
    assert shown.stdout.startswith("trial 3 of retail: ")
    assert "backbone.name: " in shown.stdout
    told = automl("report", "retail", "--to", "page.html", folder=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert "page.html" in told.stdout
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_data_tells_what_is_in_a_data_set(tmp_path: Path, shelves: Path) -> None:
    done = automl("data", "conf=smoke", f"data.root={shelves}", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "name: shelves" in done.stdout
    assert "images: 12" in done.stdout
    assert contents(tmp_path) == {}
