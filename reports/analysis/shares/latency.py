"""What makes the latency: shares of the parts of the deployed network, from all networks that were measured.

A linear model of the logarithm of the median latency, by what is deployed alone: backbone, neck, head, input size,
pruning, slim parts, precision (`spaces.vocabulary.is_deployed`). Its fit is judged on each network by a model of all
others (leave one out; for ridge regression in closed form, the PRESS statistic of Allen 1974), and divided among the
parts by Shapley's value: what a part adds to the explained variance, over all orders in which parts may be added (LMG,
Lindeman, Merenda and Gold 1980; Groemping 2007, The American Statistician 61). The shares add up to what is explained.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from objectives.records.even_sample import evenly
from reports.analysis.shares.choices import Columns, columns_of
from reports.analysis.shares.shapley import shapley, subsets
from reports.table.table import StudyTable
from spaces.vocabulary import DEFAULTS, is_deployed

NETWORKS_MIN = 12  # different networks
FIGURES_MAX = 1500  # of more an even sample is looked at
NETWORKS_MAX = 500  # of more an even sample is looked at
EXPLAINED_MIN = 0.5  # share of the variance; below it nothing is said
SHARE_MIN = 0.02  # of a part that is named
CHANCE = 4.0  # networks' worth of the rest that a part must explain to be needed
RIDGES = (0.001, 0.01, 0.1)  # of columns of variance 1, a network
NETWORKS_OF_VALUE_MIN = 3  # networks that a value needs for an effect of its own
ALIKE_MIN = 0.9  # share of either part that the other one explains, from which on they cannot be told apart
NOT_CUT: Mapping[str, Any] = {"prune.ratio": 0.0, "prune.at": None}
SAME_LOG = 1e-4  # spread of log latency below which all are alike


@dataclass(frozen=True)
class MeasuredNetworks:
    """Networks that were measured, each once.

    Attributes:
        choices: of each network, what is deployed: dimension to value; None where it has no such choice.
        logs: of each the logarithm of its median latency in ms; of several figures the mean.
        left_out: figures that are unstable, and are none of these.
        sampled: whether they are of an even sample of the figures.
    """

    choices: tuple[Mapping[str, Any], ...]
    logs: tuple[float, ...]
    left_out: int = 0
    sampled: bool = False


@dataclass(frozen=True)
class LatencyShares:
    """What explains the latency.

    Attributes:
        parts: part of the network to its share of the variance, the greatest first.
        explained: share of the variance that the model explains of networks that it was not fitted to.
        networks: number of them.
        sampled: whether they are an even sample of more.
        left_out: unstable figures that are not among them.
        reason: why there are no parts, else empty.
    """

    parts: tuple[tuple[str, float], ...]
    explained: float | None
    networks: int
    sampled: bool = False
    left_out: int = 0
    reason: str = ""


def latency_shares(table: StudyTable) -> LatencyShares:
    """Return what explains the latency of a study's networks on its device."""
    found = measured_networks(table)
    kept = evenly(list(zip(found.choices, found.logs, strict=True)), NETWORKS_MAX)
    shares = shares_of([choices for choices, _ in kept], [log for _, log in kept])
    sampled = found.sampled or len(kept) < len(found.logs)
    return LatencyShares(shares.parts, shares.explained, len(kept), sampled, found.left_out, shares.reason)


def measured_networks(table: StudyTable) -> MeasuredNetworks:
    """Return the networks of trials, of children and of what was measured ahead, each once; the baseline is left out.

    Its network is none that the space chose.
    """
    figures, unstable = [], 0
    for row in table.rows:
        if row.p50_ms is None or row.other_device or row.is_proof or row.is_baseline or row.is_carried:
            continue
        unstable += not row.stable
        figures += [(row.candidate, row.p50_ms)] if row.stable else []
    fixed = _fixed([candidate for candidate, _ in figures])
    for params, p50_ms, stable in _ahead(table):
        unstable += not stable
        figures += [({**fixed, **params}, p50_ms)] if stable else []
    thinned = evenly(figures, FIGURES_MAX)
    return MeasuredNetworks(*_each_once(thinned), left_out=unstable, sampled=len(thinned) < len(figures))


def shares_of(choices: Sequence[Mapping[str, Any]], logs: Sequence[float]) -> LatencyShares:
    """Return what explains these logarithms of latencies by these choices, one of each a network."""
    count = len(logs)
    if count < NETWORKS_MIN:
        return LatencyShares((), None, count, reason=f"needs {NETWORKS_MIN} different networks measured, has {count}")
    target = np.array(logs)
    if target.std() < SAME_LOG:
        return LatencyShares((), None, count, reason=f"all {count} networks have the same latency")
    parts = _parts(choices)
    if not parts:
        return LatencyShares((), None, count, reason="the measured networks differ in nothing that the space chose")
    ridge = max(RIDGES, key=lambda value: _explained(list(parts.values()), target, value))
    needed = _needed(parts, target, ridge)
    fits = {
        some: _explained([needed[name] for name in needed if name in some], target, ridge) for some in subsets(needed)
    }
    explained = fits[frozenset(needed)]
    if explained < EXPLAINED_MIN:
        said = f"the choices of the network explain {max(explained, 0):.0%} of its variance over {count} networks"
        return LatencyShares((), explained, count, reason=f"{said}, too little to divide among them")
    ranked = sorted(shapley(fits).items(), key=lambda item: (-item[1], item[0]))
    return LatencyShares(tuple(item for item in ranked if item[1] >= SHARE_MIN), explained, count)


