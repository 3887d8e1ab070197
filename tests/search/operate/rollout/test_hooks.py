"""Hooks: real shell lines, that read the fact, fail, hang, and never end a look."""

import json
import time
from pathlib import Path

import psutil
import pytest
from rolled_out import pipeline

from search.operate.context import OperateContext
from search.operate.journal.facts import Fact, FactKind
from search.operate.rollout.hooks import HOOKS, call_hook


def fact(context: OperateContext) -> Fact:
    return context.journal.record(FactKind.PROMOTED, context.now, {"version": "v0002", "before": "v0001"}, 2)


def hooked(folder: Path, line: str, *more: str) -> OperateContext:
    return pipeline(folder, f"hooks.promoted={json.dumps(line)}", *more)


def test_a_hook_is_given_the_fact(tmp_path: Path) -> None:
    line = f"cat > {tmp_path}/fact.json; env > {tmp_path}/env.txt; echo ${{AUTOML_VERSION}} moved"
    context = hooked(tmp_path, line.replace("${AUTOML_VERSION}", "$AUTOML_VERSION"))
    assert call_hook(context, "promoted", fact(context)) == ""
    given = json.loads((tmp_path / "fact.json").read_text())
    assert given == {
        "hook": "promoted",
        "pipeline": "shelves",
        "kind": "promoted",
        "number": 1,
        "round": 2,
        "at": "2026-03-02T06:00:00+00:00",
        "words": {"version": "v0002", "before": "v0001"},
        "folder": str(context.paths.folder),
        "deployments": str(context.paths.deployed),
    }
    lines = (tmp_path / "env.txt").read_text().splitlines()
    assert {"AUTOML_PIPELINE=shelves", "AUTOML_HOOK=promoted", "AUTOML_ROUND=2", "AUTOML_VERSION=v0002"} <= set(lines)
    assert context.paths.hooks_log.read_text().endswith("v0002 moved\n")


def test_what_is_not_set_is_not_called(tmp_path: Path) -> None:
    context = pipeline(tmp_path)
    assert [call_hook(context, name, fact(context)) for name in HOOKS] == [""] * len(HOOKS)
    assert not context.paths.hooks_log.exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("echo first; echo no such registry >&2; exit 3", "ended with 3 (no such registry); see "),
        ("exit 1", "ended with 1 (it printed nothing)"),
        ("no-such-command-at-all", "ended with 127"),
        ("kill -9 $$", "ended with -9"),
    ],
)
def test_a_hook_that_fails_is_a_line(tmp_path: Path, line: str, why: str) -> None:
    context = hooked(tmp_path, line)
    said = call_hook(context, "promoted", fact(context))
    assert said.startswith("hooks.promoted: ")
    assert why in said
    assert "\n" not in said


def test_a_hook_that_reads_nothing_of_a_large_fact(tmp_path: Path) -> None:
    context = hooked(tmp_path, "exec <&-; exit 0")
    large = context.journal.record(FactKind.PROMOTED, context.now, {"why": ["x" * 1000] * 2000}, None)
    assert call_hook(context, "promoted", large) == ""


@pytest.mark.seconds
def test_a_hook_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    line = f"sleep 77 & setsid sleep 77 & echo $! > {tmp_path}/pid; sleep 77"
    context = hooked(tmp_path, line, "hooks.timeout_s=1.5")  # a shell writes a number in it, on a busy machine too
    begun = time.monotonic()
    said = call_hook(context, "promoted", fact(context))
    assert said == "hooks.promoted: took longer than 1.5 s and was ended (hooks.timeout_s)"
    assert time.monotonic() - begun < 30
    pid = int((tmp_path / "pid").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_log_that_cannot_be_written_is_a_line(tmp_path: Path) -> None:
    context = hooked(tmp_path, "true")
    context.paths.hooks_log.mkdir()
    assert call_hook(context, "promoted", fact(context)).startswith("hooks.promoted: [Errno 21]")
