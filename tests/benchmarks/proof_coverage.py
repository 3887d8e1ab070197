"""How often the true mAP of a proven winner lies in its interval, over simulated studies on recorded tables.

    python -m tests.benchmarks.proof_coverage [--studies 200] [--table FILE:ACCURACY:LATENCY ...] [--seeds 3]
        [--finalists 3] [--level 0.95] [--sd 0.013] [--spread 0] [--candidates 40] [--seed 0]

A study draws candidates from a table; what the table records is their true mAP. The search sees each once, with the
scatter of a seed added (normal, standard deviation `--sd`; measured: .013 to .014; with `--spread` it differs from
candidate to candidate, log-normally); a bound of latency is drawn, so that some do not meet the gate. Finalists are
chosen, trained again and judged by the product's own code, with a baseline drawn from the same table. Prints a JSON
line a table and one for all: share of studies whose winner's true mAP lies in its interval (`covered`), the same by
Student's interval of the winner's own seeds (`student_covered`), and of the difference from the baseline; mean half
widths; beside them the naive figure, the best that the search has seen: how often its truth lies within ± 1.96 sd of
it (`naive_covered`) and how far it is too high (`naive_bias`); and how far the winner's mean is off (`bias`), and how
much truth is given away against the best candidate there was (`regret`, `naive_regret`).

The claim: `covered` is the level, ± 3 points, for the tables together.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from objectives.records import attributes as keys
from objectives.records.gate import Gate
from objectives.records.proof import Length
from objectives.records.records import Accuracy, Latency, Outcome, Rung
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase
from reports.table.proof.contestants import Proof, read_proof
from reports.table.proof.intervals import t_interval
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.loop.proof.finalists import Lengths, new_proof
from search.settings.settings import Settings, load_settings
from tests.benchmarks.replay_table import Columns, read_table

HERE = Path(__file__).parent
EMBEDDED = f"{HERE / 'recorded_embedded.csv'}:map:p50_ms"
EPOCHS = 10


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    options = _options().parse_args(arguments)
    settings = load_settings(
        ["conf=smoke", *(f"proof.{name}={getattr(options, name)}" for name in ("seeds", "finalists", "level"))]
    )
    found, lines = [], []
    for i, named in enumerate(options.table or [EMBEDDED]):
        path, accuracy, latency = named.rsplit(":", 2)
        table = read_table(Path(path), Columns(accuracy, latency, ()))
        truth = np.array([(row.best_until(EPOCHS), row.latency_ms) for row in table.rows if not row.failed], float)
        rng = np.random.default_rng((options.seed, i))
        studies = [_study(truth, settings, options, rng) for _ in range(options.studies)]
        found += studies
        lines.append({"table": table.name, **_summary(studies)})
    lines.append({"table": "all", **_summary(found)})
    for line in lines:
        print(json.dumps(line))
    return lines


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=200, help="of each table")
    parser.add_argument("--table", action="append", help="FILE:ACCURACY:LATENCY")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--finalists", type=int, default=3)
    parser.add_argument("--level", type=float, default=0.95)
    parser.add_argument("--sd", type=float, default=0.013)
    parser.add_argument("--spread", type=float, default=0.0)
    parser.add_argument("--candidates", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def _study(truth: np.ndarray, settings: Settings, options: Any, rng: np.random.Generator) -> dict[str, float]:
    """Return what came of one study."""
    chosen = rng.choice(len(truth), min(options.candidates, len(truth)), replace=False)
    true, ms = truth[chosen, 0], truth[chosen, 1]
    sds = options.sd * np.exp(rng.normal(0, options.spread, len(true)))
    bound = float(np.quantile(ms, rng.uniform(0.3, 1.0)))
    rows = [_row(n, true[n] + rng.normal(0, sds[n]), ms[n], ms[n] <= bound) for n in range(len(true))]
    rows[0] = replace(rows[0], baseline="recorded")
    table = StudyTable("simulated", tuple(rows), Gate(p50_ms_max=bound))
    record = new_proof(table, settings, Lengths(EPOCHS, 0), Length.TRIAL)
    proofs = [
        replace(
            _row(len(rows) + k, true[piece.number] + rng.normal(0, sds[piece.number]), ms[piece.number], passes=False),
            proves=piece.number,
            seed=piece.seed,
            terms=piece.terms,
        )
        for k, piece in enumerate(record.pieces())
    ]
    proof = read_proof(replace(table, rows=(*rows, *proofs), record=StudyRecord({keys.PROOF: record.to_json()})))
    assert proof is not None
    return _outcome(proof, true, options)


def _outcome(proof: Proof, true: np.ndarray, options: Any) -> dict[str, float]:
    winner, naive = proof.winner, proof.finalists[0]  # the best that the search has seen within the gate
    assert winner is not None and winner.map is not None  # noqa: PT018  # no test
    assert winner.over_baseline is not None and proof.baseline is not None  # noqa: PT018  # likewise
    own = t_interval([row.map or 0.0 for row in winner.trainings], options.level)
    assert own is not None
    truth, of_naive, base = true[winner.number], true[naive.number], true[proof.baseline.number]
    apart = winner.over_baseline
    return {
        "covered": winner.map.low <= truth <= winner.map.high,
        "student_covered": own.low <= truth <= own.high,
        "difference_covered": apart.low <= truth - base <= apart.high,
        "half": winner.map.half,
        "student_half": own.half,
        "difference_half": apart.half,
        "bias": winner.map.mean - truth,
        "naive_covered": abs((naive.row.map or 0.0) - of_naive) <= 1.96 * options.sd,
        "naive_bias": (naive.row.map or 0.0) - of_naive,
        "optimism": proof.optimism or 0.0,
        "missed_low": truth < winner.map.low,
        "regret": max(true[one.number] for one in proof.finalists) - truth,
        "naive_regret": max(true[one.number] for one in proof.finalists) - of_naive,
    }


def _row(number: int, map_: float, ms: float, passes: bool) -> TrialRow:
    map_ = float(min(max(map_, 0.0), 1.0)) if map_ > 0 else float(map_)
    latency = Latency(float(ms), float(ms), float(ms), float(ms), float(ms), 60, 1.0, True, "", "", 0)
    return TrialRow(
        number=number,
        phase=Phase(Outcome.FINISHED.value),
        candidate={"backbone.name": f"recorded_{number}"},
        map=map_,
        objective_ms=float(ms),
        accuracy=Accuracy(map_, map_, {}, "val", 100),
        latency=latency,
        rungs=(Rung(EPOCHS, map_, map_, 1.0, 1.0, True),),
        passes_gate=bool(passes),
    )


def _summary(studies: Sequence[dict[str, float]]) -> dict[str, float]:
    return {"studies": len(studies)} | {name: round(fmean(one[name] for one in studies), 4) for name in studies[0]}


if __name__ == "__main__":
    main()
