"""What is read again of a study that grows is what would be read of it whole."""

from pathlib import Path

import pytest
from stored_study import StoredStudy

from search.browse.reading import StudyReading


@pytest.mark.seconds
def test_a_trials_end_changes_what_a_whole_reading_finds(tmp_path: Path) -> None:
    stored = StoredStudy(tmp_path, 30)
    again = StudyReading(stored.name, tmp_path, None)
    again.read(whole=True)
    for count in (1, 4):
        stored.add(count)
        swift = again.read(whole=False)
        assert not swift.is_whole
        (view,), (anew,) = swift.views, StudyReading(stored.name, tmp_path, None).read(whole=True).views
        ours = {row["n"]: row for row in view.payload["rows"]}
        theirs = {row["n"]: {**row, "rungs": ours[row["n"]].get("rungs")} for row in anew.payload["rows"]}
        assert {n: {"rungs": None, **row} for n, row in ours.items()} == theirs  # curves wait for the next whole one
        for name in ("front_gate", "front_objectives"):
            assert view.payload["figures"][name] == anew.payload["figures"][name]
