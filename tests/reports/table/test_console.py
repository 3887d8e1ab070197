"""Names are printed as they were written, brackets and colons too, by every command that prints some."""

import ast
import io
import shlex
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.trial import create_trial
from PIL import Image
from rich.console import Console

import reports
import search
from objectives.data.dataset import Dataset
from objectives.data.findings import Finding
from objectives.records import attributes
from objectives.records.records import Death, Ending, Outcome
from reports.table.console import labelled, open_console
from reports.table.table import read_trials
from reports.terminal import summary
from search.commands.data_set.card import run_data
from search.commands.export import run_export
from search.commands.report import run_report
from search.commands.search import _conclude, _introduce
from search.commands.show import run_show
from search.commands.studies import run_studies
from search.commands.train import Printer
from search.plan.model import SearchPlan, Timed
from search.plan.text import print_plan
from search.settings.settings import Settings, load_settings
from search.study.budget import BudgetUsed
from search.study.store import create_study, open_storage, storage_url

NAMES = ["[/red]", "crate [small]", "box <b>", ":cat: [link=x]y[/link]", "[dim]" + "long " * 30 + "name"]
STUDY = "[red]s[[] :cat:"


def test_a_console_takes_every_text_as_it_is() -> None:
    out = io.StringIO()
    console = open_console(file=out, soft_wrap=True)
    for name in NAMES:
        console.print(name)
        console.print(labelled("name", name))
    assert out.getvalue() == "".join(f"{name}\n      name  {name}\n" for name in NAMES)


