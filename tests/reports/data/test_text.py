"""The check of a data set in the terminal: lines for people that can be copied."""

from collections.abc import Iterable
from pathlib import Path

from subjects import entry, subject

from objectives.data.check.run import CheckReport, run_checks
from objectives.data.check.spots import Spot
from objectives.data.check.subject import Subject
from objectives.data.findings import Finding
from reports.data.text import check_lines

CARD = {
    "name": "[red]shelves",
    "root": "/data/[red]shelves",
    "classes": ["can", "[/b] jar", "缶"],
    "splits": {
        "val": {"images": 40, "background": 0, "boxes": 60, "per_class": {"can": 50, "[/b] jar": 10, "缶": 0}},
        "train": {
            "images": 1200,
            "background": 30,
            "boxes": 3003,
            "per_class": {"can": 1000, "[/b] jar": 2000, "缶": 3},
        },
    },
}


def report(*found: Spot, others: Iterable[Finding] = ()) -> CheckReport:
    def check(_: Subject) -> Iterable[Spot]:
        return found

    return run_checks(subject(entry("a.jpg")), CARD, [check], others)


def lines(it: CheckReport) -> list[str]:
    return [line.plain for line in check_lines(it)]


def test_a_clean_set() -> None:
    assert lines(report()) == [
        "[red]shelves in /data/[red]shelves",
        "",
        "               train  val",
        "images         1,200   40",
        "without boxes     30    0",
        "boxes          3,003   60",
        "[/b] jar       2,000   10",
        "can            1,000   50",
        "缶                 3    0",
        "",
        "nothing found",
    ]


def test_errors_come_first_and_places_are_whole() -> None:
    long = f"{'deep/' * 60}a.jpg = b.jpg"
    found = [Spot("images.grey", "b.jpg: L"), *[Spot("splits.leak", f"{long} {i}") for i in range(7)]]
    assert lines(report(*found))[10:] == [
        "1 error, 1 note: scores on this set would be wrong",
        "",
        "error    splits.leak (7): images of one split that are there in another",
        *[f"         {long} {i}" for i in range(5)],
        "         and more",
        "         remove one of the two copies, or take data.splits=repair",
        "",
        "note     images.grey (1): grey images among others",
        "         b.jpg: L",
        "         read as colour images",
    ]


def test_of_one_code_the_checks_own_count_stands() -> None:
    others = [Finding("labels.outside", 3, ("x.jpg",)), Finding("files.closed", 1, ("private",))]
    it = report(Spot("labels.outside", "a.jpg", 2), others=others)
    assert [(f.code, f.count) for f in it.findings] == [("files.closed", 1), ("labels.outside", 2)]
    assert not it.spoils_scores
    assert lines(it)[10] == "1 warning, 1 note: nothing that would spoil the scores"


def test_very_many_classes_are_cut_in_the_middle_and_that_is_said() -> None:
    names = [f"c{i:03}" for i in range(100)]
    per_class = {name: 1000 - i for i, name in enumerate(names)}
    split = {"images": 9, "background": 0, "boxes": 9, "per_class": per_class}
    it = CheckReport(subject(root=Path("/set")), {**CARD, "classes": names, "splits": {"train": split}}, (), {})
    shown = lines(it)
    assert [line.split()[0] for line in shown if line.startswith("c0")] == [*names[:12], *names[-12:]]
    assert "... 76 classes more, with format=yaml" in shown


def test_as_values() -> None:
    values = report(Spot("splits.leak", "a.jpg = b.jpg")).to_json()
    assert values["errors"] == 1
    assert values["classes"] == CARD["classes"]
    assert values["findings"] == [
        {
            "code": "splits.leak",
            "severity": "error",
            "count": 1,
            "what": "images of one split that are there in another",
            "examples": ["a.jpg = b.jpg"],
            "action": "remove one of the two copies, or take data.splits=repair",
        }
    ]
