"""`show` in words, out of a store on disk."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from objectives import attributes
from objectives.records import Proposal
from reports.reasons import reasons
from reports.table import StudyTable, read_study
from search.command_look import run_show
from search.store import open_storage, storage_url


@pytest.fixture
def reasoned(tmp_path: Path, report_study: Callable[..., optuna.Study]) -> StudyTable:
    """A study `retail` of made trials with reasons, in tmp_path."""
    made = report_study(24, reasons=True)
    made.add_trial(
        optuna.trial.create_trial(
            values=[0.5, 3.0],
            user_attrs={attributes.PROPOSAL: Proposal("gain", "x", "[bold]near[/] [0.1, 2]").to_json()},
        )
    )
    (tmp_path / "retail").mkdir()
    storage = open_storage(storage_url(tmp_path / "retail", None))
    optuna.copy_study(from_study_name="retail", from_storage=made._storage, to_storage=storage)
    return read_study(made)


def shown(number: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    run_show("retail", number, str(folder), None)
    return capsys.readouterr().out


def test_a_finished_trial_tells_its_reasons(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(row for row in reasoned.finished if row.proposal and row.proposal.role == "gain")
    text = shown(row.number, tmp_path, capsys)
    assert text.startswith(f"trial {row.number} of retail: finished")
    for reason in reasons(row):
        assert f"  {reason.text}\n" in text
    assert text.count("      held  ") == 1  # a label is written once
    assert "     ended  trained to the end" in text


def test_a_paused_trial_tells_where_it_waits(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(row for row in reasoned.rows if row.paused)
    text = shown(row.number, tmp_path, capsys)
    assert text.startswith(f"trial {row.number} of retail: paused at epoch {row.rungs[-1].epoch}\n")
    assert "pause: a better use of the time waits" in text
    assert "ended" not in text


def test_brackets_in_a_reason_are_text(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(reasoned.rows[-1].number, tmp_path, capsys)
    assert "(sampler x): [bold]near[/] [0.1, 2]" in text
