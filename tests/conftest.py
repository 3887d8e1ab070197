"""A made study for the tests of the report: real Optuna, real records, figures from a plain formula.

`python tests/conftest.py FOLDER TRIALS [FAMILIES CHILDREN]` writes its page, to look at.
"""

import atexit
import gc
import math
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import optuna
import pytest
import sqlalchemy
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from objectives.data.dataset import Dataset, LabelledImage, make_image
from objectives.machine.cores import on_cores
from objectives.records import attributes
from objectives.records.children import ChildrenReport, FailedChild, Look, ScoredChild
from objectives.records.failures import Failure
from objectives.records.gate import Gate
from objectives.records.records import (
    Accuracy,
    ClassAccuracy,
    Death,
    Decision,
    Ending,
    Latency,
    Outcome,
    Proposal,
    Resources,
    Rung,
)
from objectives.records.study_record import StudyWriter
from objectives.records.trial_record import read_trial
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.job import TrialJob
from reports.table.table import StudyTable, read_study
from search.study.stored_trial import child_of
from spaces.candidate import Candidate
from spaces.network.family import Family

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Before anything imports Ultralytics or a hub's client: settings of the test run's own, and no network.
HOME = Path(tempfile.mkdtemp(prefix="automl-tests-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
quiet_ultralytics(HOME / "ultralytics")
os.environ.update(HF_HOME=str(HOME / "huggingface"), HF_HUB_OFFLINE="1", XDG_CACHE_HOME=str(HOME / "cache"))
# Trials import their trainer in processes of their own; tests import it, and what helps with it, by its plain name.
HERE = str(Path(__file__).absolute().parent)
sys.path.append(HERE)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), HERE)))
# Of several test processes each has a core of its own, what it starts included: a training on two cores waits at every
# step for the one that another process has, which takes ten times as long, and latencies are measured undisturbed.
ALL_CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
if ALL_CORES and "PYTEST_XDIST_WORKER" in os.environ:
    worker = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.sched_setaffinity(0, {sorted(ALL_CORES)[worker % len(ALL_CORES)]})


@sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
def _need_no_disk(connection: Any, _: Any) -> None:
    """Have the stores that tests make survive killed processes, not power cuts: a wait for the disk takes 3 ms."""
    if isinstance(connection, sqlite3.Connection):
        with suppress(sqlite3.Error):  # one that is damaged or locked is what some tests are about
            connection.execute("PRAGMA synchronous = OFF")


DEVICE = "d3vice0123"
CLASSES = ["bottle", "can", "carton", "jar", "price <b>tag</b>", "shelf </script> edge"]
BACKBONES = {  # name: (latency factor, strength)
    "lcnet_050": (0.7, 0.30),
    "mobilenetv3_small_050": (0.8, 0.34),
    "mobilenetv4_conv_small.e2400_r224_in1k": (1.2, 0.43),
    "efficientnet_lite0": (2.0, 0.49),
    "resnet18.a1_in1k": (3.0, 0.52),
    "convnext_atto": (3.4, 0.50),
    "yolo26n": (2.2, 0.54),
}
SPACE: dict[str, BaseDistribution] = {
    "backbone.name": CategoricalDistribution(list(BACKBONES)),
    "neck.width": CategoricalDistribution([16, 32, 48]),
    "head.kind": CategoricalDistribution(["nms", "end2end"]),
    "size.pixels": IntDistribution(160, 416, step=32),
    "augment.mosaic": FloatDistribution(0, 1),
    "augment.mixup": FloatDistribution(0, 0.5),
    "train.lr0": FloatDistribution(1e-4, 1e-1, log=True),
    "train.momentum": FloatDistribution(0.8, 0.98),
    "prune.importance": CategoricalDistribution(["none", "l1", "taylor"]),
    "prune.ratio": FloatDistribution(0.1, 0.6),  # only where something is pruned
}
DATA = {
    "name": "shelves",
    "root": "/data/shelves",
    "classes": CLASSES,
    "splits": {"train": {"images": 1200, "boxes": 9133}, "val": {"images": 240, "boxes": 1820}},
}
SETTINGS = {
    "conf": "retail",
    "budget": {"trials": 120, "hours": 8},
    "gate": {"map50_min": 0.62, "p95_ms_max": 10.0},
    "sampler": {"name": "tpe", "seed": 42},
    "train": {"epochs": 24, "batch": 8},
}


