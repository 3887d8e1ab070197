"""The three worked examples, as their presets have them: the trigger fires, and the rollout goes its way."""

from datetime import timedelta
from pathlib import Path

import pytest
from block_rounds import BlockRounds, after_first_round
from block_stream import BlockStream
from stream_answers import served

from search.operate.journal.facts import FactKind

GOOD, POOR, TOO_MUCH = 0, 1, 3  # stages of staged_trainer.py; of each its quick training says an mAP50 of 0.35

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # half a dozen processes a round, on a busy machine


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> BlockStream:
    """Return a stream that is darker by two fifths from its third week on."""
    return BlockStream(tmp_path_factory.mktemp("stream"), images_week=160, dark_week=3, light=0.6)


@pytest.fixture(scope="module")
def poor_champion(stream: BlockStream, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_champion(stream, tmp_path_factory.mktemp("poor"), POOR)


def first_champion(stream: BlockStream, folder: Path, stage: int) -> Path:
    rounds = BlockRounds(folder, stream, "base", stages=(stage, stage))
    rounds.checked_look(stream.begins(1))
    assert rounds.serving == "v0001"
    return folder


def kinds_of(rounds: BlockRounds) -> list[str]:
    return list(rounds.last(FactKind.ROUND_BEGUN).words["kinds"])


def test_retail_weekly(stream: BlockStream, poor_champion: Path, tmp_path: Path) -> None:
    """On Monday a round begins; its challenger serves a tenth, and two days later all."""
    more = ("gates.overrides=[gate.map50_min=0.3]", "rollout.images_min=5", "rollout.rules.p95_share_max=null")
    folder = after_first_round(poor_champion, tmp_path)
    rounds = BlockRounds(folder, stream, "retail-weekly", *more, "rollout.share=0.6", stages=(POOR, GOOD))
    rounds.arrive(stream.week(1))
    monday = stream.begins(2).replace(hour=7)
    rounds.checked_look(monday)
    assert kinds_of(rounds) == ["time"]
    rounds.label(monday)
    rounds.checked_look(monday.replace(hour=8))
    begun = rounds.last(FactKind.ROLLOUT_BEGUN).words
    assert (begun["version"], begun["rollout"], begun["share"]) == ("v0002", "canary", 0.6)
    rounds.arrive([photo for photo in stream.week(2) if photo.at > monday])
    rounds.checked_look(stream.begins(2).replace(day=stream.begins(2).day + 1))
    assert rounds.serving == "v0001"  # not yet two days
    rounds.checked_look(stream.begins(3))
    assert rounds.serving == "v0002"
    assert rounds.last(FactKind.ROUND_ENDED).words["outcome"] == "promoted"


def test_defects_brightness(stream: BlockStream, poor_champion: Path, tmp_path: Path) -> None:
    """The lamp is darker by two fifths: a round begins; both answer for two days; what misses little is promoted."""
    more = ("rollout.rules.classes=[blue]", "rollout.images_min=20", "rollout.rules.p95_share_max=null")
    folder = after_first_round(poor_champion, tmp_path)
    gates = "gates.overrides=[gate.map50_min=0.3,gate.p95_ms_max=null]"
    rounds = BlockRounds(folder, stream, "defects-brightness", *more, gates, stages=(POOR, GOOD), sampled=40)
    for week in (1, 2):
        rounds.week(week)
        assert [fact.round for fact in rounds.of_kind(FactKind.ROUND_BEGUN)] == [1]  # quiet weeks
    dark = stream.begins(3) + timedelta(days=2)  # later, the first dark days would be a part of a baseline of two weeks
    rounds.arrive([photo for photo in stream.week(3) if photo.at <= dark])
    rounds.checked_look(dark)
    assert kinds_of(rounds) == ["drift"]
    assert "brightness" in " ".join(rounds.last(FactKind.ROUND_BEGUN).words["why"])
    rounds.label(dark)
    rounds.checked_look(dark + timedelta(hours=1))
    now = served(rounds.settings.deployed)
    assert now
    assert (now.current, now.challenger, now.kind) == ("v0001", "v0002", "shadow")


def test_signs_precision(stream: BlockStream, tmp_path: Path) -> None:
    """Labels of a random sample show a precision under 0.90: a round begins, a canary of a fifth, a better version."""
    first_champion(stream, tmp_path, TOO_MUCH)
    more = ("gates.overrides=[gate.map50_min=0.3,gate.p95_ms_max=null]", "triggers.performance.images_min=20")
    rules = ("rollout.rules.p95_share_max=null", "rollout.images_min=10")
    rounds = BlockRounds(tmp_path, stream, "signs-precision", *more, *rules, stages=(TOO_MUCH, GOOD), sampled=40)
    rounds.week(1)
    assert kinds_of(rounds) == ["performance"]
    assert "precision" in " ".join(rounds.last(FactKind.ROUND_BEGUN).words["why"])
