"""How often rollouts end wrongly, and how soon rightly: canaries simulated over a day, looked at each hour.

    python tests/benchmarks/rollout_rules.py [RUNS]

Each hour the champion answers 900 images and the canary 100; latencies are lognormal (p95 27 % over the median), one
hour differs from the next by 5 % for both alike, answers fail at a stated rate. The rules are the defaults.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))
from rolled_out import BASE

from search.operate.rollout.answers import Answers
from search.operate.rollout.contract import Standing
from search.operate.rollout.rules import Compared, hold
from search.settings.pipeline.pipeline_settings import load_pipeline

HOURS, CHAMPIONS, CANARYS = 24, 900, 100
RULES = load_pipeline([f"pipeline={BASE}", "name=x", "data.root=x"]).rollout.rules
CASES = {  # of the canary: times the champion's latency, failed share
    "the same": (1.0, 0.001),
    "10 % slower": (1.1, 0.001),
    "at the bound of 20 %": (1.2, 0.001),
    "30 % slower": (1.3, 0.001),
    "50 % slower": (1.5, 0.001),
    "0.5 % fail": (1.0, 0.005),
    "3 % fail": (1.0, 0.03),
}


def run(slower: float, failed: float, rng: np.random.Generator) -> tuple[str, int]:
    """Return how a rollout ended (promoted, rolled back, waits) and after how many hours."""
    rules = RULES
    own, other = Answers(()), Answers(())
    standings: Sequence[Standing] = ()
    for hour in range(1, HOURS + 1):
        of_hour = 10 * np.exp(0.05 * rng.normal())
        for answers, count, factor in ((own, CANARYS, slower), (other, CHAMPIONS, 1.0)):
            for value in factor * of_hour * rng.lognormal(0, 0.145, count):
                answers.latencies_ms.add(float(value))
            answers.count += count
            answers.failed += int(rng.binomial(count, failed if answers is own else 0.001))
        standings = [one.standing for one in hold(rules, Compared(own, other, {}, None, paired=False))]
        if Standing.BROKEN in standings:
            return "rolled back", hour
    return ("promoted" if set(standings) == {Standing.KEPT} else "waits"), HOURS


def main(runs: int) -> None:
    """Print a row a case."""
    print("| canary | promoted | waits on | rolled back | after hours (median) |\n|---|---|---|---|---|")
    for name, (slower, failed) in CASES.items():
        rng = np.random.default_rng(7)
        ends = [run(slower, failed, rng) for _ in range(runs)]
        count = Counter(end for end, _ in ends)
        hours = [hour for end, hour in ends if end == "rolled back"]
        shares = " | ".join(f"{count[end] / runs:.1%}" for end in ("promoted", "waits", "rolled back"))
        print(f"| {name} | {shares} | {np.median(hours) if hours else '–'} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
