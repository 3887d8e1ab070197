"""The terminal's summary at 80 columns, plain."""

import io
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from rich.console import Console

from objectives.records import attributes
from objectives.records.failures import Failure
from objectives.records.gate import Gate
from objectives.records.records import Ending, Outcome
from reports.table.table import StudyTable, read_study, read_trials
from reports.table.words import duration, ms, number, short_name, size, smaller_batch
from reports.terminal import ROWS_MAX, summary


def printed(table: StudyTable, page: Path | None = None) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(summary(table, page))
    return out.getvalue()


@pytest.mark.seconds
def test_a_whole_study(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(140))
    text = printed(table, Path("/studies/retail/report.html"))
    assert "meets the gate" in text
    assert "140 trials:" in text
    assert "Report: /studies/retail/report.html" in text
    assert "diverged: loss became NaN" in text
    assert "\x1b" not in text  # no terminal, no colours
    assert max(len(line) for line in text.splitlines()) <= 80
    header = next(line for line in text.splitlines() if line.startswith("trial"))
    assert header.split() == [
        "trial",
        "backbone",
        "px",
        "head",
        "mAP",
        "mAP50",
        "p50",
        "ms",
        "p95",
        "ms",
        "gate",
    ]
    for row in table.front:
        assert any(line.split()[:1] == [str(row.number)] for line in text.splitlines())


def test_deaths_and_smaller_batches_are_told(report_study: Callable[..., optuna.Study]) -> None:
    study = report_study(140, deaths=True)
    number = read_study(study).front[1].number
    trials = study.get_trials()
    trials[number].user_attrs[attributes.ATTEMPTS] = [
        Ending(Outcome.FAILED, "no memory left", Failure.OUT_OF_DEVICE_MEMORY).to_json()
    ]
    text = printed(read_trials("retail", trials, study.user_attrs))
    lines = [line.rstrip() for line in text.splitlines()]
    assert f"* trained with a smaller batch after out of memory: trial {number} batch 4 × 2" in lines
    assert any(line.split()[:1] == [f"{number}*"] for line in lines)
    assert "     –  out of device memory: no memory left" in lines
    assert "        1 death after which the trial was taken up again" in lines
    assert "        narrow train.lr0 to lower values" in lines
    assert max(map(len, lines)) <= 80


def test_children_are_marked_and_said_to_be_chosen(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(20, families=2, children=10))
    text = printed(table)
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 80
    trainings, looked = len(table.trainings), sum(family.only_looked_at for family in table.families)
    assert f"{len(table.finished)} detectors scored from {trainings} trainings, {looked} more looked at" in lines
    assert any(line.startswith("40 trials, 20 of them children: ") for line in lines)
    assert any(row.is_child for row in table.front)
    for row in table.front:
        start = [str(row.number), "of", str(row.parent)] if row.is_child else [str(row.number)]
        found = next(line.split() for line in lines if line.split()[:1] == [str(row.number)])
        assert found[: len(start)] == start
        assert row.is_child or found[1] != "of"
    child = next(row for row in table.front if row.is_child)
    legend = f"{child.number} of {child.parent}: trial {child.number}, cut from the network of trial {child.parent}"
    assert f"{legend} and not trained itself" in lines
    told = " ".join(lines)
    assert "20 children were chosen from 68 by mAP on the very images that their figures are of" in told
    assert " of " not in "".join(line[:12] for line in printed(read_study(report_study(20))).splitlines()[4:])


@pytest.mark.seconds
def test_a_long_front_keeps_its_ends_and_the_winner(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(1500))
    assert len(table.front) > ROWS_MAX
    text = printed(table)
    assert f"({ROWS_MAX - 1} of {len(table.front)})" in text or f"({ROWS_MAX} of {len(table.front)})" in text
    for row in (table.front[0], table.front[-1]):
        assert any(line.split()[:1] == [str(row.number)] for line in text.splitlines())


@pytest.mark.parametrize("trials", [0, 1, 2, 5])
def test_small_studies(report_study: Callable[..., optuna.Study], trials: int) -> None:
    assert "Study retail" in printed(read_study(report_study(trials, gate=Gate())))


def test_markup_in_names_is_text() -> None:
    trial = optuna.trial.create_trial(
        values=[0.5, 3.0], user_attrs={"automl.candidate": {"backbone.name": "[red]x[/]"}}
    )
    assert "[red]x[/]" in printed(read_trials("[b]s", [trial], {}))


def test_numbers_in_words() -> None:
    assert [number(value) for value in (0.4567, 9.68, 9.999, 12.34, 123.4, 1234.5)] == [
        "0.46",
        "9.68",
        "10.00",
        "12.3",
        "123",
        "1,234",
    ]
    assert [duration(value) for value in (3.21, 48, 125, 11520, 200_000)] == [
        "3.2 s",
        "48 s",
        "2 min",
        "3 h 12 min",
        "2 d 7 h",
    ]
    assert [size(value) for value in (310e6, 1e9, 3.94e9, 12e9)] == ["310 MB", "1.0 GB", "3.9 GB", "12 GB"]
    assert [smaller_batch(*told) for told in ((8, 1), (8, 2), (1, 2), (None, 2))] == [
        "",
        "batch 4 × 2",
        "batch 1 × 2",
        "batch ÷ 2",
    ]
    assert (ms(None), ms(2.0), short_name("timm/resnet18.a1_in1k")) == ("–", "2.00 ms", "resnet18")
