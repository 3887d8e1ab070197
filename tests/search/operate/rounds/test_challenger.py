"""Which detector is held against the champion: the best on both sets, of small real files; never that itself."""

from dataclasses import replace
from pathlib import Path

import pytest
from round_pipeline import pipeline, state_after
from stored_study import StoredStudy
from window_detector import GOOD, POOR, write_windows

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.records.study_parts.carried import CarriedRecord
from objectives.weights.shelf import sha256_of
from reports.table.table import StudyTable
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState
from search.operate.rounds.challenger import Offered, choose_challenger
from search.operate.rounds.line import SearchLine
from search.operate.rounds.search_again import round_of
from search.study.read import read_study
from spaces.errors import AutomlError

LINE = SearchLine("shelf-r0002", ("search", "conf=smoke", "name=shelf-r0002"), {}, "")


class SecondRound:
    """A round whose study has some detectors, as good as they are asked to be, on the frozen set."""

    def __init__(self, place: Path, blocks: Dataset, maps: tuple[float, ...], **gates: object) -> None:
        self.context: OperateContext = pipeline(place, {"gates": gates} if gates else {})
        few = replace(blocks, splits={"train": blocks.splits["train"][:2], "val": blocks.splits["val"][:12]})
        lay_out(few, place / "recent")
        (recent,) = [path for path in (place / "recent").iterdir() if path.is_dir()]
        study = StoredStudy(self.context.paths.runs, 0, LINE.study)
        self.numbers = [study.add_finished() for _ in maps]
        deployed = self.context.paths.deployment("v0001")
        deployed.mkdir(parents=True)
        self.champion = write_windows(deployed / "model.onnx", GOOD[:6])
        version = {"folder": "", "recent": str(recent), "frozen": ""}
        self.state: PipelineState = state_after(
            (FactKind.PROMOTED, 1, {"version": "v0001", "before": None}),
            (FactKind.ROUND_BEGUN, 2, {}),
            (FactKind.VERSION_MADE, 2, {"data": version}),
        )
        self.maps = dict(zip(self.numbers, maps, strict=True))

    def table(self, carried: int | None = None) -> StudyTable:
        """Return the study, with the figures that were asked for; one trial may be the champion, carried along."""
        table = read_study(LINE.study, self.context.paths.runs)
        rows = []
        for row in table.rows:
            if row.number in self.maps:
                row = replace(row, map=self.maps[row.number], passes_gate=True)
            if row.number == carried:
                record = CarriedRecord("v0001", "shelf-r0001:3", sha256_of(self.champion), "", ["red", "blue"], {})
                row = replace(row, carried=record)
            rows.append(row)
        return replace(table, rows=tuple(rows))

    def write(self, number: int, windows: tuple[tuple[int, int], ...]) -> None:
        """Write the file of a trial."""
        row = next(row for row in self.table().rows if row.number == number)
        folder = self.context.paths.runs / LINE.study / str(row.folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_windows(folder / "model.onnx", windows)

    def chosen(self, table: StudyTable) -> tuple[int, tuple[Offered, ...]]:
        row, offered = choose_challenger(self.context, self.state, round_of(self.state, 2), LINE, table)
        return row.number, offered


@pytest.mark.seconds
def test_who_is_better_on_the_recent_set_is_chosen_over_who_is_a_little_better_on_the_frozen_one(
    tmp_path: Path, blocks: Dataset
) -> None:
    one = SecondRound(tmp_path, blocks, (0.40, 0.38))
    old, new = one.numbers
    one.write(old, POOR)
    one.write(new, GOOD)
    number, offered = one.chosen(one.table())
    assert number == new
    recent = {of.number: of.map_recent for of in offered}
    assert recent[new] is not None
    assert recent[old] is not None
    assert recent[new] > recent[old] + 0.1
    ignored = replace(one.context.settings.gates, on_recent="ignored")
    one.context = replace(one.context, settings=replace(one.context.settings, gates=ignored))
    assert one.chosen(one.table()) == (old, (Offered(old, 0.40, None), Offered(new, 0.38, None)))


@pytest.mark.seconds
def test_the_champion_that_was_carried_along_is_no_challenger(tmp_path: Path, blocks: Dataset) -> None:
    one = SecondRound(tmp_path, blocks, (0.9, 0.3))
    best, other = one.numbers
    assert one.chosen(one.table(carried=best))[0] == other
    alone = one.table(carried=best)
    alone = replace(alone, rows=tuple(row for row in alone.rows if row.number != other))
    with pytest.raises(AutomlError, match="but the champion itself"):
        one.chosen(alone)


@pytest.mark.seconds
def test_files_that_went_for_room_leave_the_frozen_set_alone_to_choose(tmp_path: Path, blocks: Dataset) -> None:
    one = SecondRound(tmp_path, blocks, (0.40, 0.38))
    one.write(one.numbers[1], GOOD)
    number, offered = one.chosen(one.table())
    assert number == one.numbers[0]
    assert [of.map_recent for of in offered] == [None, None]