def _needed(parts: Mapping[str, Columns], target: Columns, ridge: float) -> dict[str, Columns]:
    """Return the parts without those that only go along with others: their loss costs no more than chance would give.

    A part that says nothing lowers the unexplained rest by one column's share of the networks, and seldom by five.
    """
    needed, least = dict(parts), 1 + CHANCE / len(target)
    while len(needed) > 1:
        rest = 1 - _explained(list(needed.values()), target, ridge)
        without = {name: 1 - _explained([needed[n] for n in needed if n != name], target, ridge) for name in needed}
        lost = min(without, key=lambda name: (without[name], name))
        if without[lost] > least * rest:
            break
        del needed[lost]
    return needed


def _ahead(table: StudyTable) -> Iterator[tuple[Mapping[str, Any], float, bool]]:
    """Yield what was measured ahead of trials on the table's device: choices, p50 in ms, whether that is stable."""
    is_first = table.device_name == str(table.record.device.get("name") or "")
    for _, found in table.record.measured():
        latency = found.latency if is_first else found.latencies.get(table.device_name)
        if latency is not None and 0 < latency.p50_ms < math.inf:
            yield found.params, latency.p50_ms, latency.stable


def _fixed(candidates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the choices that all candidates share: what was measured ahead is kept without them."""
    first = dict(candidates[0]) if candidates else {}
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in candidates)}


def _each_once(figures: Sequence[tuple[Mapping[str, Any], float]]) -> tuple[tuple[Any, ...], tuple[float, ...]]:
    """Return each network with the mean of its figures' logarithms."""
    found: dict[str, tuple[dict[str, Any], list[float]]] = {}
    for candidate, p50_ms in figures:
        deployed = {**{k: v for k, v in DEFAULTS.items() if is_deployed(k)}, **_deployed(candidate)}
        key = json.dumps(deployed, sort_keys=True, default=str)
        found.setdefault(key, (deployed, []))[1].append(math.log(p50_ms))
    return tuple(one for one, _ in found.values()), tuple(fmean(logs) for _, logs in found.values())


def _deployed(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is deployed of a candidate; without a cut its share is 0, and it has no moment."""
    is_cut = candidate.get("prune.importance", "none") != "none"
    deployed = {name: value for name, value in candidate.items() if is_deployed(name)}
    return deployed if is_cut else {**deployed, **NOT_CUT}


def _parts(choices: Sequence[Mapping[str, Any]]) -> dict[str, Columns]:
    """Return the parts of the network that differ, with their columns; a part of one choice goes by its name."""
    names = dict.fromkeys(name for one in choices for name in one)
    groups: dict[str, dict[str, Columns]] = {}
    for name in names:
        columns = columns_of([one.get(name) for one in choices], log=True, members_min=NETWORKS_OF_VALUE_MIN)
        if columns is not None:
            groups.setdefault(name.partition(".")[0], {})[name] = columns
    parts = {_name(group, list(found)): np.concatenate([*found.values()], axis=1) for group, found in groups.items()}
    return _told_apart(parts)


def _told_apart(parts: Mapping[str, Columns]) -> dict[str, Columns]:
    """Return the parts; those that changed together in nearly all networks are one, as 'backbone.name + head.kind'."""
    kept: dict[str, Columns] = {}
    for name, columns in parts.items():
        twin = next((other for other, found in kept.items() if _alike(columns, found)), None)
        if twin is None:
            kept[name] = columns
        else:
            kept = {f"{k} + {name}" if k == twin else k: found for k, found in kept.items()}
    return kept


def _alike(one: Columns, other: Columns) -> bool:
    """Whether each of two parts explains nearly all of the other one."""
    return min(_explains(one, other), _explains(other, one)) >= ALIKE_MIN


def _explains(columns: Columns, others: Columns) -> float:
    fitted = columns @ np.linalg.lstsq(columns, others, rcond=None)[0]
    return float((fitted**2).sum() / (others**2).sum())


def _name(group: str, names: Sequence[str]) -> str:
    """Return 'size.pixels', or 'backbone (name, width)'."""
    return names[0] if len(names) == 1 else f"{group} ({', '.join(name.partition('.')[2] for name in names)})"


def _explained(parts: Sequence[Columns], target: Columns, ridge: float) -> float:
    """Return the share of the variance that is explained where each network is predicted by a model of the others."""
    count = len(target)
    apart = target - target.mean()
    whole = float((apart**2).sum()) * (count / (count - 1)) ** 2  # each predicted by the mean of the others
    if not parts:
        return 0.0
    columns = np.concatenate(parts, axis=1)
    gram = columns.T @ columns + ridge * count * np.eye(columns.shape[1])
    solved = np.linalg.solve(gram, columns.T)
    rest = apart - columns @ (solved @ apart)
    leverage = np.einsum("ij,ji->i", columns, solved) + 1 / count
    return 1 - float(((rest / np.maximum(1 - leverage, 1e-6)) ** 2).sum()) / whole