def sample(rng: random.Random) -> dict[str, Any]:
    """Return one candidate of SPACE."""
    chosen: dict[str, Any] = {}
    for name, domain in SPACE.items():
        if isinstance(domain, CategoricalDistribution):
            chosen[name] = rng.choice(domain.choices)
        elif isinstance(domain, IntDistribution):
            chosen[name] = rng.randrange(domain.low, domain.high + 1, domain.step)
        elif isinstance(domain, FloatDistribution):
            log = domain.log
            low, high = (math.log(domain.low), math.log(domain.high)) if log else (domain.low, domain.high)
            value = rng.uniform(low, high)
            chosen[name] = math.exp(value) if log else value
    if chosen["prune.importance"] == "none":
        del chosen["prune.ratio"]
    return chosen


def latency_of(p50_ms: float, rng: random.Random) -> Latency:
    stable = rng.random() > 0.06
    return Latency(
        p50_ms=p50_ms,
        p95_ms=p50_ms * rng.uniform(1.05, 1.3 if stable else 2),
        p50_low_ms=p50_ms * 0.99,
        p50_high_ms=p50_ms * (1.01 if stable else 1.4),
        network_ms=p50_ms * 0.8,
        samples=rng.randrange(120, 400),
        reference_ms=2.2,
        stable=stable,
        note="" if stable else "the reference network ran unevenly: the machine was busy",
        device=DEVICE,
        peak_bytes=int(9e7 + 1e7 * p50_ms),
    )


