"""A made study with a stock detector, and its proof as far as it is asked for: figures by hand, nothing is trained.

`python tests/proven_study.py FOLDER [SEEDS]` writes its page, to look at.
"""

import random
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from conftest import DATA, DEVICE, SETTINGS, latency_of, make_trial
from optuna.trial import FrozenTrial, TrialState, create_trial

from objectives.records import attributes
from objectives.records.gate import Gate
from objectives.records.proof import Entrant, Length, ProofRecord, ProofTerms
from objectives.records.records import Accuracy, ClassAccuracy
from objectives.records.trial_record import read_trial
from reports.table.table import StudyTable, judged_rows, read_trials

STOCK = {"backbone.name": "yolo26", "backbone.width": 0.25, "head.kind": "end2end", "size.pixels": 256}
TERMS = ProofTerms(24)


def proven_study(
    ours: Sequence[float],
    base: Sequence[float],
    *,
    trials: int = 40,
    stock_map: float = 0.45,
    stock_ms: float = 9.0,
    gate: Gate | None = None,
) -> StudyTable:
    """Return a study of so many trials beside its stock detector, trial 0, and the proof of its most accurate one.

    Args:
        ours: mAP of that trial over its seeds; empty for a study without a proof.
        base: of the stock detector, likewise.
        trials: of the search.
        stock_map: of the stock detector in the search.
        stock_ms: its median latency.
        gate: bounds of the study; None for none.
    """
    rng = random.Random(5)
    found = [scored(0, stock_map, stock_ms, {attributes.BASELINE: "yolo26n", attributes.CANDIDATE: STOCK})]
    found += [make_trial(number, rng, datetime(2026, 3, 2, 9, 0)) for number in range(1, trials + 1)]
    finished = [trial for trial in found[1:] if trial.state is TrialState.COMPLETE]
    rows = judged_rows([read_row(trial) for trial in finished], gate or Gate())
    best = max((row for row in rows if gate is None or row.passes_gate), key=lambda row: row.map or 0.0)
    seeds = tuple(range(101, 101 + max(len(ours), len(base))))
    kept: dict[str, Any] = {}
    if seeds:
        kept[attributes.PROOF] = ProofRecord(
            (Entrant(best.number, TERMS), Entrant(0, TERMS)), 0, seeds, 0.95, Length.TRIAL, "2026-03-03"
        ).to_json()
    for seed, own, other in zip(seeds, ours, base, strict=False):
        for number, map_, ms in ((best.number, own, best.p50_ms or 1.0), (0, other, stock_ms)):
            attrs = {attributes.PROVES: number, attributes.SEED: seed, attributes.TERMS: TERMS.to_json()}
            of_seed = scored(len(found), map_, ms * (1 + 0.002 * (seed % 3)), attrs)
            found.append(of_seed)
    return read_trials("retail", found, {**study_attributes(gate), **kept})


def read_row(trial: FrozenTrial) -> Any:
    from reports.table.row import make_row

    return make_row(read_trial(trial), DEVICE, ())


def study_attributes(gate: Gate | None) -> dict[str, Any]:
    """Return what the study says of itself."""
    return {
        attributes.SETTINGS: SETTINGS,
        attributes.DATA: DATA,
        attributes.DEVICE: {"name": "shelf camera", "processor": "Cortex-A76"},
        attributes.FINGERPRINTS: {"device": DEVICE},
        **({attributes.GATE: gate.to_json()} if gate else {}),
    }


def scored(number: int, map_: float, p50_ms: float, attrs: dict[str, Any], images: int = 240) -> FrozenTrial:
    """Return a finished trial of these figures; every class has them, and 60 boxes."""
    per_class = {name: ClassAccuracy(map_, min(1.0, 1.3 * map_), 60) for name in DATA["classes"]}
    made = create_trial(
        values=[map_, p50_ms],
        user_attrs={
            attributes.ACCURACY: Accuracy(map_, min(1.0, 1.3 * map_), per_class, "val", images).to_json(),
            attributes.LATENCY: latency_of(p50_ms, random.Random(2)).to_json(),
            **attrs,
        },
    )
    made.number = number
    return made


if __name__ == "__main__":
    from reports.page.page import write_page

    out, seeds = Path(sys.argv[1]), int([*sys.argv[2:], "0"][0])
    own, other = [0.53, 0.55, 0.54, 0.545, 0.535][:seeds], [0.45, 0.44, 0.46, 0.455, 0.445][:seeds]
    bounds = Gate(map50_min=0.62, p95_ms_max=10.0)
    print(write_page(proven_study(own, other, gate=bounds), out, out / "report.html"))
