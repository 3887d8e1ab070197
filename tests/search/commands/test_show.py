"""`show` in words, out of a store on disk."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from objectives.records import attributes
from objectives.records.gate import Gate
from objectives.records.records import Outcome, Proposal
from reports.analysis.deaths import deaths
from reports.analysis.reasons import reasons
from reports.table.families import differences
from reports.table.gate_words import bound_lines
from reports.table.kin.family_words import family_words
from reports.table.table import StudyTable, read_study
from reports.table.words import duration, ms
from search.commands.show import run_show
from search.commands.studies import run_studies
from search.study.store import open_storage, storage_url


@pytest.fixture
def reasoned(tmp_path: Path, report_study: Callable[..., optuna.Study]) -> StudyTable:
    """A study `retail` of made trials with reasons and deaths, in tmp_path."""
    made = report_study(40, reasons=True, deaths=True)
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


@pytest.mark.seconds
def test_a_finished_trial_tells_its_reasons(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(r for r in reasoned.finished if r.proposal and r.proposal.role == "gain" and not r.attempts)
    text = shown(row.number, tmp_path, capsys)
    assert text.startswith(f"trial {row.number} of retail: finished")
    for reason in reasons(row):
        assert f"  {reason.text}\n" in text
    assert text.count("      held  ") == 1  # a label is written once
    assert "     ended  trained to the end" in text


def test_a_finished_trial_shows_what_it_finds_as_deployed_and_has_of_each_bound(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(row for row in reasoned.finished if row.accuracy)
    text = shown(row.number, tmp_path, capsys)
    assert row.accuracy is not None
    assert f"at confidence 0.25: F1 {row.accuracy.f1:.3f}, precision {row.accuracy.precision:.3f}, recall" in text
    for line in bound_lines(row, reasoned.gate):
        assert str(line) in text
    assert "   machine  NVIDIA A100, 2.5 GB of its memory at most\n" in text
    assert ">= 0.62: " in text


@pytest.mark.seconds
def test_a_paused_trial_tells_where_it_waits(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(row for row in reasoned.rows if row.paused)
    text = shown(row.number, tmp_path, capsys)
    assert text.startswith(f"trial {row.number} of retail: paused at epoch {row.rungs[-1].epoch}\n")
    assert "pause: a better use of the time waits" in text
    assert "ended" not in text


@pytest.mark.seconds
def test_a_failed_trial_tells_how_it_died(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(row for row in reasoned.rows if row.outcome is Outcome.FAILED)
    (death,) = deaths(row)
    text = shown(row.number, tmp_path, capsys)
    assert f"    failed  {death.cause}\n            {death.resources}\n            {death.sequel}\n" in text
    for line in death.log.splitlines():
        assert f"            | {line}\n" in text
    assert "ended" not in text  # the cause says it


@pytest.mark.seconds
def test_an_earlier_attempt_a_smaller_batch_a_copy_and_removed_files_are_told(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    retried = next(row for row in reasoned.rows if row.smaller_batch)
    text = shown(retried.number, tmp_path, capsys)
    assert "     batch  batch 4 × 2, after out of memory: loaded in parts, gradients added up\n" in text
    assert f" attempt 1  out of memory: {retried.attempts[0].reason}\n" in text
    assert "            taken up again with batch 4 × 2\n" in text
    copied = next(row for row in reasoned.rows if row.forked_from is not None)
    assert f"    copied  from trial {copied.forked_from} of aisle\n" in shown(copied.number, tmp_path, capsys)
    removed = next(row for row in reasoned.rows if row.removed)
    text = shown(removed.number, tmp_path, capsys)
    assert "   removed  weights.pt, model.onnx, detections.jpg, to keep the folder under store.size_mb_max\n" in text


@pytest.mark.seconds
def test_brackets_in_a_reason_are_text(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(reasoned.rows[-1].number, tmp_path, capsys)
    assert "(sampler x): [bold]near[/] [0.1, 2]" in text


@pytest.fixture
def with_families(tmp_path: Path, report_study: Callable[..., optuna.Study]) -> StudyTable:
    """A study `retail` of made trials and two families, in tmp_path."""
    made = report_study(20, families=2, children=6)
    (tmp_path / "retail").mkdir()
    storage = open_storage(storage_url(tmp_path / "retail", None))
    optuna.copy_study(from_study_name="retail", from_storage=made._storage, to_storage=storage)
    return read_study(made)


@pytest.mark.seconds
def test_a_child_tells_its_parent_its_choice_and_what_differs(
    with_families: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    family = with_families.families[0]
    child = family.children[0]
    assert family.parent is not None
    text = shown(child.number, tmp_path, capsys)
    assert f"     child  of trial {family.number}: cut from its weights, and not trained itself\n" in text
    assert "    chosen  chosen from 18 on the very images that its figures are of: optimistic\n" in text
    for item in differences(child, family.parent):
        assert f"  {item.name} {item.child} (parent {item.parent})\n" in text
    assert " on 240 images (child)\n" in text
    assert ", by the quick protocol\n" in text
    text = shown(family.number, tmp_path, capsys)
    assert f"    family  {family_words(family)}" in text
    assert " on 240 images (trained)\n" in text


@pytest.mark.seconds
def test_the_list_of_studies_says_whose_its_figures_are(
    with_families: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    run_studies(str(tmp_path), None)
    line = next(line for line in capsys.readouterr().out.splitlines() if "retail" in line)
    assert "20 + 12 children" in line
    fastest, best = with_families.front[0], with_families.front[-1]
    assert f"{best.map:.3f}{' (child)' if best.is_child else '  '}" in line
    assert fastest.is_child
    assert f"{ms(fastest.p50_ms)} (child)" in line
    trained_s = sum(row.seconds or 0.0 for row in with_families.rows if not row.is_child)
    assert f" {duration(trained_s)} " in line


@pytest.mark.seconds
def test_figures_of_few_or_noisy_values_are_called_rough(
    reasoned: StudyTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unstable = next(row for row in reasoned.finished if not row.stable and row.latency)
    assert unstable.latency is not None
    assert f"     rough  ≈ p50 is unstable: {unstable.latency.note}\n" in shown(unstable.number, tmp_path, capsys)
    settled = next(row for row in reasoned.finished if row.stable and row.accuracy)
    assert "rough" not in shown(settled.number, tmp_path, capsys)


@pytest.mark.seconds
def test_no_gate_is_not_met(
    tmp_path: Path, report_study: Callable[..., optuna.Study], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "open").mkdir()
    storage = open_storage(storage_url(tmp_path / "open", None))
    made = report_study(6, gate=Gate())
    optuna.copy_study(from_study_name="retail", from_storage=made._storage, to_storage=storage, to_study_name="open")
    run_studies(str(tmp_path), None)
    line = next(line for line in capsys.readouterr().out.splitlines() if " open " in line)
    assert "met" not in line
    assert " – " in line