def make_trial(number: int, rng: random.Random, began: datetime) -> FrozenTrial:
    """Return one ended trial: finished, over the bound, stopped at a rung, or failed."""
    candidate = sample(rng)
    factor, strength = BACKBONES[candidate["backbone.name"]]
    kept = 1 - 0.7 * candidate.get("prune.ratio", 0.0)
    p50_ms = factor * (candidate["size.pixels"] / 256) ** 1.9 * kept * rng.uniform(0.9, 1.1) * 1.6
    quality = strength * (0.75 + 0.35 * math.sqrt(candidate["size.pixels"] / 416))
    quality *= 1 - 0.05 * (math.log10(candidate["train.lr0"]) + 2.2) ** 2
    quality *= (1 - 0.3 * candidate.get("prune.ratio", 0.0) ** 2) * (0.96 if candidate["neck.width"] == 16 else 1)
    quality = max(0.01, quality + rng.gauss(0, 0.012))
    attrs: dict[str, Any] = {
        attributes.CANDIDATE: candidate,
        attributes.FOLDER: f"trials/{number:05d}",
        attributes.LATENCY_UNTRAINED: latency_of(p50_ms * (1 / kept), rng).to_json(),
    }
    state, values, seconds = TrialState.COMPLETE, [quality, p50_ms], rng.uniform(300, 900)
    lot = rng.random()
    if p50_ms / kept * 1.1 > 12:
        state, seconds = TrialState.PRUNED, 3.0
        ending = Ending(Outcome.OVER_BOUND, f"p95 {p50_ms / kept * 1.1:.1f} ms is over the gate's 10 ms")
    elif lot < 0.05:
        state, seconds = TrialState.FAIL, 40.0
        kinds = [
            ("out of memory", "CUDA out of memory at batch 8"),
            ("diverged", "loss became NaN in epoch 3"),
        ]
        error_class, reason = rng.choice(kinds)
        ending = Ending(Outcome.FAILED, reason, error_class)
    else:
        epochs = 24
        if quality < 0.42 and lot < 0.6:
            state, epochs, seconds = TrialState.PRUNED, rng.choice([3, 6, 12]), 120.0
            ending = Ending(Outcome.STOPPED, f"mAP at epoch {epochs} is in the lower half of trials not slower")
        else:
            ending = Ending(Outcome.FINISHED, "trained to the end")
        rungs = [
            Rung(
                epoch=epoch,
                map=max(0.0, quality * (1 - math.exp(-epoch / 6)) + rng.gauss(0, 0.006)),
                map50=min(1.0, 1.35 * quality * (1 - math.exp(-epoch / 5))),
                seconds=20.0 * epoch,
                loss=4 / epoch,
                decides=epoch in (3, 6, 12),
            )
            for epoch in range(1, epochs + 1)
        ]
        attrs[attributes.RUNGS] = [rung.to_json() for rung in rungs]
    if state is TrialState.COMPLETE:
        per_class = {
            name: ClassAccuracy(
                map=min(1, quality * spread),
                map50=min(1, 1.35 * quality * spread),
                boxes=120 + 31 * index,
                precision=min(1, 1.3 * quality * spread),
                recall=min(1, 1.2 * quality * spread),
            )
            for index, (name, spread) in enumerate(zip(CLASSES, (1.3, 1.15, 1.05, 0.95, 0.8, 0.7), strict=True))
        }
        accuracy = Accuracy(
            map=quality,
            map50=1.3 * quality,
            per_class=per_class,
            split="val",
            images=240,
            map_small=0.6 * quality,
            map_medium=quality,
            map_large=1.1 * quality,
            confidence=0.25,
            precision=1.3 * quality,
            recall=1.2 * quality,
            f1=1.25 * quality,
            own={"wobble": 2 * quality},
        )
        resources = Resources(
            parameters=int(1e6 * factor * kept),
            multiply_adds=int(3e8 * p50_ms),
            artifact_bytes=int(4e6 * factor * kept),
            training_peak_bytes=int(1.9e9),
            seconds={"build": 1.2, "export": 2.1, "latency": 3.4, "train": seconds - 20, "score": 12.0},
            gpu_peak_bytes=int(2.5e9),
            machine="NVIDIA A100",
        )
        attrs |= {
            attributes.ACCURACY: accuracy.to_json(),
            attributes.LATENCY: latency_of(p50_ms, rng).to_json(),
            attributes.RESOURCES: resources.to_json(),
        }
    attrs[attributes.ENDING] = ending.to_json()
    return FrozenTrial(
        number=number,
        state=state,
        value=None,
        values=values if state is TrialState.COMPLETE else None,
        datetime_start=began,
        datetime_complete=began + timedelta(seconds=seconds),
        params=candidate,
        distributions={name: SPACE[name] for name in candidate},
        user_attrs=attrs,
        system_attrs={},
        intermediate_values={},
        trial_id=number,
    )


