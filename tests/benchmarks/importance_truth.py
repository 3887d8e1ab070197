"""Whether importances are true: false alarms and hits where it is known what matters, beside Optuna's evaluators.

`python tests/benchmarks/importance_truth.py [STUDIES]` (default 100 studies a line, about a minute).

Accuracy: studies of 14 choices, as `space/...=full` has them, of which three matter (a backbone of 8, the input size,
the learning rate with its best in the middle), two of them weakly, or none; noise of the size that seeds have. Half of
the studies are sampled at random, half drift towards what was good, as a sampler's are. A false alarm is a study in
which a choice without any effect is shown; a hit is a choice with one that is shown. Of Optuna's evaluators, which show
a bar for every choice, the greatest bar is counted, and what share of the bars the choices without effect have.

Latency: networks with known shares of log latency; a false alarm is a part without effect with 2 % or more.
"""

import math
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from reports.analysis.importance import Importance, importances
from reports.analysis.shares.latency import shares_of
from reports.table.table import read_trials

BACKBONES = tuple(f"net_{index}" for index in range(8))
SPACE: dict[str, BaseDistribution] = {
    "backbone.name": CategoricalDistribution(BACKBONES),
    "neck.width": CategoricalDistribution([16, 24, 32]),
    "head.kind": CategoricalDistribution(["nms", "end2end"]),
    "size.pixels": IntDistribution(128, 256, step=32),
    "augment.policy": CategoricalDistribution(["none", "light", "shelf"]),
    "augment.mixup": FloatDistribution(0, 0.5),
    "train.lr0": FloatDistribution(1e-4, 1e-2, log=True),
    "train.cosine": CategoricalDistribution([True, False]),
    "train.weight_decay": FloatDistribution(1e-4, 1e-2, log=True),
    "train.box": FloatDistribution(5, 9),
    "train.cls": FloatDistribution(0.5, 1.5),
    "train.class_weights": CategoricalDistribution([0, 0.5]),
    "train.momentum": FloatDistribution(0.8, 0.98),
    "train.warmup": FloatDistribution(0, 0.2),
}
MATTER = {"backbone.name", "size.pixels", "train.lr0"}
NOISE_SD = 0.02
COUNTS = (10, 30, 100)
Params = dict[str, Any]


