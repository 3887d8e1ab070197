"""Performance from sampled truth: fires once it is sure, and takes no image that was picked for being doubtful."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from watched_pipeline import BOX, answer, at, begin, end, label, looked, pipeline, promote, stream

from search.operate.context import OperateContext
from search.operate.journal.images import StreamImage
from search.operate.stream.labelling.chosen import AskedImage, AskedImages
from search.operate.watching.contract import TriggerKind, Watched
from search.operate.watching.watch import watch

pytestmark = pytest.mark.seconds
ASIDE = (40.0, 40.0, 60.0, 60.0)
BOUND = ["triggers.performance.bound=0.9", "triggers.drift.watch=[]"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[OperateContext]:
    with pipeline(tmp_path, *BOUND) as context:
        begin(context, 1, TriggerKind.FIRST)
        promote(context, 1, "v0001")
        yield context


def look_on(context: OperateContext, day: float) -> Watched:
    then = at(context, day)
    watched = watch(then, then.journal.state())
    looked(then, watched.to_json())
    return watched


def kinds(watched: Watched) -> list[TriggerKind]:
    return [one.kind for one in watched.triggers]


def pick(context: OperateContext, images: list[StreamImage], *, random: bool = False) -> None:
    asked = [AskedImage(one.sha256, one.kept, 80, 60, 0.9, 0.0, 1.0, (), random) for one in images]
    AskedImages(tuple(asked), ("jar", "cap"), {}, ()).write(context.paths.round(1).asked)


def test_precision_that_is_surely_under_its_bound_fires(served: OperateContext) -> None:
    images = stream(served, range(8))
    answer(served, images, box=lambda i: ASIDE if i % 2 else BOX)
    label(served, images)
    watched = look_on(served, 7.9)
    assert watched.performance is not None
    assert watched.performance["high"] < 0.9
    assert kinds(watched) == [TriggerKind.PERFORMANCE]
    assert "precision 0." in watched.triggers[0].why
    assert watched.live is not None
    assert (watched.live["version"], watched.live["errors"]) == ("v0001", 0)


def test_precision_that_is_good_enough_does_not(served: OperateContext) -> None:
    images = stream(served, range(8))
    answer(served, images, box=lambda i: ASIDE if i % 20 == 19 else BOX)
    label(served, images)
    watched = look_on(served, 7.9)
    assert watched.performance is not None
    assert watched.performance["value"] > 0.9
    assert kinds(watched) == []


def test_few_labelled_images_are_not_enough(served: OperateContext) -> None:
    images = stream(served, range(8))
    answer(served, images, box=lambda i: ASIDE)
    label(served, images[-30:])
    watched = look_on(served, 7.9)
    assert watched.performance is not None, "it is shown"
    assert kinds(watched) == []
    assert any("30 sampled images of the window are labelled, of 50" in note for note in watched.notes)


def test_images_that_were_picked_are_no_sample(served: OperateContext) -> None:
    """A detector is asked about what it is unsure of: of these it gets half wrong, of the stream next to nothing."""
    images = stream(served, range(8))
    picked = images[::3]
    names = {image.sha256 for image in picked}
    answer(served, images, box=lambda i: ASIDE if images[i].sha256 in names else BOX)
    pick(served, picked)
    label(served, images)
    watched = look_on(served, 7.9)
    assert kinds(watched) == []
    assert watched.performance is not None
    assert watched.performance["value"] > 0.95
    assert any("were picked to be labelled and are no sample: left out" in note for note in watched.notes)


def test_images_that_chance_picked_are_a_sample(served: OperateContext) -> None:
    images = stream(served, range(8))
    answer(served, images, box=lambda i: ASIDE if i % 2 else BOX)
    pick(served, images, random=True)
    label(served, images)
    assert kinds(look_on(served, 7.9)) == [TriggerKind.PERFORMANCE]


def test_answers_of_other_versions_do_not_count(served: OperateContext) -> None:
    images = stream(served, range(8))
    answer(served, images)
    answer(served, images, "v0002", box=lambda i: ASIDE)
    answer(served, images, "v0001", box=lambda i: ASIDE, shadow=True)
    label(served, images)
    assert kinds(look_on(served, 7.9)) == []


def test_a_round_that_came_to_nothing_is_not_begun_again_at_once(served: OperateContext) -> None:
    images = stream(served, range(18))
    answer(served, images, box=lambda i: ASIDE if i % 2 else BOX)
    label(served, images)
    assert kinds(look_on(served, 8)) == [TriggerKind.PERFORMANCE]
    begin(at(served, 8), 2, TriggerKind.PERFORMANCE)
    end(at(served, 9), 2, "cannot tell")
    assert [day for day in (9, 12, 15, 16) if kinds(look_on(served, day))][:1] == [16]


def test_a_rate_of_misses_has_a_greatest_value(tmp_path: Path) -> None:
    more = ["triggers.performance.metric=false_negative_rate", "triggers.performance.bound=0.06"]
    with pipeline(tmp_path, *BOUND, *more, "triggers.performance.classes=[jar]") as context:
        promote(context, 1, "v0001")
        images = stream(context, range(8))
        answer(context, images, box=lambda i: ASIDE if i % 3 == 0 else BOX)
        label(context, images)
        watched = look_on(context, 7.9)
        assert kinds(watched) == [TriggerKind.PERFORMANCE]
        assert "lies over 0.06" in watched.triggers[0].why


def test_without_a_log_it_is_said(tmp_path: Path) -> None:
    with pipeline(tmp_path, *BOUND, "stream.predictions=null") as context:
        promote(context, 1, "v0001")
        watched = look_on(context, 8)
        assert watched.performance is None
        assert any("stream.predictions is not set" in note for note in watched.notes)