def give_reasons(trial: FrozenTrial, rng: random.Random) -> None:
    """Add what the engine tells: its proposal, its decisions; every third stopped trial is paused instead."""
    attrs = trial.user_attrs
    rungs = [Rung.from_json(rung) for rung in attrs.get(attributes.RUNGS, [])]
    truth = trial.values[0] if trial.values else rungs[-1].map + 0.05 if rungs else 0.4
    latency = attrs.get(attributes.LATENCY) or attrs[attributes.LATENCY_UNTRAINED]
    latency_ms, measured = latency["p50_ms"], trial.number % 4 == 3
    role = ("start", "spread", "explore", "gain", "gain")[min(trial.number, 4)]
    sd = rng.uniform(0.02, 0.05)
    attrs[attributes.PROPOSAL] = Proposal(
        role=role,
        sampler="front",
        why="the front is thin around 4 ms" if role == "gain" else "",
        expected_gain=rng.uniform(0.0001, 0.03) if role == "gain" else None,
        predicted_map=truth + rng.gauss(0, sd) if role in ("gain", "explore") else None,
        predicted_map_sd=sd if role in ("gain", "explore") else None,
        latency_ms=latency_ms if measured else latency_ms * math.exp(rng.gauss(0.02, 0.07)),
        latency_sd_ms=0.0 if measured else 0.07 * latency_ms,
        latency_measured=measured,
    ).to_json()
    ends = trial.state is TrialState.PRUNED
    paused = ends and trial.number % 3 == 0
    last = rungs[-1].epoch if rungs else 0
    attrs[attributes.DECISIONS] = [
        Decision(
            epoch=rung.epoch,
            decision=("pause" if paused else "stop") if ends and rung.epoch == last else "go on",
            why="a better use of the time waits" if ends and rung.epoch == last else "it may still reach the front",
            predicted_map=truth + rng.gauss(0, 0.06 / rung.epoch),
            predicted_map_sd=0.06 / rung.epoch,
        ).to_json()
        for rung in rungs
        if rung.decides
    ]
    if not attrs[attributes.DECISIONS]:
        del attrs[attributes.DECISIONS]
    if rungs and paused:
        attrs[attributes.PAUSED] = True
        del attrs[attributes.ENDING]
        trial.state, trial.datetime_complete = TrialState.RUNNING, None


LOG = """epoch 3 of 24, batch 17 of 150: loss 4.1021, 812 MB
Traceback (most recent call last):
  File "objectives/training/trainer.py", line 118, in train_phase
    self.loss.backward()
RuntimeError: <b>the allocator</b> asked for 1.2 GB where 0.3 GB were left
"""
ATTEMPTS = (
    Ending(Outcome.FAILED, "the trial's processes used 3.9 GB of 4.0 GB", Failure.OUT_OF_MEMORY),
    Ending(Outcome.FAILED, "signal 9, by nobody of ours", Failure.KILLED),
    Ending(Outcome.FAILED, "no sign of life for 900 s in train", Failure.TIMED_OUT),
)


def give_deaths(trial: FrozenTrial, rng: random.Random) -> None:
    """Add what was there when a trial failed; every ninth trial has died before, every eleventh was copied."""
    attrs = trial.user_attrs
    attrs[attributes.CANDIDATE] = {**attrs[attributes.CANDIDATE], "train.batch": 8}
    death = Death(
        LOG, rng.uniform(20, 900), rng.randrange(10**9, 4 * 10**9), rng.randrange(1, 5), 3 * 10**8, 12 * 10**9
    )
    if trial.state is TrialState.FAIL:
        attrs[attributes.ENDING]["death"] = death.to_json()
    if trial.number % 9 == 4:
        attrs[attributes.ATTEMPTS] = [replace(rng.choice(ATTEMPTS), death=death).to_json()]
    if trial.number % 11 == 3:
        attrs[attributes.FORKED_FROM] = trial.number // 2


