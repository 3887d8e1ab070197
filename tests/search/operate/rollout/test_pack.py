"""Versions: packed whole with their hashes, pointed at in one step, and their files removed when they are old."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rolled_out import later, pipeline, record, rolled_out, write_round_export

from objectives.deploy.serving.deployments import pointed_in, rolled_out_in
from search.operate.journal.facts import FactKind
from search.operate.rollout.layouts.registry import SERVING_LAYOUTS
from search.operate.rollout.pack import make_room, pack
from search.operate.rollout.pointer import announce, point, pointed
from search.operate.rollout.whole import VersionCard, check_whole
from search.settings.pipeline.rollout_checks import LAYOUT_NAMES
from spaces.errors import DataError, SettingsError, StoreError

KILLED = """
import sys
from pathlib import Path
from rolled_out import pipeline
from search.operate.rollout.pack import pack
context = pipeline(Path(sys.argv[1]), "rollout.layouts=[triton,container]")
print("ready", flush=True)
pack(context, 1)
"""


def test_a_version_holds_what_serves_and_where_it_comes_from(tmp_path: Path) -> None:
    context = pipeline(tmp_path)
    record(context, FactKind.ROUND_BEGUN, 0, why=["there is no champion"], kinds=["first"])
    record(context, FactKind.SEARCHED, 0, study="shelves-r0001", winner=3)
    record(context, FactKind.JUDGED, 0, ruling="promote")
    write_round_export(context, 1)
    assert pack(context, 1) == {"version": "v0001", "folder": str(context.paths.deployment("v0001")), "layouts": []}
    folder = context.paths.deployment("v0001")
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.yaml",
        "lineage.json",
        "model.onnx",
        "version.json",
    ]
    card = check_whole(folder)
    assert (card.name, card.round, card.classes, card.device) == ("shelves", 1, ("red", "blue"), "cpu")
    assert (card.confidence, card.measured) == (0.25, {"p50_ms": 10.0, "p95_ms": 20.0})
    assert sorted(card.files) == ["config.yaml", "lineage.json", "model.onnx"]
    lineage = json.loads((folder / "lineage.json").read_text())
    assert (lineage["study"], lineage["trial"]) == ("shelves-r0001", 3)
    of_pipeline = lineage["pipeline"]
    assert (of_pipeline["round"], of_pipeline["version"]) == (1, "v0001")
    assert of_pipeline["begun"]["why"] == ["there is no champion"]
    assert (of_pipeline["searched"]["winner"], of_pipeline["judged"]["ruling"]) == (3, "promote")


def test_packing_again_changes_nothing_and_a_changed_file_is_refused(tmp_path: Path) -> None:
    context = pipeline(tmp_path)
    write_round_export(context, 1)
    first = pack(context, 1)
    before = check_whole(context.paths.deployment("v0001"))
    shutil.rmtree(context.paths.round(1).export)
    assert pack(later(context, 5), 1) == first
    assert check_whole(context.paths.deployment("v0001")) == before
    (context.paths.deployment("v0001") / "config.yaml").write_text("changed")
    with pytest.raises(StoreError, match=r"config.yaml' is not what was packed"):
        pack(context, 1)
    (context.paths.deployment("v0001") / "config.yaml").unlink()
    with pytest.raises(StoreError, match=r"config.yaml' is missing"):
        point(context.paths, "v0001")
    with pytest.raises(StoreError, match="holds no export"):
        pack(context, 2)
    assert not context.paths.deployment("v0002").exists()


def test_the_pointer_moves_to_whole_versions_alone(tmp_path: Path) -> None:
    context = pipeline(tmp_path)
    for number in (1, 2):
        write_round_export(context, number)
        pack(context, number)
    assert pointed(context.paths) is None
    point(context.paths, "v0001")
    assert context.paths.current.readlink() == Path("v0001")  # relative: the folder may be moved, or mounted elsewhere
    point(context.paths, "v0002")
    assert (pointed(context.paths), (context.paths.current / "model.onnx").is_file()) == ("v0002", True)
    (context.paths.deployment("v0001") / "model.onnx").unlink()
    for wrong in ("v0001", "v0007"):
        with pytest.raises(StoreError, match=r"model.onnx' is missing|there is no version 'v0007'"):
            point(context.paths, wrong)
    assert pointed(context.paths) == "v0002"
    point(context.paths, None)
    assert pointed(context.paths) is None


def test_where_there_are_no_links_the_pointer_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = pipeline(tmp_path)
    write_round_export(context, 1)
    pack(context, 1)

    def refuse(*_: object) -> None:
        raise OSError("no links on this disk")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    point(context.paths, "v0001")
    assert (context.paths.current.read_text(), pointed(context.paths)) == ("v0001\n", "v0001")
    monkeypatch.undo()
    point(context.paths, "v0001")
    assert context.paths.current.is_symlink()
    context.paths.current.unlink()
    context.paths.current.symlink_to("/etc")
    assert pointed_in(context.paths.deployed) == "etc"  # a folder beside it, never one elsewhere
    context.paths.current.unlink()
    context.paths.current.write_text("../elsewhere\n")
    assert pointed(context.paths) is None


def test_servers_read_what_is_rolled_out(tmp_path: Path) -> None:
    context = pipeline(tmp_path)
    for number in (1, 2):
        write_round_export(context, number)
        pack(context, number)
    point(context.paths, "v0001")
    state = rolled_out(context, "canary")
    announce(context.paths, state.rollout)
    found = rolled_out_in(context.paths.deployed)
    assert found is not None
    assert (found.version, found.kind, found.share) == ("v0002", "canary", 0.1)
    before = context.paths.rollout.stat().st_mtime_ns
    announce(context.paths, state.rollout)
    assert context.paths.rollout.stat().st_mtime_ns == before
    point(context.paths, "v0002")  # promoted, and killed before the file went
    assert rolled_out_in(context.paths.deployed) is None
    announce(context.paths, None)
    announce(context.paths, None)
    assert not context.paths.rollout.exists()
    context.paths.rollout.write_text('{"version": "../x", "kind": "canary", "share": 0.1, "since": "2026-03-02"}')
    with pytest.raises(DataError, match="name of a folder"):
        rolled_out_in(context.paths.deployed)
    context.paths.rollout.write_text("{")
    with pytest.raises(DataError, match="damaged"):
        rolled_out_in(context.paths.deployed)


def test_old_versions_lose_their_files_but_not_their_cards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    context = pipeline(tmp_path, "rollout.keep=2")
    for number in (1, 2):
        write_round_export(context, number)
        pack(context, number)
        point(context.paths, f"v{number:04d}")
        record(context, FactKind.ROUND_BEGUN, number, number, why=[], kinds=[])
        record(context, FactKind.PROMOTED, number, number, version=f"v{number:04d}", before=None)
    (context.paths.deployed / "v0000").mkdir()  # somebody's own
    (context.paths.deployed / "v0000" / "notes.txt").write_text("mine")
    for number in (3, 4, 5):  # packed and refused by their canaries, which keep nothing
        write_round_export(context, number)
        pack(later(context, number), number)
    there = [VersionCard.of(context.paths.deployment(f"v{n:04d}")).removed_at is None for n in range(1, 6)]
    assert there == [True, True, False, True, True]  # what serves, what served before, and the two newest
    assert (context.paths.deployed / "v0000" / "notes.txt").is_file()
    assert capsys.readouterr().out == "v0003 keeps its card alone: rollout.keep=2\n"
    gone = context.paths.deployment("v0003")
    assert [path.name for path in gone.iterdir()] == ["version.json"]
    with pytest.raises(StoreError, match=r"files of version 'v0003' were removed on 2026-03-02 \(rollout.keep\)"):
        point(context.paths, "v0003")
    (gone / "model.onnx").write_bytes(b"left by a process that was killed while it removed")
    assert make_room(context) == []
    assert [path.name for path in gone.iterdir()] == ["version.json"]


def test_names_of_layouts_are_those_that_are_there() -> None:
    assert tuple(SERVING_LAYOUTS) == LAYOUT_NAMES


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("rollout.layouts=[tritn]", "rollout.layouts: unknown choice 'tritn'; nearest: triton"),
        ("rollout.kind=canry", "rollout.kind: unknown choice 'canry'; nearest: canary"),
        ("rollout.share=1.5", "rollout.share: must be 0.001 to 1, got 1.5"),
        ("rollout.keep=1", "rollout.keep: must be 2"),
        ("rollout.rules.recall_min=90", "rollout.rules.recall_min: must be 0 to 1, got 90"),
        ("rollout.rules.level=1", "rollout.rules.level: must be 0.5"),
        ("hooks.promoted='  '", "hooks.promoted: is an empty line"),
        ("hooks.timeout_s=0", "hooks.timeout_s: must be 0.1"),
    ],
)
def test_mistakes_in_the_settings_are_one_line(tmp_path: Path, override: str, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        pipeline(tmp_path, override)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_canary_cannot_be_held_to_disagreement(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs images that both versions answer"):
        pipeline(tmp_path, "rollout.kind=canary", "rollout.rules.disagree_share_max=0.1")
    pipeline(tmp_path, "rollout.kind=shadow", "rollout.rules.disagree_share_max=0.1")


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_version_is_whole_or_not_there_whenever_it_is_killed(tmp_path: Path, share: float) -> None:
    layouts = "rollout.layouts=[triton,container]"
    calm = pipeline(tmp_path / "calm", layouts)
    write_round_export(calm, 1)
    begun = time.monotonic()
    pack(calm, 1)
    whole_s = time.monotonic() - begun
    context = pipeline(tmp_path, layouts)
    write_round_export(context, 1)
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(share * whole_s)
        os.kill(process.pid, signal.SIGKILL)
    folder = context.paths.deployment("v0001")
    if folder.exists():
        check_whole(folder)
    pack(context, 1)
    check_whole(folder)
    assert sorted(path.name for path in context.paths.deployed.iterdir()) == ["v0001"]
