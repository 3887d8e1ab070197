"""Families of a study: what was scored, what was looked at only, and what children were chosen by."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import create_trial

from objectives.data.dataset import LabelledImage, make_image
from objectives.records import attributes
from objectives.records.children import ChildrenReport, Look
from objectives.records.gate import Gate
from objectives.records.records import Latency
from objectives.records.study_record import StudyWriter
from objectives.trial.job import HELD_OUT_LEAST, halves
from reports.table.families import Difference, differences, is_held_out
from reports.table.kin.family_words import caveats, choice_words, family_words, kind_words, origin_words, scored_words
from reports.table.row import Origin
from reports.table.table import StudyTable, read_study, read_trials
from reports.table.verdict import judge
from reports.table.words import architecture, slim

Study = Callable[..., optuna.Study]


@pytest.fixture(scope="module")
def table(report_study: Study) -> StudyTable:
    return read_study(report_study(20, families=2, children=10))


def test_children_and_looks_are_counted_by_parent(table: StudyTable) -> None:
    assert len(table.families) == 2
    for family in table.families:
        assert family.parent is table.row(family.number)
        assert [row.parent for row in family.children] == [family.number] * 10
        assert (family.looked_at, family.only_looked_at, family.failed) == (34, 24, 1)  # 10 and twice 12 others
        assert family.look_s == pytest.approx(1.2 * 34)
        assert family.best is not None
        assert family.best.map == max(row.map or 0 for row in family.children)
        assert {row.number for row in family.on_front} == {r.number for r in table.front if r.parent == family.number}
        assert table.family(family.number) is family
    assert table.family(None) is table.family(9999) is None
    assert sum(row.origin is Origin.CHILD for row in table.rows) == 20
    trained = [row for row in table.rows if not row.is_child]
    assert list(table.trainings) == [row for row in trained if row.rungs]


def test_a_child_that_was_looked_at_and_scored_is_not_looked_at_only(report_study: Study) -> None:
    study = report_study(6, families=1, children=4)
    (family,) = read_study(study).families
    again = family.children[0].candidate
    choices = {name: again[name] for name in family.parent.family} if family.parent else {}
    whole_number = {name: int(value) if value == 0 else value for name, value in choices.items()}  # as a store may do
    StudyWriter(study).looks(family.number, ChildrenReport((Look(whole_number, 0.5, 2.0),)))
    (after,) = read_study(study).families
    assert (after.looked_at, after.only_looked_at) == (family.looked_at, family.only_looked_at)
    assert after.look_s == family.look_s + 2.0


def test_choices_that_differ_are_those_of_the_axes(table: StudyTable) -> None:
    for family in table.families:
        assert family.parent is not None
        for row in family.children:
            found = differences(row, family.parent)
            assert found
            for item in found:
                assert item.child == row.candidate[item.name] != item.parent
                assert item.parent == (0.0 if item.name.startswith("slim.") else family.parent.candidate[item.name])
    sized = next(
        row for row in family.children if row.candidate["size.pixels"] < family.parent.candidate["size.pixels"]
    )
    size = Difference("size.pixels", family.parent.candidate["size.pixels"], sized.candidate["size.pixels"])
    assert size in differences(sized, family.parent)


def test_words_say_whose_a_figure_is(table: StudyTable) -> None:
    family = table.families[0]
    child = family.children[0]
    assert family.parent is not None
    assert origin_words(child) == f"child of trial {family.number}"
    assert kind_words(child, None) == f"child of {family.number}"
    assert kind_words(family.parent, family) == "parent, 10 children"
    assert origin_words(family.parent) == kind_words(family.parent, None) == "trained"
    assert scored_words(table) == (
        f"{len(table.finished)} detectors scored from {len(table.trainings)} trainings, 48 more looked at"
    )
    members = f", {len(family.on_front)} on the front" if family.on_front else ""
    assert family_words(family) == f"10 children scored, 24 more looked at, 1 could not be made or measured{members}"


def test_children_on_the_images_that_they_were_chosen_by_are_called_optimistic(table: StudyTable) -> None:
    first = caveats(table)[0]
    assert first.startswith("20 children were chosen from 68 by mAP on the very images that their figures are of")
    assert "(240 of val)" in first
    family = table.families[0]
    words = choice_words(family.children[0], family)
    assert words == "chosen from 34 on the very images that its figures are of: optimistic"


def test_children_on_held_out_images_are_not(report_study: Study) -> None:
    table = read_study(report_study(20, families=1, children=10, split="val, held-out half"))
    first = caveats(table)[0]
    assert first.startswith("10 children were chosen from 34 by mAP on one half of the images, and scored on the other")
    assert "(120 of val)" in first
    assert "very images" not in " ".join(caveats(table))
    family = table.families[0]
    assert choice_words(family.children[0], family).startswith("chosen from 34 on the other half of the images")


def test_the_scorer_s_halves_are_told_apart(report_study: Study) -> None:
    """The report reads off the name of a split what the scorer did."""
    child = read_study(report_study(6, families=1, children=1)).families[0].children[0]
    assert child.accuracy is not None
    for count, expected in ((HELD_OUT_LEAST, True), (HELD_OUT_LEAST - 1, False)):
        images: list[LabelledImage] = [make_image(Path(f"{n}.png"), (8, 8), [], [])[0] for n in range(count)]
        _, reported_on = halves(tuple(images), "val")
        scored = type(child.accuracy)(0.5, 0.6, {}, reported_on.name, len(reported_on.images))
        assert is_held_out(type(child)(**{**vars(child), "accuracy": scored})) is expected


def test_quick_latencies_on_the_front_are_counted_until_they_are_measured_fully(report_study: Study) -> None:
    study = report_study(20, families=2, children=10)
    table = read_study(study)
    quick = [row for row in table.front if row.has_quick_latency]
    assert quick
    assert len(quick) < len(table.front)
    assert caveats(table)[-1].startswith(
        f"{len(quick)} of the {len(table.front)} latencies on the front are by the quick"
    )
    for row in quick:
        assert isinstance(row.latency, Latency)
        StudyWriter(study).measured_fully(row.number, row.latency)
    assert "quick protocol" not in " ".join(caveats(read_study(study)))


def test_without_families_nothing_is_said(report_study: Study) -> None:
    table = read_study(report_study(12))
    assert (table.families, caveats(table)) == ((), ())


def test_a_child_whose_parent_is_not_there_is_a_child(report_study: Study) -> None:
    alone = create_trial(values=[0.5, 3.0], user_attrs={attributes.PARENT: 7})
    table = read_trials("s", [alone], {})
    (family,) = table.families
    assert (family.number, family.parent, family.looked_at) == (7, None, 0)
    assert origin_words(table.rows[0]) == "child of trial 7"
    assert table.trainings == ()


def test_the_verdict_says_that_the_best_is_a_child(report_study: Study) -> None:
    child = next(row for row in read_study(report_study(20, families=2, children=10)).front if row.is_child)
    gate = Gate(map_min=child.map, p50_ms_max=child.p50_ms)  # nothing else passes it
    verdict = judge(read_study(report_study(20, families=2, children=10, gate=gate)))
    assert verdict.row is not None
    assert (verdict.kind, verdict.row.number) == ("meets", child.number)
    assert verdict.figures.endswith(f"; a child of trial {verdict.row.parent}, not trained itself.")


def test_channels_that_are_left_out_are_named() -> None:
    parts = ("p3", "p4", "p5", "neck", "head")
    alike = {f"slim.{part}": 0.3 for part in parts}
    assert slim(alike) == "slim 0.3"
    assert slim({**alike, "slim.p3": 0.0}) == "slim p4 0.3 p5 0.3 neck 0.3 head 0.3"
    assert slim({f"slim.{part}": 0.0 for part in parts}) == slim({}) == ""
    assert architecture({"size.pixels": 160, "slim.p5": 0.5}) == "160 px · slim p5 0.5"