def test_every_console_is_such_a_one() -> None:
    """Rich's own consoles read markup: no other file makes one, or makes a text of markup."""
    made = []
    for package in (reports, search):
        for path in Path(package.__path__[0]).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Console", "from_markup")):
                    made.append(path.name)
                if isinstance(node, ast.ImportFrom) and node.module in ("rich", "rich.markup"):
                    made += [path.name for name in node.names if name.name != "box"]
    assert made == ["console.py"]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A YOLO data set in an odd folder, with odd names of classes."""
    root = tmp_path / "data [bold]" / "[red]x :cat:"
    for split in ("train", "valid"):
        (root / split / "images").mkdir(parents=True)
        (root / split / "labels").mkdir()
        for i in range(len(NAMES)):
            Image.new("RGB", (40, 30), (90, 20 * i, 90)).save(root / split / "images" / f"{split}{i}.png")
            (root / split / "labels" / f"{split}{i}.txt").write_text(f"{i} 0.5 0.5 0.2 0.2\n")
    card = {"train": "train/images", "val": "valid/images", "names": NAMES}
    (root / "data.yaml").write_text(yaml.safe_dump(card))
    return root


def test_the_data_card_shows_names_as_written(labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_data(["conf=smoke", f"data.root={labels}"])
    text = capsys.readouterr().out
    assert yaml.safe_load(text)["classes"] == NAMES
    assert f"root: '{labels}'\n" in text or f"root: {labels}\n" in text
    for name in NAMES:
        assert name in [line.removeprefix("- ").strip("'") for line in text.splitlines()]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(["conf=smoke", f"name={STUDY}", f"store.folder={tmp_path / 'runs [b] %20'}"])


@pytest.fixture
def study(settings: Settings, blocks: Dataset) -> optuna.Study:
    """A study of an odd name with one made trial of odd texts."""
    settings.folder.mkdir(parents=True)
    made = create_study(settings, blocks, open_storage(storage_url(settings.folder, None)))
    death = Death("[/tail] of the log")
    told = {
        attributes.CANDIDATE: {"backbone.name": "[bold]net[[]", "size.pixels": 64},
        attributes.FOLDER: "trials/00000",
        attributes.ENDING: Ending(Outcome.FINISHED, "trained to [its] end").to_json(),
        attributes.ATTEMPTS: [Ending(Outcome.FAILED, "why [/x]", "error", death).to_json()],
    }
    made.add_trial(create_trial(values=[0.5, 3.0], user_attrs=told))
    return made


@pytest.mark.seconds
def test_commands_that_look_show_names_as_written(
    study: optuna.Study, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(settings.folder.parent)
    run_studies(folder, None)
    assert f"  {STUDY} " in capsys.readouterr().out
    run_show(STUDY, 0, folder, None)
    text = capsys.readouterr().out
    assert text.startswith(f"trial 0 of {STUDY}: finished, on the front\n")
    for told in ("backbone.name: [bold]net[[]\n", "trained to [its] end\n", "why [/x]\n", "| [/tail] of the log\n"):
        assert told in text
    assert f"    folder  {settings.folder / 'trials/00000'}\n" in text
    run_report(STUDY, folder, None, None)
    text = capsys.readouterr().out
    assert text.startswith(f"Study {STUDY}\n")
    assert "".join(str(settings.folder / "report.html").split()) in "".join(text.split())  # wrapped, at a blank or not
    assert "[bold]net[[]" in text


def test_the_summary_needs_no_console_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    candidate = {"backbone.name": "[b]n", "size.pixels": "[b]p", "head.kind": "[b]h"}
    trial = create_trial(values=[0.5, 3.0], user_attrs={attributes.CANDIDATE: candidate})
    Console(width=80).print(summary(read_trials(STUDY, [trial], {}), Path("/[b]/:cat:")))
    text = capsys.readouterr().out
    assert f"Study {STUDY}\n" in text
    assert "Report: /[b]/:cat:\n" in text
    assert {"[b]n", "[b]p", "[b]h"} <= set(text.split())


def test_a_search_introduces_its_names_as_written(
    settings: Settings, blocks: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    found = (Finding("classes.unused", 1, ("[/red]",)),)
    _introduce(open_console(), settings, replace(blocks, name="[/x] :cat:", findings=found))
    text = capsys.readouterr().out
    assert f"  study  {STUDY} in {settings.folder}, gate no gate\n" in text
    assert "   data  [/x] :cat:: 48 train, 48 val images, 2 classes\n" in text
    assert "[/red]" in text


def test_a_search_ends_with_lines_to_paste(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    table = read_trials(STUDY, [create_trial(values=[0.5, 3.0])], {})

    def pasted(settings: Settings, interrupted: bool = False) -> list[str]:
        arguments = ["conf=smoke", f"name={STUDY}"]
        _conclude(open_console(), settings, table, BudgetUsed(1, 1.0, ()), arguments, interrupted)
        (told,) = capsys.readouterr().out.splitlines()
        return shlex.split(told.partition(": ")[2].partition(" && ")[0])

    folder, pick = ["--folder", str(settings.folder.parent)], ["--pick", "best", "--to", "out"]
    assert pasted(settings) == ["automl", "export", STUDY, *folder, *pick]
    assert pasted(settings, interrupted=True) == ["automl", "search", "conf=smoke", f"name={STUDY}"]
    url = "postgresql://me:secret@db/x y"
    elsewhere = replace(settings, name="-s", store=replace(settings.store, url=url))
    store = ["--store", "postgresql://me:***@db/x y"]
    assert pasted(elsewhere) == ["automl", "export", *folder, *store, *pick, "--", "-s"]


def test_a_plan_shows_names_as_written(settings: Settings, blocks: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    timed = Timed({"backbone.name": "[b]n", "size.pixels": 64}, 1.0, 1.0, 10**6, 10**8)
    plan = SearchPlan((timed,), refused=("[/x]: error: [/why]",), notes=("[/note]",), artifact_bytes=10**6)
    print_plan(Console(width=200), plan, settings, blocks)
    text = capsys.readouterr().out
    for told in ("[b]n", "warning: could not be timed: [/x]: error: [/why]\n", "warning: [/note]\n"):
        assert told in text


def test_training_shows_texts_as_written(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(open_console(soft_wrap=True), 2)
    printer.stage("[/stage]")
    printer.warning("no hub for '[/net]' :cat:")
    assert capsys.readouterr().out == "[/stage]\nwarning: no hub for '[/net]' :cat:\n"


@pytest.mark.slow
def test_an_export_ends_with_lines_to_paste(
    study: optuna.Study, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = settings.folder / "trials" / "00000"
    trial.mkdir(parents=True)
    for name in ("model.onnx", "weights.pt", "detections.jpg"):
        (trial / name).touch()
    (trial / "model.yaml").write_text(yaml.safe_dump({"backbone": [], "head": []}))
    (trial / "arguments.yaml").write_text(yaml.safe_dump({"epochs": 4, "warmup_epochs": 1, "close_mosaic": 1}))
    out = tmp_path / "out [/x] it's"
    run_export(STUDY, str(settings.folder.parent), None, "0", str(out))
    written, train, ultralytics, *_ = capsys.readouterr().out.splitlines()
    assert written.endswith(f" written to {out}")
    assert shlex.split(train.partition(": ")[2]) == ["automl", "train", str(out)]
    assert shlex.split(ultralytics.partition(": ")[2]) == [
        *("yolo", "detect", "train", f"cfg={out / 'train_arguments.yaml'}"),
        *(f"model={out / 'model.yaml'}", "data=YOUR/data.yaml"),
    ]
