"""`automl show STUDY`: one screen with winner, gate, front and lines to type next; plain where piped."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from command_line import automl

from objectives.records.gate import Gate
from reports.table.table import StudyTable, read_study
from search.commands.show import run_show
from search.commands.shown.next_lines import export_line
from search.study.requests.act import act
from search.study.store import open_storage, storage_url


@pytest.fixture
def stored(tmp_path: Path, report_study: Callable[..., optuna.Study]) -> Callable[..., StudyTable]:
    """Maker of a study `retail` of made trials in tmp_path/runs."""

    def make(trials: int, **more: object) -> StudyTable:
        made = report_study(trials, **more)
        (tmp_path / "runs" / "retail").mkdir(parents=True)
        storage = open_storage(storage_url(tmp_path / "runs" / "retail", None))
        optuna.copy_study(from_study_name="retail", from_storage=made._storage, to_storage=storage)
        return read_study(made)

    return make


def test_one_screen_answers_what_to_ship_and_how(stored: Callable[..., StudyTable], tmp_path: Path) -> None:
    table = stored(40, families=1, children=6)
    done = automl("show", "retail", folder=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "\x1b" not in done.stdout
    assert max(map(len, lines)) <= 80
    assert lines[0] == "Study retail  gate mAP50 >= 0.62 and p95 <= 10 ms"
    winner = max((row for row in table.finished if row.passes_gate), key=lambda row: row.map or 0)
    assert lines[1].startswith(f"★ trial {winner.number} meets the gate: mAP50 {winner.map50:.3f}, p95 ")
    assert ">= 0.62: kept" in lines[2]
    assert f"{len(table.rows)} trials: {table.counts['finished']} finished" in done.stdout
    assert "mAP50 over p95" in done.stdout
    assert f"{winner.number}: {winner.map50:.3f} at" in done.stdout
    assert "   to get it  automl export retail --pick gate --to out && automl train out" in lines
    assert f"      why it  automl show retail {winner.number}" in lines
    assert "in a browser  automl browse retail" in lines
    listed = next(line for line in lines if line.split()[:1] == [str(winner.number)])
    figures = f"{winner.map:.3f}  {winner.map50:.3f}  {winner.p50_ms:.2f} ms  {winner.p95_ms:.2f} ms   yes"
    assert listed.rstrip().endswith(figures)


def test_without_a_gate_the_best_is_picked_and_small_studies_are_shown(
    stored: Callable[..., StudyTable], tmp_path: Path
) -> None:
    table = stored(6, gate=Gate())
    text = automl("show", "retail", folder=tmp_path).stdout
    assert "no gate is set" in text
    assert "automl export retail --pick best --to out" in text
    assert f"trial {max(table.finished, key=lambda row: row.map or 0).number}" in text


def test_a_study_in_which_nothing_has_finished_claims_nothing(
    stored: Callable[..., StudyTable], tmp_path: Path
) -> None:
    stored(0)
    text = automl("show", "retail", folder=tmp_path).stdout
    assert "no trial has finished yet" in text
    assert "export" not in text


def test_a_paused_study_says_who_paused_it_and_how_it_goes_on(
    stored: Callable[..., StudyTable], tmp_path: Path
) -> None:
    stored(6)
    act("retail", str(tmp_path / "runs"), None, {"action": "pause"})
    lines = automl("show", "retail", folder=tmp_path).stdout.splitlines()
    assert any(line.startswith("    just now  paused by ") for line in lines)
    assert "    to go on  automl continue retail" in lines
    act("retail", str(tmp_path / "runs"), None, {"action": "continue"})
    assert "paused by" not in automl("show", "retail", folder=tmp_path).stdout


@pytest.mark.parametrize(("encoding", "colours"), [("ascii", False), ("latin-1", False), ("utf-8", True)])
def test_terminals_without_unicode_get_ascii_and_no_color_is_kept_to(
    stored: Callable[..., StudyTable],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    colours: bool,
) -> None:
    stored(20)

    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    raw = io.BytesIO()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", Terminal(raw, encoding=encoding, write_through=True))
    run_show("retail", None, str(tmp_path / "runs"), None)
    text = raw.getvalue().decode(encoding)
    assert ("\x1b[36m" in text or "\x1b[1;36m" in text) is colours
    assert text.isascii() is (encoding != "utf-8")
    assert "mAP50 over p95" in text
    assert os.environ.get("NO_COLOR") == (None if colours else "1")


def test_the_line_to_export_names_folder_and_store_where_they_are_not_the_usual_ones(tmp_path: Path) -> None:
    gate = Gate(p95_ms_max=10.0)
    assert export_line("s", "runs", None, gate).startswith("automl export s --pick gate --to out && ")
    elsewhere = export_line("-s", "/data/runs", "postgresql+psycopg://u:secret@db/automl", gate)
    assert elsewhere.startswith("automl export --folder /data/runs --store ")
    assert "secret" not in elsewhere
    assert elsewhere.endswith("--pick gate --to out -- -s && automl train out")