def draw_contact_sheet(path: Path, seed: int) -> None:
    """Write a picture like those of a trial: 900 px wide, four images with boxes."""
    rng = np.random.default_rng(seed)
    sheet = np.full((460, 900, 3), 235, np.uint8)
    for index in range(4):
        left, top = 8 + (index % 2) * 446, 8 + (index // 2) * 226
        cv2.rectangle(sheet, (left, top), (left + 438, top + 218), tuple(int(v) for v in rng.integers(120, 215, 3)), -1)
        for _ in range(6):
            x, y = left + int(rng.integers(5, 360)), top + int(rng.integers(18, 130))
            colour = tuple(int(v) for v in rng.integers(20, 200, 3))
            cv2.rectangle(sheet, (x, y), (x + 62, y + 80), colour, 2)
            cv2.putText(sheet, f"can {rng.random():.2f}", (x, y - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet)


AXES: dict[str, list[Any]] = {  # of an elastic training, but for its size
    f"slim.{part}": [0.0, 0.15, 0.3, 0.5] for part in ("p3", "p4", "p5", "neck", "head")
}
SLIM: dict[str, BaseDistribution] = {name: CategoricalDistribution(values) for name, values in AXES.items()}


def make_children(parent: FrozenTrial, count: int, rng: random.Random, split: str) -> list[FrozenTrial]:
    """Make a finished trial an elastic training, and return so many children of it, one begun after the other."""
    sizes = list(range(parent.params["size.pixels"], 159, -32))
    parent.user_attrs[attributes.FAMILY] = {"size.pixels": sizes, **AXES}
    record, candidate = read_trial(parent), Candidate.of(parent.params)
    family = Family.from_json(record.family)
    began, made, there = parent.datetime_complete, [], {candidate}
    assert began is not None
    while len(made) < count:
        some = rng.sample(sorted(SLIM), rng.randrange(4))
        choices = {"size.pixels": rng.choice(sizes), **{name: rng.choice([0.15, 0.3, 0.5]) for name in some}}
        child = family.child(candidate, choices)
        if child in there:
            continue
        there.add(child)
        seconds, left_out = rng.uniform(3, 6), sum(family.choices_of(child)[name] for name in SLIM)
        smaller = choices["size.pixels"] / sizes[0]
        p50_ms = parent.values[1] * smaller**1.8 * (1 - 0.13 * left_out) * rng.uniform(0.97, 1.03)
        quality = parent.values[0] * smaller**0.4 * (1 - 0.11 * left_out) + rng.gauss(0, 0.006)
        scored = ScoredChild(
            choices=family.choices_of(child),
            folder=f"children/{child.fingerprint}",
            latency=replace(latency_of(p50_ms, rng), peak_bytes=0),
            accuracy=Accuracy(quality, 1.3 * quality, {}, split, 120 if split.endswith("half") else 240),
            resources=Resources(
                parameters=int(1e6 * (1 - 0.2 * left_out)),
                multiply_adds=int(3e8 * p50_ms),
                artifact_bytes=int(4e6 * (1 - 0.2 * left_out)),
                seconds={"export": 0.4 * seconds, "latency": 0.3 * seconds, "score": 0.3 * seconds},
            ),
        )
        foretold_ms = p50_ms * math.exp(rng.gauss(0, 0.08))
        why = f"child of trial {parent.number}: 6 of 20 children looked at get files, worth 3.00% of the front"
        proposal = Proposal("child", "known_latency", why, 0.005, quality, None, foretold_ms, 0.08 * foretold_ms)
        trial = child_of(record, scored, child, SPACE | SLIM, proposal)
        trial.number = trial._trial_id = parent.number + 1 + len(made)
        trial.datetime_start, trial.datetime_complete = began, began + timedelta(seconds=seconds)
        began += timedelta(seconds=seconds + 10)  # others are looked at
        made.append(trial)
    return made


def looks_of(children: list[FrozenTrial], rng: random.Random) -> list[ChildrenReport]:
    """Return what was looked at: the children that were scored, 8 at a time, each time with 12 others; 1 failed."""
    looks, reports = [], []
    for child in children:
        whole = {"size.pixels": child.params["size.pixels"], **{name: child.params[name] for name in SLIM}}
        looks.append(Look(whole, child.values[0], 1.2))
    for start in range(0, len(looks), 8):
        others = [
            Look({**rng.choice(looks).choices, "slim.p3": 0.001 * (1 + 2 * start + index)}, 0.1, 1.2)
            for index in range(12)
        ]
        reports.append(ChildrenReport(tuple(looks[start : start + 8] + others)))
    return [*reports, ChildrenReport(failed=(FailedChild({**looks[0].choices, "slim.p5": 0.5}, "no such channels"),))]


def make_study(
    trials: int,
    seed: int = 7,
    folder: Path | None = None,
    gate: Gate | None = None,
    *,
    reasons: bool = False,
    deaths: bool = False,
    families: int = 0,
    children: int = 12,
    split: str = "val",
) -> optuna.Study:
    """Return an in-memory study of ended trials; with `folder`, finished ones get contact sheets there.

    With `reasons`, the trials tell why they were proposed and what was decided, and some are paused. With `deaths`,
    failures tell what was there, some trials have died before, some are copies, and some lost files to make room.
    With `families`, so many of the first finished trials are elastic trainings, each followed by so many `children`
    beside the `trials`, which are scored on the images of `split`.
    """
    rng = random.Random(seed)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name="retail", directions=["maximize", "minimize"])
    optuna.logging.set_verbosity(verbosity)
    began = datetime(2026, 3, 2, 9, 0)
    made: list[FrozenTrial] = []
    cut: dict[int, list[FrozenTrial]] = {}
    for index in range(trials):
        trial = make_trial(len(made), rng, began)
        made.append(trial)
        if len(cut) < families and trial.state is TrialState.COMPLETE and "prune.ratio" not in trial.params:
            cut[trial.number] = make_children(trial, children, random.Random(seed + trial.number), split)
            made += cut[trial.number]
        ended = made[-1].datetime_complete
        assert ended is not None
        began = ended + timedelta(hours=9 if index == trials // 2 else 0)  # a night
    trained = [trial for trial in made if attributes.PARENT not in trial.user_attrs]
    for trial in trained if reasons else ():
        give_reasons(trial, random.Random(seed + trial.number))
    for trial in trained if deaths else ():
        give_deaths(trial, random.Random(seed + trial.number))
    study.add_trials(made)
    chosen = Gate(map50_min=0.62, p95_ms_max=10.0) if gate is None else gate
    writer = StudyWriter(study)
    writer.whole(
        settings=SETTINGS,
        provenance={
            "seed": 42,
            "versions": {"torch": "2.15.0", "optuna": "5.0.0", "ultralytics": "8.4.190"},
            "commit": "111610f",
            "created": "2026-03-02T09:00:00+00:00",
            "command": "automl search conf=retail",
        },
        fingerprints={"space": "5ace77", "data": "da7a01", "device": DEVICE},
        device={
            "name": "shelf camera",
            "processor": "Cortex-A76",
            "runtime": "onnxruntime",
            "runtime_version": "1.27.0",
            "threads": 1,
            "precision": "fp32",
        },
        data=DATA,
        gate=chosen,
    )
    for number, of_parent in cut.items():
        for report in looks_of(of_parent, random.Random(seed)):
            writer.looks(number, report)
    if deaths:
        ended_well = [trial.number for trial in trained if trial.state is TrialState.COMPLETE]
        writer.removed(dict.fromkeys(ended_well[1::7], ("weights.pt", "model.onnx", "detections.jpg")))
        writer.forked("aisle", 13, {"another size": 4})
    if folder is not None:
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))[:200]:
            draw_contact_sheet(folder / trial.user_attrs[attributes.FOLDER] / "detections.jpg", trial.number)
    return study


