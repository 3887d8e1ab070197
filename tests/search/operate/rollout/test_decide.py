"""Decisions over real logs and a real journal: promote, roll back, wait, and what cannot be told."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rolled_out import START, answers, later, pipeline, record, rolled_out, write_round_export

from objectives.predictions.record import LoggedBox
from objectives.predictions.write import append
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.journal.kept_labels import KeptLabels, write_labels
from search.operate.rollout.contract import RolloutAction, RolloutDecision
from search.operate.rollout.decide import decide
from search.operate.rollout.pack import pack

RED = LoggedBox("red", 0.9, (10.0, 10.0, 50.0, 50.0))
LOG = "log.jsonl"


def decided(context: OperateContext, hours: float) -> RolloutDecision:
    moved = later(context, hours)
    return decide(moved, moved.journal.state())


def test_nothing_rolled_out_is_nothing_to_decide(tmp_path: Path) -> None:
    context = pipeline(tmp_path)
    assert decided(context, 1).action is RolloutAction.WAIT
    record(context, FactKind.ROUND_BEGUN, 0, why=[], kinds=[])
    record(context, FactKind.PROMOTED, 0, version="v0001", before=None)
    assert decided(context, 1) == RolloutDecision(RolloutAction.WAIT, ("nothing is rolled out or watched",))


@pytest.mark.parametrize("kind", ["shadow", "canary"])
def test_a_rollout_waits_for_hours_and_answers_and_is_promoted(tmp_path: Path, kind: str) -> None:
    context = pipeline(tmp_path, f"rollout.kind={kind}", "rollout.hours=24", "rollout.images_min=100")
    rolled_out(context, kind)
    log = tmp_path / LOG
    append(log, answers("v0001", 400, [RED]))
    append(log, answers("v0002", 90, [RED], shadow=kind == "shadow"))
    append(log, answers("v0002", 50, latency_ms=900.0, hours=(-9, -1)))  # before it was rolled out: of a test
    early = decided(context, 12)
    assert (early.action, early.why[0]) == (RolloutAction.WAIT, "12.0 of 24 hours")
    few = decided(context, 24)
    assert (few.action, few.why[0]) == (RolloutAction.WAIT, "90 answers of v0002, of 100 (images_min)")
    append(log, answers("v0002", 20, [RED], hours=(24, 25), names="more"))
    done = decided(context, 25)
    assert (done.action, done.why[0]) == (RolloutAction.PROMOTE, "25.0 hours, 110 answers, no rule broken")
    assert done.figures["answers"] == {"challenger": 110, "champion": 400}
    assert [one["rule"] for one in done.figures["rules"]] == ["p95_share_max", "failed_share_max"]
    json.dumps(done.to_json())


def test_a_canary_that_is_slower_than_measured_is_rolled_back_at_once(tmp_path: Path) -> None:
    """Judged as fast as the champion on the device; in the canary's log it is not."""
    overrides = ["rollout.kind=canary", "rollout.rules.p95_share_max=null", "rollout.rules.p95_measured_share_max=0.2"]
    context = pipeline(tmp_path, *overrides)
    write_round_export(context, 1, p95_ms=20.0)
    write_round_export(context, 2, p95_ms=21.0)
    pack(context, 1)
    pack(context, 2)
    rolled_out(context, "canary")
    append(tmp_path / LOG, answers("v0001", 900, hours=(0, 6)))
    append(tmp_path / LOG, answers("v0002", 100, latency_ms=16.0, hours=(0, 6)))
    found = decided(context, 6)
    assert found.action is RolloutAction.ROLL_BACK
    assert found.why[0].startswith("p95_measured_share_max: 0.52")
    assert "broken" in found.why[0]


def test_failing_answers_roll_back(tmp_path: Path) -> None:
    context = pipeline(tmp_path, "rollout.kind=shadow")
    rolled_out(context, "shadow")
    append(tmp_path / LOG, answers("v0001", 300, hours=(0, 2)))
    append(tmp_path / LOG, answers("v0002", 300, hours=(0, 2), failed=20, shadow=True))
    found = decided(context, 2)
    assert found.action is RolloutAction.ROLL_BACK
    assert found.why[0].startswith("failed_share_max: 0.06667")


def label(context: OperateContext, number: int, name: str = "img", hours: float = 1) -> None:
    """Have labels of an image of `answers` come back: one red box."""
    sha256 = f"{number:064d}"
    image = StreamImage(
        sha256, f"{name}/{number}.jpg", "", START + timedelta(hours=hours), "", 9, 9, "0", None, ImageStatus.NEW
    )
    context.journal.add_images([image])
    kept = KeptLabels(sha256, 640, 480, (("red", 10.0, 10.0, 40.0, 40.0),), "back", datetime(2026, 3, 3, tzinfo=UTC))
    write_labels(context.paths, kept)
    context.journal.mark_images([sha256], ImageStatus.LABELLED, 2, {})


