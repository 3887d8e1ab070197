"""A study in a notebook: tables as DataFrames with units in their columns, figures as Plotly objects, the example."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import reports
from objectives.records.gate import Gate
from reports.notebook.figures import FIGURE_KINDS, FigureKind
from reports.notebook.values import FIGURES_OF_A_TRIAL, TRIAL_COLUMNS, trial_values
from reports.table.table import StudyTable
from spaces.errors import AutomlError

EXAMPLE = Path(reports.__file__).parents[1] / "docs" / "notebook.ipynb"
UNITS = ("_ms", "_s", "_mb", "_per_s")


@pytest.fixture(scope="module")
def table(report_table: Callable[..., StudyTable]) -> StudyTable:
    return report_table(60, reasons=True, families=1)


def test_the_front_is_a_frame_in_its_order(table: StudyTable) -> None:
    frame = reports.frame(table, "front")
    assert list(frame.index) == [row.number for row in table.front]
    assert list(frame["p50_ms"]) == [row.p50_ms for row in table.front]
    assert frame["map"].is_monotonic_increasing
    assert frame["on_front"].all()
    assert frame.attrs["study"] == table.name


def test_all_trials_are_a_frame_with_a_column_for_each_choice(table: StudyTable) -> None:
    frame = reports.frame(table, "trials")
    assert list(frame.index) == [row.number for row in table.rows]
    assert list(frame.columns[: len(TRIAL_COLUMNS)]) == list(TRIAL_COLUMNS)
    for row in table.rows:
        said = frame.loc[row.number]
        assert said["standing"] == row.standing
        assert said["size.pixels"] == row.candidate["size.pixels"]
        assert (said["map"] == row.map) or (row.map is None and said["map"] != said["map"])
    kinds = frame.dtypes.astype(str)
    assert {kinds[name] for name in ("map", "p50_ms", "file_mb", "training_s")} == {"float64"}
    assert (kinds["epochs"], kinds["on_front"]) == ("Int64", "boolean")


def test_rungs_are_a_frame_by_trial_and_epoch(table: StudyTable) -> None:
    frame = reports.frame(table, "rungs")
    assert frame.index.names == ["trial", "epoch"]
    assert list(frame["map"]) == [rung.map for row in table.rows for rung in row.rungs]


def test_a_study_without_trials_has_the_same_columns() -> None:
    empty = StudyTable("nothing", ())
    for what in ("front", "trials"):
        assert list(reports.frame(empty, what).columns) == list(TRIAL_COLUMNS)
    assert reports.frame(empty, "rungs").empty


def test_passing_a_gate_is_unknown_where_there_is_none(table: StudyTable) -> None:
    assert trial_values(table.front[0], Gate())["passes_gate"] is None
    assert trial_values(table.front[0], table.gate)["passes_gate"] == table.front[0].passes_gate


def test_measured_quantities_have_their_units_in_their_names() -> None:
    shares = {"map", "map50", "f1", "precision", "recall"}
    counts = {"parameters", "multiply_adds", "epochs"}
    assert {name for name in FIGURES_OF_A_TRIAL if not name.endswith(UNITS)} == shares | counts


@pytest.mark.parametrize("what", FIGURE_KINDS)
def test_each_figure_is_plotlys_with_a_title(table: StudyTable, what: FigureKind) -> None:
    import plotly.graph_objects as go

    figure = reports.figure(table, what)
    assert isinstance(figure, go.Figure)
    assert figure.layout.title.text.startswith(f"{table.name}: ")
    assert sum(len(trace.x) for trace in figure.data) > 0


def test_what_is_unknown_or_missing_is_one_line(table: StudyTable, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: Any = "fronts"
    with pytest.raises(AutomlError, match="frame: unknown table 'fronts'; nearest: front"):
        reports.frame(table, wrong)
    with pytest.raises(AutomlError, match="figure: unknown figure 'fronts'; nearest: front"):
        reports.figure(table, wrong)
    with pytest.raises(AutomlError, match="has no 'npu'"):
        reports.frame(table, device="npu")
    with pytest.raises(AutomlError, match="has no finished trial yet"):
        reports.figure(StudyTable("nothing", ()), "classes")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(AutomlError, match=r"pandas is not installed .*; pip install 'automl\[notebook\]'"):
        reports.frame(table)


def test_markup_in_a_study_s_name_shows_as_text(table: StudyTable) -> None:
    import dataclasses

    named = dataclasses.replace(table, name="<b>&</b>")
    assert reports.figure(named, "curves").layout.title.text.startswith("&lt;b>&amp;&lt;/b>: ")


def test_the_example_holds_no_outputs() -> None:
    import nbformat

    notebook = nbformat.read(EXAMPLE, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.timeout(1800)  # two real trainings
@pytest.mark.filterwarnings("default")  # of Jupyter's own parts
def test_the_example_runs_and_shows_tables_and_figures(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(EXAMPLE, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [set(out["data"]) for cell in notebook.cells for out in cell.get("outputs", ()) if "data" in out]
    assert sum("text/html" in kinds and "text/plain" in kinds for kinds in shown) >= 3
    assert sum("application/vnd.plotly.v1+json" in kinds for kinds in shown) == 2
    assert not [out for cell in notebook.cells for out in cell.get("outputs", ()) if out["output_type"] == "error"]
    assert (tmp_path / "runs" / "smoke" / "study.sqlite3").exists()