def pytest_configure() -> None:
    """Have no property fail because a machine is busy: how long an example takes says nothing of what it shows."""
    from hypothesis import HealthCheck, settings

    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")


def pytest_collection_finish() -> None:
    """Leave out of garbage collections what is imported by now and stays: torch alone has a million objects."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Collect everything again: extension modules complain of what is left at the very end."""
    gc.unfreeze()


@pytest.fixture
def all_cores() -> Iterator[set[int]]:
    """All cores that the test run has, for tests that are about sharing them."""
    with on_cores(ALL_CORES):
        yield ALL_CORES


@pytest.fixture
def tiny_job(tmp_path: Path, blocks: Dataset, make_candidate: Callable[..., Candidate]) -> TrialJob:
    """The job of a real trial of two epochs, quick at measuring; its folder is tmp_path / "trial"."""
    from small_jobs import quick_job  # late: found since this file has named its folder

    return quick_job(blocks, tmp_path, make_candidate(), rungs=1, seed=1)


@pytest.fixture
def disk_of_mb(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Maker of a disk of some MB; the test is skipped where none can be mounted."""
    from small_disk import small_disk

    with ExitStack() as stack:

        def make(size_mb: int) -> Path:
            if not stack.enter_context(small_disk(tmp_path / "disk", size_mb)):
                pytest.skip("needs the right to mount a small tmpfs")
            return tmp_path / "disk"

        yield make


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium without a window, for `opened` of tests/browser.py; skipped where there is none."""
    from browser import launched

    with launched() as running:
        yield running


@pytest.fixture(scope="session")
def report_study() -> Callable[..., optuna.Study]:
    """Builder of a made study: `report_study(trials, seed, folder, gate, reasons=False, deaths=False, families=0)`."""
    return make_study


@pytest.fixture(scope="session")
def report_table() -> Callable[..., StudyTable]:
    """Reader of a made study, which is read once: `report_table(trials, reasons=True)`."""
    return cache(lambda trials, **more: read_study(make_study(trials, **more)))


def draw_blocks(path: Path, rng: np.random.Generator) -> LabelledImage:
    """Draw coloured rectangles on grey, 160 x 120 px: red ones are class 0, blue ones class 1."""
    width_px, height_px = 160, 120
    picture = np.full((height_px, width_px, 3), int(rng.integers(90, 160)), np.uint8)
    boxes, labels = [], []
    for column in range(3):
        w, h = int(rng.integers(22, 46)), int(rng.integers(25, 60))
        x = column * 53 + int(rng.integers(-12, 65 - w))  # some are cut by the edge of the image
        y = int(rng.integers(-12, height_px + 12 - h))
        label = int(rng.integers(2))
        cv2.rectangle(picture, (x, y), (x + w - 1, y + h - 1), ((30, 30, 220), (220, 60, 30))[label], -1)
        boxes.append((x, y, w, h))
        labels.append(label)
    cv2.imwrite(str(path), picture)
    return make_image(path, (width_px, height_px), boxes, labels)[0]


@pytest.fixture(scope="session")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A data set that a small detector learns in seconds: 48 images to train on, 48 to validate."""
    root = tmp_path_factory.mktemp("blocks")
    rng = np.random.default_rng(5)
    splits = {
        split: tuple(draw_blocks(root / f"{split}-{i}.png", rng) for i in range(count))
        for split, count in (("train", 48), ("val", 48))
    }
    return Dataset("blocks", root, ("red", "blue"), splits)


@pytest.fixture(scope="session")
def few_blocks(blocks: Dataset) -> Dataset:
    """A few images of `blocks`, for trainings whose accuracy is not looked at: 16 to train on, 8 to validate."""
    return replace(blocks, splits={"train": blocks.splits["train"][:16], "val": blocks.splits["val"][:8]})


@pytest.fixture(scope="session")
def make_candidate() -> Callable[..., Candidate]:
    """Maker of a candidate of a tiny detector: `make_candidate({"head.kind": "rtdetr"})`."""
    from small_jobs import tiny_candidate  # late, as above

    return tiny_candidate


@pytest.fixture(scope="session")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few rendered shelves on disk as COCO JSON, the road that a user's data takes."""
    from objectives.data.shelves.render import render_shelves

    return render_shelves(tmp_path_factory.mktemp("data") / "shelves", train=12, val=6, test=4)


if __name__ == "__main__":
    from reports.page.page import write_page

    out = Path(sys.argv[1])
    trials, families, children = map(int, [*sys.argv[2:], "0", "0"][:3])
    study = make_study(trials, folder=out, reasons=True, deaths=True, families=families, children=children)
    began = time.perf_counter()
    print(write_page(read_study(study), out, out / "report.html"))
    print(f"{time.perf_counter() - began:.1f} s")
