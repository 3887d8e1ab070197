"""A page of whole published detectors beside ours: they have no neck width and no kind of head to choose."""

import json
import re
from pathlib import Path
from typing import Any

from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, create_trial

from objectives.records import attributes
from reports.analysis.importance import importances
from reports.page.page import render_page
from reports.table.table import read_trials

DOMAINS: dict[str, Any] = {
    "neck.kind": CategoricalDistribution(["pan", "own"]),
    "neck.width": CategoricalDistribution([16, 32]),
    "head.kind": CategoricalDistribution(["nms", "end2end"]),
    "size.pixels": CategoricalDistribution([128, 160, 192]),
}
FIXED = {"backbone.name": "yolo26", "backbone.width": 0.25, "backbone.depth": 0.5}


def trial_of(number: int) -> FrozenTrial:
    """Return a measured trial: of every two one is whole, and clearly better."""
    own = number % 2 == 0
    params: dict[str, Any] = {"neck.kind": "own" if own else "pan", "size.pixels": (128, 160, 192)[number % 3]}
    if not own:
        params |= {"neck.width": (16, 32)[number // 2 % 2], "head.kind": ("nms", "end2end")[number // 4 % 2]}
    return create_trial(
        values=[0.5 * own + number / 100, (3.0 - own) * params["size.pixels"] / 128 + number / 100],
        params=params,
        distributions={name: DOMAINS[name] for name in params},
        user_attrs={attributes.CANDIDATE: {**FIXED, **params}},
    )


def test_they_stand_on_the_page_and_in_the_importances(tmp_path: Path) -> None:
    table = read_trials("s", [trial_of(number) for number in range(24)], {})
    accuracy, latency = importances(table)
    assert accuracy.shares[0][0] == "neck.kind"
    assert not accuracy.reason
    assert [name for name, _ in latency.shares] == ["size.pixels", "neck (kind, width)"]
    page = render_page(table, tmp_path)
    found = re.search(r'<script type="application/json" id="report">(.*?)</script>', page, re.DOTALL)
    assert found
    rows = json.loads(found.group(1))["rows"]
    whole, ours = rows[0], rows[1]
    assert (whole["architecture"], whole["own"], whole["scale"]) == (
        "yolo26n · own neck · end2end · 128 px",
        "end2end",
        "n",
    )
    assert ours["architecture"] == "yolo26 w0.25 d0.5 · pan 16x1 · nms · 160 px"
    assert "own" not in ours or ours["own"] is None
