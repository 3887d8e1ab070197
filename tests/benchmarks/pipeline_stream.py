"""A pipeline over rendered weeks: when what changed, which trigger fired, what it cost, and how accurate it stayed.

    PYTHONPATH=tests python tests/benchmarks/pipeline_stream.py --folder WORK --weeks 34 --hours 0.1 --json events.json
    PYTHONPATH=tests python tests/benchmarks/pipeline_stream.py --folder WORK --quiet --weeks 30 --seeds 10 --looks 7

The first line has the events of `EVENTS` in `tests/rendered_stream.py`: a store's camera that is black for a week, a
new lamp in one store and then in all, a changed package, a new product. Rounds search; what is handed over comes back
labelled a week later. `--quick` makes the searches one short training each. `--soon` has the same changes within 18
weeks, four apart. The same line goes on after the last week that has passed.

With `--quiet` nothing but stores, weeks and planograms changes, and a round that begins is a false alarm; no hand-over
ever comes back, so that nothing is searched after the first champion, which is made once for all seeds. The drift of
all looks is counted, those after the first alarm too.

Prints a line a week, and tables. mAP50 is that of the version that serves at the end of a week on all of its images, by
pycocotools on the rendered truth: nothing of the product is asked for it.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline_replay import PipelineReplay, WeekFigures
from rendered_stream import EVENTS, GROUP, QUIET, SOON, TIME, TIME_FORMAT, Plan, RenderedStream, class_names

from search.operate.journal.facts import FactKind

STREAM = ("pipeline=base", "name=replay", f"stream.time={TIME}", f"stream.time_format={TIME_FORMAT}")
SHORT = ("budget.trials=1", "budget.hours=1", "baseline=none", "space/slim=none", "gate.map50_min=null")
START = "start=[{backbone.name: mobilenetv3_small_100, size.pixels: 160, head.kind: nms, augment.policy: none}]"
AGAIN = ("budget.trials=5", "space/slim=none")  # with what is carried
GATE = "gates.overrides=[gate.map50_min=0.3,gate.p95_ms_max=60]"


def line(given: argparse.Namespace, plan: Plan) -> list[str]:
    """Return the pipeline's words."""
    hours = f"budget.hours={given.hours}"
    first = [*SHORT, START, f"trial.images_seen={given.images_seen}"] if given.quick or given.quiet else [hours]
    again = [*AGAIN, f"trial.images_seen={given.images_seen // 2}"] if given.quick else []
    return [
        *STREAM,
        f"stream.group={GROUP}",
        "data.root=embedded",
        "search.conf=retail",
        f"search.first=[{','.join(first)}]",
        f"search.again=[{','.join(again)}]",
        "gates.overrides=[gate.map50_min=null,gate.p95_ms_max=null]" if given.quick or given.quiet else GATE,
        f"labelling.images_max={given.labels}",
        f"labelling.wait_days={'null' if plan is QUIET else 14}",
        f"triggers.drift.watch=[{','.join(given.watch)}]",
        *given.more,
    ]


def replay_of(given: argparse.Namespace, folder: Path, seed: int, plan: Plan) -> PipelineReplay:
    """Set a pipeline up over a stream."""
    stream = RenderedStream(folder / "stream", seed, plan, given.images_week)
    return PipelineReplay(
        folder,
        stream,
        class_names(plan),
        line(given, plan),
        sampled=0 if plan is QUIET else given.sampled,
        label_days=None if plan is QUIET else 7.0,
        apart=plan is not QUIET,
    )


def passed(replay: PipelineReplay, weeks: int, looks: int) -> list[WeekFigures]:
    """Let weeks pass; print each. Those that have passed already, in a run that was ended, are read."""
    kept = replay.folder / "weeks.jsonl"
    found = [WeekFigures.from_json(json.loads(text)) for text in kept.read_text().splitlines()] if kept.exists() else []
    for number in range(1, weeks + 1):
        if number <= len(found):
            replay.know(number)
        else:
            found.append(replay.week(number, looks))
            with kept.open("a") as file:
                file.write(json.dumps(asdict(found[-1])) + "\n")
        print(words_of(found[number - 1]), flush=True)
    return found[:weeks]


def words_of(week: WeekFigures) -> str:
    """Return a week in a line."""
    parts = [f"week {week.week:2}", f"serves {week.version or '-':6}"]
    parts.append("mAP50   -  " if week.map50 is None else f"mAP50 {week.map50:.3f}")
    parts += [f"drift: {', '.join(week.drifted)}"] * bool(week.drifted)
    parts += [f"round {number} begins ({', '.join(kinds)})" for number, kinds, _ in week.begun]
    parts += [f"round {number}: {outcome}" for number, outcome in week.outcome.items()]
    parts += [f"ALERT {text}" for text in week.alerts]
    return "  ".join([*parts, *(f"FAILED {text}" for text in week.failed)])


def quiet(given: argparse.Namespace) -> dict[str, Any]:
    """Count false alarms in weeks in which nothing happens."""
    champion = given.folder / "champion"
    if not (champion / "deployments").exists():
        first = replay_of(given, champion, 10_000, QUIET)
        done = first.look(first.source.begins(1))
        print(done.stdout, done.stderr, flush=True)
        if not (champion / "deployments" / "replay" / "current").exists():
            raise SystemExit("no champion was made")
    rows = []
    for seed in range(given.seeds):
        folder = given.folder / f"seed-{seed:03d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for part in ("pipelines", "deployments"):
            shutil.copytree(champion / part, folder / part, symlinks=True)
        weeks = passed(replay_of(given, folder, seed, QUIET), given.weeks, given.looks)
        alarms = [week.week for week in weeks if any(kinds != ("first",) for _, kinds, _ in week.begun)]
        drifted = {week.week: week.drifted for week in weeks if week.drifted}
        rows.append({"seed": seed, "alarms": alarms, "drifted": drifted, "weeks": [asdict(week) for week in weeks]})
        print(
            f"seed {seed}: first alarm in week {alarms[0] if alarms else '-'}; weeks with drift: {drifted}", flush=True
        )
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
    count = sum(bool(row["alarms"]) for row in rows)
    print(f"\n{count} of {given.seeds} runs of {given.weeks} quiet weeks had an alarm")
    return {"quiet": rows, "with_alarm": count}


