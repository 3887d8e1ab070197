r"""The loop on a public data set: a part is searched on, the rest arrives week by week, and darkens and blurs.

    PYTHONPATH=tests:tests/benchmarks python tests/benchmarks/pipeline_shift.py --folder WORK --hours 0.1 \
        --data ../shared/data/rbc_coco

Half-way through the stream its images become darker (`--light`, a factor) and blurred (`--blur`, sigma as a share of
the longer side); the set's own labels are what a labeller gives back, a week later. Prints a line a week, the rounds,
and what the shift did: mAP50 of the serving version before, at the worst, and in the end, by pycocotools.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from pipeline_replay import PipelineReplay
from pipeline_stream import AGAIN, SHORT, START, passed, rounds_of
from shifted_set import GROUP, TIME, TIME_FORMAT, ShiftedSet


def line(given: argparse.Namespace, stream: ShiftedSet) -> list[str]:
    """Return the pipeline's words."""
    short = [one for one in SHORT if not one.startswith("gate.")]
    first = [*short, START, "trial.images_seen=1920"] if given.quick else [f"budget.hours={given.hours}"]
    again = [*AGAIN, "trial.images_seen=960"] if given.quick else []
    return [
        *("pipeline=base", "name=replay", f"data.root={stream.first()}", f"search.conf={given.conf}"),
        *(f"stream.time={TIME}", f"stream.time_format={TIME_FORMAT}", f"stream.group={GROUP}"),
        f"search.first=[{','.join(first)}]",
        f"search.again=[{','.join(again)}]",
        f"gates.overrides=[gate.map50_min={given.map50_min},gate.p95_ms_max=null]",
        *("triggers.drift.images_min=12", "labelling.images_max=48"),
        *given.more,
    ]


def main() -> None:
    """Read the line, replay, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="all that is made lies there")
    parser.add_argument("--data", type=Path, required=True, help="the set, in any format that is read")
    parser.add_argument("--conf", default="retail", help="preset of the search")
    parser.add_argument("--hours", type=float, default=0.1, help="budget of the first search")
    parser.add_argument("--map50-min", default="null", help="gate of the search")
    parser.add_argument("--quick", action="store_true", help="searches of one short training")
    parser.add_argument("--images-week", type=int, default=12)
    parser.add_argument("--share-first", type=float, default=0.4)
    parser.add_argument("--shift-week", type=int, default=None, help="half-way by default")
    parser.add_argument("--light", type=float, default=0.6)
    parser.add_argument("--blur", type=float, default=0.004)
    parser.add_argument("--weeks", type=int, default=None, help="as long as images last by default")
    parser.add_argument("--looks", type=int, default=1, help="a week")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("more", nargs="*", help="further overrides of the pipeline")
    given = parser.parse_args()
    folder = given.folder.absolute()
    sizes = {"share_first": given.share_first, "images_week": given.images_week}
    shift = {"light": given.light, "blur": given.blur}
    whole = ShiftedSet(folder / "stream", given.data.absolute(), **sizes)
    weeks = min(given.weeks or whole.weeks, whole.weeks)
    shifted = given.shift_week or weeks // 2
    stream = ShiftedSet(folder / "stream", given.data.absolute(), **sizes, **shift, shift_week=shifted)
    replay = PipelineReplay(folder, stream, stream.classes, line(given, stream), sampled=3, apart=True)
    found = passed(replay, weeks, given.looks)
    rounds = rounds_of(replay)
    print("\n| round | week | trigger | outcome | hours | share of the first |\n|---|---|---|---|---|---|")
    for row in rounds:
        shown = ["-" if row[key] is None else f"{row[key]:.3f}" for key in ("hours", "share")]
        print(f"| {row['round']} | {row['week']} | {row['kinds']} | {row['outcome']} | {' | '.join(shown)} |")
    before = [week.map50 for week in found if week.week < shifted and week.map50 is not None]
    since = [week.map50 for week in found if week.week >= shifted and week.map50 is not None]
    if before and since:
        figures = f"{before[-1]:.3f} before, {min(since):.3f} at the worst, {since[-1]:.3f} in the end"
        print(f"\nshift in week {shifted}: mAP50 {figures}")
    if given.json:
        given.json.write_text(json.dumps({"weeks": [asdict(week) for week in found], "rounds": rounds}, default=str))


if __name__ == "__main__":
    main()