@pytest.mark.parametrize(("finds", "action"), [(50, RolloutAction.PROMOTE), (20, RolloutAction.ROLL_BACK)])
def test_labels_that_come_back_decide(tmp_path: Path, finds: int, action: RolloutAction) -> None:
    rule = "rollout.rules.false_negative_rate_max=0.06"
    context = pipeline(tmp_path, "rollout.kind=shadow", "rollout.hours=48", rule, "rollout.rules.classes=[red]")
    rolled_out(context, "shadow")
    append(tmp_path / LOG, answers("v0001", 120, [RED]))
    found = answers("v0002", 120, [RED], shadow=True)
    nothing = answers("v0002", 120, [], shadow=True)
    append(tmp_path / LOG, [found[i] if i < finds or i >= 50 else nothing[i] for i in range(120)])
    waits = decided(context, 50)
    assert (waits.action, waits.figures["labelled_images"]) == (RolloutAction.WAIT, 0)
    assert "0 images that it answered have labels, of 20" in waits.why[0]
    for i in range(50):
        label(context, i)
    for i in range(100, 110):
        label(context, i, hours=-1)  # the challenger may have been trained on it
    done = decided(context, 50)
    assert (done.action, done.figures["labelled_images"]) == (action, 50)
    assert done.why[-1].startswith("10 labelled images do not count")


def test_what_cannot_be_told_is_not_promoted(tmp_path: Path) -> None:
    overrides = ["rollout.kind=canary", "rollout.wait_days=2", "rollout.rules.recall_min=0.9"]
    context = pipeline(tmp_path, *overrides)
    rolled_out(context, "canary")
    append(tmp_path / LOG, [*answers("v0001", 400), *answers("v0002", 200)])
    assert decided(context, 24 + 47).action is RolloutAction.WAIT
    late = decided(context, 24 + 48)
    assert late.action is RolloutAction.ROLL_BACK
    assert late.why[0] == "cannot tell after 72.0 hours (hours + wait_days): not promoted"
    assert late.why[1].startswith("recall_min: not known")


def test_a_figure_beyond_its_bound_within_its_interval_is_waited_for(tmp_path: Path) -> None:
    context = pipeline(tmp_path, "rollout.kind=shadow", "rollout.wait_days=1")
    rolled_out(context, "shadow")
    append(tmp_path / LOG, [*answers("v0001", 200), *answers("v0002", 200, failed=3, shadow=True)])
    waits = decided(context, 30)
    assert waits.action is RolloutAction.WAIT
    assert waits.why[0].endswith("of 200) against 0.01: open")
    append(tmp_path / LOG, answers("v0002", 400, hours=(30, 36), shadow=True, names="more"))
    assert decided(context, 36).action is RolloutAction.PROMOTE


def test_a_promotion_is_watched_against_the_version_before(tmp_path: Path) -> None:
    context = pipeline(tmp_path, "rollout.watch_hours=100")
    rolled_out(context, "canary")
    record(context, FactKind.PROMOTED, 24, 2, version="v0002", before="v0001")
    append(tmp_path / LOG, answers("v0001", 300, hours=(0, 24)))
    append(tmp_path / LOG, answers("v0002", 300, latency_ms=11.0, hours=(24, 40)))
    fine = decided(context, 40)
    assert (fine.action, fine.figures["kind"]) == (RolloutAction.WAIT, "watch")
    assert fine.why[0] == "watched for 16.0 of 100 hours"
    append(tmp_path / LOG, answers("v0002", 900, latency_ms=18.0, hours=(40, 60)))
    slow = decided(context, 60)
    assert slow.action is RolloutAction.ROLL_BACK
    assert (slow.figures["challenger"], slow.figures["champion"]) == ("v0002", "v0001")
    assert decided(context, 124).action is RolloutAction.WAIT  # no longer watched
    record(context, FactKind.ROLLED_BACK, 60, 2, version="v0002", to="v0001", why=[], by="rules")
    assert decided(context, 61).why == ("nothing is rolled out or watched",)  # what was rolled back to is not


def test_a_missing_log_and_bad_lines_are_said(tmp_path: Path) -> None:
    context = pipeline(tmp_path, "rollout.kind=shadow")
    rolled_out(context, "shadow")
    assert "is not there" in decided(context, 1).why[-1]
    (tmp_path / LOG).write_text("nothing\n")
    assert "1 lines are no answers" in decided(context, 1).why[-1]
    unset = pipeline(tmp_path, "rollout.kind=shadow", "stream.predictions=null")
    assert decided(unset, 1).why[-1].startswith("stream.predictions is not set")
