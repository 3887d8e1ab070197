"""False alarms of drift over simulated years in which nothing changes.

    python -m tests.benchmarks.drift_years [--streams 12] [--days 180] [--stated 4] [--margin 0]

Streams of brightness, store by store, whose days are alike (a first-order autoregression) and whose weeks may be, by
`tests/drifting_stream.py`; the first 28 days are the baseline, and a window of seven days is looked at each
day, or each week. The margin is 0 and the stated rate high, so that there are false alarms to count. Prints a JSON line
for each kind of stream: years, alarms, and alarms a year.
"""

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from objectives.drift.look import look
from objectives.drift.spending import YEAR_DAYS, alpha_of_look
from tests.drifting_stream import Quiet, span, stream

KINDS = {
    "8 stores, days alike by 0.5": Quiet(stores=8),
    "8 stores, weeks alike": Quiet(stores=8, week_sd=0.05, correlation=0.0),
    "3 stores, some days away": Quiet(stores=3, week_sd=0.03, away=0.3),
    "1 store, days alike by 0.5": Quiet(stores=1),
    "1 store, days alike by 0.8": Quiet(stores=1, correlation=0.8),
    "1 store, weeks alike": Quiet(stores=1, week_sd=0.05, correlation=0.0),
}


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=12)
    parser.add_argument("--days", type=int, default=180, help="of each, after the baseline's")
    parser.add_argument("--stated", type=float, default=4.0, help="false alarms a year")
    parser.add_argument("--margin", type=float, default=0.0)
    options = parser.parse_args(arguments)
    lines = []
    for (name, quiet), step in ((kind, step) for kind in KINDS.items() for step in (7, 1)):
        alarms = sum(_alarms(quiet, seed, step, options) for seed in range(options.streams))
        years = options.streams * options.days / YEAR_DAYS
        lines.append({"stream": name, "step_days": step, "years": round(years, 1), "alarms": alarms})
        lines[-1]["a_year"] = round(alarms / years, 2)
        print(json.dumps(lines[-1]), flush=True)
    return lines


def _alarms(quiet: Quiet, seed: int, step: int, options: argparse.Namespace) -> int:
    end = 28 + options.days
    images = stream(quiet, end, np.random.default_rng(seed))
    reference, alpha = span(images, 0, 28), alpha_of_look(options.stated, step, 7)
    windows = (span(images, now - 7, now) for now in range(35, end + 1, step))
    margins = {"brightness": options.margin}
    return sum(look(reference, w, ["brightness"], margins, alpha, images_min=10)[0].drifted for w in windows)


if __name__ == "__main__":
    main()