def events(given: argparse.Namespace) -> dict[str, Any]:
    """Let things happen, and see what is done about them."""
    plan = SOON if given.soon else EVENTS
    replay = replay_of(given, given.folder / "events", given.seed, plan)
    weeks = passed(replay, given.weeks, given.looks)
    rounds, happened = rounds_of(replay), _changes(plan)
    changes = [change_of(week, happened, weeks, rounds) for week in sorted(happened)]
    print("\n| change | week | trigger, week | mAP50 before | worst | after |\n|---|---|---|---|---|---|")
    for change in changes:
        fired = f"{change['kinds']}, {change['fired']}" if change["fired"] else change["alert"] or "-"
        figures = " | ".join("-" if value is None else f"{value:.3f}" for value in change["map50"])
        print(f"| {change['what']} | {change['week']} | {fired} | {figures} |")
    print("\n| round | week | trigger | outcome | hours | share of the first |\n|---|---|---|---|---|---|")
    for row in rounds:
        share = "-" if row["share"] is None else f"{row['share']:.2f}"
        hours = "-" if row["hours"] is None else f"{row['hours']:.3f}"
        print(f"| {row['round']} | {row['week']} | {row['kinds']} | {row['outcome']} | {hours} | {share} |")
    return {"weeks": [asdict(week) for week in weeks], "rounds": rounds, "changes": changes}


def rounds_of(replay: PipelineReplay) -> list[dict[str, Any]]:
    """Return each round: when and why it began, how it ended, and the hours of its search against the first one's."""
    rows: dict[int, dict[str, Any]] = {}
    for fact in replay.facts():
        if fact.kind is FactKind.ROUND_BEGUN:
            week = (fact.at - replay.source.begins(1)).days // 7  # the look at the end of week n is at the Monday after
            words = {"kinds": ", ".join(fact.words["kinds"]), "why": "; ".join(fact.words["why"])}
            rows[fact.round or 0] = {"round": fact.round, "week": week, **words, "outcome": "under way", "hours": None}
        elif fact.round in rows and fact.kind is FactKind.SEARCHED:
            rows[fact.round]["hours"] = fact.words["hours"]
        elif fact.round in rows and fact.kind is FactKind.ROUND_ENDED:
            rows[fact.round]["outcome"] = fact.words["outcome"]
    first = next((row["hours"] for row in rows.values() if row["hours"]), None)
    for row in rows.values():
        row["share"] = row["hours"] / first if row["hours"] and first else None
    return list(rows.values())


def change_of(
    week: int, happened: dict[int, str], weeks: Sequence[WeekFigures], rounds: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return what became of a change: the first round after it, and mAP50 before, at the worst and in the end."""
    later = [other for other in happened if other > week]
    end = min([*later, len(weeks) + 1])
    before = [one.map50 for one in weeks if one.week < week and one.map50 is not None]
    since = [one.map50 for one in weeks if week <= one.week < end and one.map50 is not None]
    fired = next((row for row in rounds if week <= row["week"] < end), None)
    alert = next((f"alert, {one.week}" for one in weeks if week <= one.week < end and one.alerts), "")
    return {
        "what": happened[week],
        "week": week,
        "fired": fired["week"] if fired else None,
        "kinds": fired["kinds"] if fired else "",
        "alert": alert,
        "map50": [before[-1] if before else None, min(since, default=None), since[-1] if since else None],
    }


def _changes(plan: Plan) -> dict[int, str]:
    """Return what happens by the week in which it begins."""
    return {
        week: ", ".join(f"{event.kind} ({', '.join(event.stores) or 'all stores'})" for event in happened)
        for week, happened in plan.items()
    }


def main() -> None:
    """Read the line, replay, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="all that is made lies there; an ended run goes on")
    parser.add_argument("--weeks", type=int, default=34)
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--soon", action="store_true", help="events four weeks apart")
    parser.add_argument("--seeds", type=int, default=3, help="of the renderer, with --quiet")
    parser.add_argument("--seed", type=int, default=0, help="of the renderer, with events")
    parser.add_argument("--looks", type=int, default=1, help="a week")
    parser.add_argument("--hours", type=float, default=0.1, help="budget of the first search")
    parser.add_argument("--quick", action="store_true", help="searches of one short training")
    parser.add_argument("--images-seen", type=int, default=1920, help="by the training of a short search")
    parser.add_argument("--images-week", type=int, default=6, help="of each of the six stores")
    parser.add_argument("--labels", type=int, default=60, help="images handed over at once, at most")
    parser.add_argument("--sampled", type=int, default=6, help="images a week that are labelled at random")
    default = ["brightness", "contrast", "sharpness", "object_size", "class_mix", "count", "confidence"]
    parser.add_argument("--watch", nargs="*", default=default)
    parser.add_argument("--keep", action="store_true", help="keep the folders of all seeds")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("more", nargs="*", help="further overrides of the pipeline")
    given = parser.parse_args()
    given.folder = given.folder.absolute()
    found = quiet(given) if given.quiet else events(given)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1, default=str))


if __name__ == "__main__":
    main()