def sampled(rng: np.random.Generator, near: Params | None) -> Params:
    """Return a candidate; near another one where one is given, as samplers propose them."""
    found: Params = {}
    for name, domain in SPACE.items():
        if near is not None and rng.random() < 0.6:
            found[name] = near[name]
        elif isinstance(domain, CategoricalDistribution):
            found[name] = domain.choices[int(rng.integers(len(domain.choices)))]
        elif isinstance(domain, IntDistribution):
            found[name] = int(rng.integers((domain.high - domain.low) // domain.step + 1)) * domain.step + domain.low
        elif isinstance(domain, FloatDistribution):
            low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
            value = float(rng.uniform(low, high))
            found[name] = math.exp(value) if domain.log else value
    return found


def quality(params: Params, strengths: Sequence[float], effect: float) -> float:
    """Return the mAP without noise: what matters is the backbone, the size, and the learning rate."""
    rate = (math.log10(params["train.lr0"]) + 3) ** 2
    size = (params["size.pixels"] - 192) / 64
    return 0.4 + effect * (0.04 * strengths[BACKBONES.index(params["backbone.name"])] + 0.03 * size - 0.05 * rate)


def study(count: int, seed: int, effect: float, *, drifts: bool) -> list[tuple[Params, float]]:
    """Return candidates with their mAP; of one that drifts each comes near one of the best so far."""
    rng = np.random.default_rng(seed)
    strengths = rng.permutation(np.linspace(-1.5, 1.5, len(BACKBONES))).tolist()
    found: list[tuple[Params, float]] = []
    for number in range(count):
        best = sorted(found, key=lambda one: -one[1])[:3] if drifts and number >= 8 else []
        near = best[int(rng.integers(3))][0] if best else None
        params = sampled(rng, near)
        found.append((params, quality(params, strengths, effect) + float(rng.normal(0, NOISE_SD))))
    return found


def trials_of(made: Sequence[tuple[Params, float]]) -> list[optuna.trial.FrozenTrial]:
    """Return them as finished trials of two objectives."""
    trials = []
    for number, (params, value) in enumerate(made):
        trial = create_trial(values=[value, 1.0 + number], params=params, distributions=SPACE)
        trial.number = number
        trials.append(trial)
    return trials


def ours(made: Sequence[tuple[Params, float]]) -> Importance:
    """Return what the page shows."""
    return importances(read_trials("s", trials_of(made), {}))[0]


def optunas(made: Sequence[tuple[Params, float]], evaluator: Any) -> dict[str, float]:
    """Return shares by one of Optuna's evaluators."""
    of_one = optuna.create_study(direction="maximize")
    of_one.add_trials(create_trial(value=value, params=params, distributions=SPACE) for params, value in made)
    return get_param_importances(of_one, evaluator=evaluator)


def line(count: int, effect: float, studies: int) -> str:
    """Return one line of the table of accuracy."""
    false = hits = 0
    spent = 0.0
    wrong: dict[str, list[float]] = {"ped": [], "fanova": []}
    first: dict[str, int] = {"ped": 0, "fanova": 0}
    matter = MATTER if effect else set()
    for seed in range(studies):
        made = study(count, seed, effect, drifts=seed % 2 == 1)
        began = time.perf_counter()
        shown = {part.name for part in ours(made).parts}
        spent += time.perf_counter() - began
        false += bool(shown - matter)
        hits += len(shown & matter)
        for key, evaluator in peers(count):
            shares = optunas(made, evaluator())
            first[key] += next(iter(shares)) not in matter
            wrong[key].append(sum(share for name, share in shares.items() if name not in matter) / sum(shares.values()))
    said = f"{count:6} {effect:7.1f} {false / studies:12.2f} {hits / studies:6.2f} of {len(matter)}"
    for key in wrong:
        known = wrong[key]
        said += f" {first[key] / studies:11.2f} {np.mean(known):9.2f}" if known else f" {'–':>11} {'–':>9}"
    return f"{said} {1000 * spent / studies:8.0f}"


def peers(count: int) -> list[tuple[str, Callable[[], Any]]]:
    """Return Optuna's evaluators; the forest of fANOVA only where it takes no minutes."""
    fanova = [("fanova", lambda: FanovaImportanceEvaluator(n_trees=16, seed=0))] if count <= 30 else []
    return [("ped", lambda: PedAnovaImportanceEvaluator()), *fanova]


def network(rng: np.random.Generator, *, along: bool) -> Params:
    """Return a network; with `along`, its neck goes with its backbone three times of four."""
    backbone = int(rng.integers(len(BACKBONES)))
    width = (16, 24, 32)[backbone % 3] if along and rng.random() < 0.75 else (16, 24, 32)[int(rng.integers(3))]
    return {
        "backbone.name": BACKBONES[backbone],
        "neck.width": width,
        "head.kind": ("nms", "end2end")[int(rng.integers(2))],
        "size.pixels": int(rng.integers(5)) * 32 + 128,
        "slim.p4": (0.0, 0.0, 0.3, 0.5)[int(rng.integers(4))],
        "deploy.nms_iou": (0.5, 0.6, 0.7)[int(rng.integers(3))],
    }


def latency_line(count: int, studies: int, *, along: bool) -> str:
    """Return one line of the table of latency: neck, head and IoU have no effect; the errors are of the shares."""
    false, named = 0, 0
    errors: list[float] = []
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        networks = [network(rng, along=along) for _ in range(count)]
        parts = {
            "backbone.name": np.array([0.25 * BACKBONES.index(one["backbone.name"]) for one in networks]),
            "size.pixels": np.array([1.8 * math.log(one["size.pixels"]) for one in networks]),
            "slim.p4": np.array([-0.5 * one["slim.p4"] for one in networks]),
        }
        logs = sum(parts.values()) + rng.normal(0, 0.03, count)
        found = dict(shares_of(networks, list(logs)).parts)
        true = {name: float(values.var() / logs.var()) for name, values in parts.items()}
        false += bool(found.keys() - true.keys())
        named += bool(found)
        errors += [abs(found[name] - true[name]) for name in ("backbone.name", "size.pixels") if name in found]
    off = f"{np.mean(errors):12.3f}" if errors else f"{'–':>12}"
    return f"{count:6} {'along' if along else 'apart':>7} {false / studies:12.2f} {named / studies:10.2f} {off}"


def main() -> None:
    """Print both tables."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    print("accuracy: 14 choices")
    print("trials  effect  false alarms  hits       PED-ANOVA: first  wrong   fANOVA: first  wrong     ms")
    for effect in (0.0, 0.5, 1.0):
        for count in COUNTS:
            print(line(count, effect, studies), flush=True)
    print("latency: 6 choices of the network, 3 without effect")
    print("networks  neck  false alarms  spoken of  share off by")
    for along in (False, True):
        for count in COUNTS:
            print(latency_line(count, studies, along=along), flush=True)


if __name__ == "__main__":
    main()
