"""`automl train`: the longest training of all runs as a trial does, by the trainer of milliseconds."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from click.testing import CliRunner, Result
from defaults import CPU, PROTOCOL
from fault_harness import write_images
from quick_search import lines_of, wait_until

from objectives.data.readers import read_dataset
from objectives.machine.gpus.driver import Gpu
from objectives.machine.gpus.leases import lease_gpu
from objectives.machine.process_tree import is_dead
from objectives.machine.shares import slots_taken
from objectives.records.gate import Gate
from objectives.records.paths import ExportPaths
from search.cli import main
from search.loop.retry import PASSING_MAX

AUTOML = Path(sys.executable).with_name("automl")
QUICK = "quick_trainer:run_trial"
TINY = {"backbone.name": "lcnet_050", "neck.width": 16, "neck.depth": 1, "head.kind": "nms", "size.pixels": 64}
FIGURES = ["val: mAP ", "latency: p50 ", "written to "]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An export folder as an older automl wrote it, without limits; its data set has no test split."""
    write_images(tmp_path / "data")
    config = {
        "format": 1,
        "study": "smoke",
        "trial": 3,
        "candidate": {**TINY, "train.batch": 8},
        "epochs": 20,
        "search_epochs": 5,
        "seed": 42,
        "data": {"root": str(tmp_path / "data"), "format": "auto", "split": "val"},
        "classes": list(read_dataset(tmp_path / "data", "auto").classes),
        "device": asdict(CPU),
        "latency": asdict(PROTOCOL),
        "gate": asdict(Gate()),
        "train_device": "cpu",
        "workers": 0,
    }
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "out" / "faults").mkdir()
    return tmp_path / "out"


@pytest.fixture
def quick(export: Path) -> Path:
    """The same as this automl writes it, to be trained in milliseconds."""
    edit(export, run=QUICK)
    return export


def edit(export: Path, **values: Any) -> None:
    path = export / "config.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}))


def plant(export: Path, *faults: str) -> None:
    """Lay faults out: `quick_trainer.py` looks for them beside its data's folder."""
    folder = ExportPaths(export).trained.folder / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    for i, fault in enumerate(faults):
        (folder / f"{fault}-{i}").touch()


def train(export: Path, *overrides: str) -> Result:
    return CliRunner().invoke(main, ["train", str(export), *overrides])


def trained(export: Path) -> list[int]:
    """Return the epochs that were trained, in order."""
    return [
        int(what.split()[1]) for _, _, what in lines_of(ExportPaths(export).trained.folder) if what.startswith("epoch")
    ]


def divisors(export: Path) -> list[int]:
    """Return what each process divided the batch by."""
    return [
        int(what.split()[-1])
        for _, _, what in lines_of(ExportPaths(export).trained.folder)
        if what.startswith("begins")
    ]


def is_running(pid: int) -> bool:
    """Whether a process lives; one that waits to be reaped by whoever adopted it does not."""
    return any(process.pid == pid and not is_dead(process) for process in psutil.process_iter())


def plain(text: str) -> list[str]:
    """Return the lines of a text, without styles."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


# Well


@pytest.mark.seconds
@pytest.mark.parametrize("backend", ["process", "inline"])
def test_it_says_its_stages_and_epochs_and_keeps_the_metrics(quick: Path, backend: str) -> None:
    done = train(quick, f"backend={backend}")
    assert done.exit_code == 0, done.output
    lines = [line for line in plain(done.stdout) if not line.startswith("note: ")]
    assert lines[:3] == ["build", "train", lines[2]]
    assert re.fullmatch(r"epoch 2/20  mAP 0\.\d{3}  mAP50 0\.\d{3}", lines[2])
    assert [line.split("  ")[0] for line in lines if line.startswith("epoch")] == [
        f"epoch {n}/20" for n in range(2, 21, 2)
    ]
    assert [line for line in lines[-3:] if line.startswith(tuple(FIGURES))] == lines[-3:]
    assert any(line.startswith("note: backend inline: ") for line in plain(done.stdout)) == (backend == "inline")
    metrics = json.loads(ExportPaths(quick).trained.metrics.read_text())
    assert metrics.keys() == {"accuracy", "latency", "resources"}
    assert not list(ExportPaths(quick).trained.folder.glob("training-*"))
    assert not ExportPaths(quick).trained.attempts.exists()
    assert slots_taken() == 0


@pytest.mark.seconds
def test_a_lineage_that_cannot_be_read_does_not_spoil_a_training(quick: Path) -> None:
    ExportPaths(quick).lineage.write_text("{")
    done = train(quick)
    assert done.exit_code == 0, done.output
    assert "warning: no lineage.json: that of the export cannot be read" in done.output
    assert ExportPaths(quick).trained.metrics.is_file()
    assert not ExportPaths(quick).trained.lineage.exists()


@pytest.mark.seconds
def test_what_is_trained_has_a_lineage_of_its_own(quick: Path) -> None:
    before = {"format": 1, "study": "smoke", "trial": 3, "chain": [{"trial": 3, "how": "trained"}]}
    ExportPaths(quick).lineage.write_text(json.dumps(before))
    assert train(quick).exit_code == 0
    lineage = json.loads(ExportPaths(quick).trained.lineage.read_text())
    metrics = json.loads(ExportPaths(quick).trained.metrics.read_text())
    assert (lineage["study"], lineage["trial"]) == ("smoke", 3)
    assert lineage["automl.accuracy"] == metrics["accuracy"]
    assert lineage["chain"][0] == {"how": "trained at full length", "epochs": 20, "from": "the start"}
    assert lineage["files"]["metrics.json"]["bytes"] == ExportPaths(quick).trained.metrics.stat().st_size


@pytest.mark.slow
@pytest.mark.seconds
def test_an_export_of_older_code_is_trained_by_the_real_trainer(export: Path) -> None:
    """It names none; two epochs of a few images, in a process."""
    small = {"processes": 1, "processes_max": 1, "images_min": 10, "cap_s": 0.4, "warmup_s": 0.05}
    edit(export, latency={**asdict(PROTOCOL), **small})
    done = train(export, "epochs=2")
    assert done.exit_code == 0, done.output
    assert [line for line in plain(done.stdout) if line in ("build", "latency", "train", "export", "score")]
    assert ExportPaths(export).trained.weights.is_file()
    assert ExportPaths(export).trained.log.is_file()


# Deaths


@pytest.mark.seconds
@pytest.mark.parametrize("fault", ["sigkill", "sigsegv"])
def test_a_death_that_may_pass_costs_no_epoch(quick: Path, fault: str) -> None:
    plant(quick, f"trial3epoch7-{fault}", f"trial3epoch11-{fault}")
    done = train(quick)
    assert done.exit_code == 0, done.output
    assert trained(quick) == list(range(1, 21))
    died = [line for line in plain(done.stdout) if line.startswith("warning: died (")]
    assert len(died) == 2
    assert all(line.endswith("; taken up again from its checkpoint") for line in died)
    assert sum(line.startswith("epoch ") for line in plain(done.stdout)) == 10  # none is said twice
    assert "measures" in [what for _, _, what in lines_of(ExportPaths(quick).trained.folder)]
    assert [what for _, _, what in lines_of(ExportPaths(quick).trained.folder)].count("measures") == 1


@pytest.mark.seconds
def test_it_fails_for_good_when_it_dies_over_and_over_and_the_same_line_goes_on(quick: Path) -> None:
    plant(quick, *["trial3epoch7-sigsegv"] * (PASSING_MAX + 1))
    done = train(quick)
    assert done.exit_code == 2
    assert plain(done.stderr)[-1] == (
        "automl: train: failed (crashed): crashed with SIGSEGV; read the log; a runtime or a driver is broken; its log "
        f"is {os.path.relpath(ExportPaths(quick).trained.log)}; the same line goes on from its last checkpoint"
    )
    assert trained(quick) == list(range(1, 7))
    again = train(quick)
    assert again.exit_code == 0, again.output
    assert trained(quick) == list(range(1, 21))


def test_out_of_memory_is_tried_once_more_with_half_the_batch(quick: Path) -> None:
    plant(quick, "trial3epoch5-device")
    done = train(quick)
    assert done.exit_code == 0, done.output
    assert "; taken up again with a smaller batch" in done.stdout
    assert (trained(quick), divisors(quick)) == (list(range(1, 21)), [1, 2])


def test_out_of_memory_twice_fails_with_advice_and_the_half_batch_is_remembered(quick: Path) -> None:
    plant(quick, "trial3epoch5-device", "trial3epoch9-device")
    done = train(quick)
    assert done.exit_code == 2
    assert "OutOfMemoryError: CUDA out of memory" in done.stderr.splitlines()[-2]  # the log's end
    assert plain(done.stderr)[-1].startswith("automl: train: failed (out of device memory): OutOfMemoryError: CUDA out")
    assert "give another device with train_device=N" in done.stderr
    assert train(quick).exit_code == 0
    assert (trained(quick), divisors(quick)) == (list(range(1, 21)), [1, 2, 2])


def test_a_failure_of_its_own_is_final(quick: Path) -> None:
    plant(quick, "trial3epoch5-nan")
    done = train(quick)
    assert done.exit_code == 2
    assert "automl: train: failed (diverged): Diverged: the training loss was nan after epoch 1; " in done.stderr
    assert "Traceback" in done.stderr  # of the log's end
    assert "goes on" not in done.stderr
    assert divisors(quick) == [1]


# Own weights


@pytest.fixture
def own(quick: Path) -> Path:
    """The export of an elastic training, or of a child."""
    edit(quick, weights="weights.pt")
    (quick / "weights.pt").write_text("trained")
    return quick


@pytest.mark.seconds
def test_a_training_goes_on_from_the_kind_of_weights_that_it_was_begun_with(own: Path) -> None:
    plant(own, "trial3epoch7-nan")
    assert train(own, "epochs=10").exit_code == 2
    other = train(own, "--fresh", "epochs=10")
    assert other.exit_code == 2
    assert "was begun with other settings (weights own -> fresh); remove it to begin anew" in other.stderr
    assert train(own, "epochs=10").exit_code == 0
    assert trained(own) == list(range(1, 11))
    shutil.rmtree(ExportPaths(own).trained.folder)
    assert train(own, "--fresh", "epochs=10").exit_code == 0
    assert "(weights fresh -> own)" in train(own, "epochs=10").stderr


def test_an_export_without_its_weights_is_refused_and_can_start_anew(own: Path) -> None:
    (own / "weights.pt").unlink()
    done = train(own)
    assert done.exit_code == 2
    assert done.stderr == (f"automl: train: '{own}' holds no weights.pt to go on from; export again, or give --fresh\n")
    assert not ExportPaths(own).trained.folder.exists()
    assert train(own, "--fresh").exit_code == 0


@pytest.mark.seconds
def test_a_training_that_an_older_automl_began_goes_on(quick: Path) -> None:
    """Its `run.json` says nothing of weights."""
    plant(quick, "trial3epoch7-nan")
    assert train(quick, "--fresh").exit_code == 2  # says what is done anyway
    assert "weights" not in json.loads(ExportPaths(quick).trained.identity.read_text())
    assert train(quick).exit_code == 0
    assert trained(quick) == list(range(1, 21))


@pytest.mark.seconds
def test_what_an_older_automl_cut_otherwise_is_said(quick: Path) -> None:
    cut = {**TINY, "train.batch": 8, "prune.importance": "l1", "prune.ratio": 0.3, "prune.at": 0.5}
    yolo = {"backbone.name": "yolo11", "backbone.width": 0.125, "backbone.depth": 0.5}
    note = "note: an older automl pruned this detector and left its backbone whole"
    for values, said in (
        ({"candidate": {**cut, **yolo}}, True),
        ({"pruning": {"backbones of Ultralytics' own": "cut"}}, False),
        ({"candidate": cut, "pruning": None}, False),
    ):
        edit(quick, **values)
        assert any(line.startswith(note) for line in plain(train(quick, "epochs=1").stdout)) is said
        shutil.rmtree(ExportPaths(quick).trained.folder)


# Limits


@pytest.mark.slow
@pytest.mark.seconds
def test_memory_of_the_line_is_kept(quick: Path) -> None:
    plant(quick, *["trial3epoch3-allocate"] * 2)
    done = train(quick, "memory_mb=900")
    assert done.exit_code == 2
    assert divisors(quick) == [1, 2]
    assert re.search(r"\(out of memory\): \d+ MB, over its limit of 900 MB \(memory_mb\); give it more", done.stderr)


@pytest.mark.slow
@pytest.mark.seconds
def test_silence_of_the_config_is_kept_and_the_line_overrides_it(quick: Path) -> None:
    edit(quick, silence_s=1.0)
    plant(quick, "trial3epoch3-hang")
    done = train(quick)
    assert done.exit_code == 2
    assert "(timed out): no sign of life for 1 s (silence_s); raise timeout_s=N or silence_s=N" in done.stderr
    plant(quick, "trial3epoch4-hang")
    done = train(quick, "silence_s=2")
    assert "no sign of life for 2 s (silence_s)" in done.stderr


@pytest.mark.slow
@pytest.mark.seconds
def test_time_and_processes_of_the_line_are_kept(quick: Path) -> None:
    done = train(quick, "epochs=100000", "timeout_s=1")
    assert "(timed out): over its limit of 1 s (timeout_s)" in done.stderr
    plant(quick, *["trial3-breed"] * (PASSING_MAX + 1))
    done = train(quick, "epochs=100000", "processes_max=4")
    assert re.search(r"\(crashed\): \d+ processes, over its limit of 4 \(processes_max\)", done.stderr)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("memory=900", "train: unknown setting 'memory'; nearest: memory_mb"),
        ("memory_mb", "train: memory_mb needs a value, got 'memory_mb'; give memory_mb=..."),
        ("memory_mb=0", "train: memory_mb must be a whole number from 1 on or null, got 0"),
        ("memory_mb=true", "train: memory_mb must be a whole number from 1 on or null, got True"),
        ("silence_s=-1", "train: silence_s must be a number of seconds over 0, got -1"),
        ("silence_s=null", "train: silence_s must be a number of seconds over 0, got None"),
        ("timeout_s=long", "train: timeout_s must be a number of seconds over 0 or null, got 'long'"),
        ("backend=inlin", "train: backend: unknown backend 'inlin'; nearest: inline"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_in_one_line(quick: Path, override: str, told: str) -> None:
    done = train(quick, override)
    assert done.exit_code == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not ExportPaths(quick).trained.folder.exists()


# Beside others


@pytest.mark.slow
@pytest.mark.seconds
def test_it_waits_for_a_gpu_that_another_training_has(quick: Path) -> None:
    lease = lease_gpu([Gpu(7, "7")])
    assert lease is not None
    command = [str(AUTOML), "train", str(quick), "train_device=7"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "waiting: other trainings have all GPUs\n"
    finally:
        lease.release()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "epoch 20/20" in out


@pytest.mark.seconds
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_ctrl_c_ends_the_training_and_the_same_line_goes_on(quick: Path, number: signal.Signals) -> None:
    plant(quick, "trial3epoch9-hang")
    command = [str(AUTOML), "train", str(quick), "seed=7"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    (taken,) = wait_until(lambda: list((ExportPaths(quick).trained.folder / "faults").glob("taken-*")))
    pid = int(taken.name.rsplit("-", 1)[1])
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == ""
    assert plain(out)[-1] == f"Interrupted; go on with: automl train {quick} seed=7"
    wait_until(lambda: not is_running(pid))
    assert train(quick, "seed=7").exit_code == 0
    assert trained(quick) == list(range(1, 21))


@pytest.mark.slow
@pytest.mark.seconds
def test_a_killed_command_takes_its_training_along(quick: Path) -> None:
    plant(quick, "trial3epoch9-hang")
    process = subprocess.Popen([str(AUTOML), "train", str(quick)], stdout=subprocess.DEVNULL)
    (taken,) = wait_until(lambda: list((ExportPaths(quick).trained.folder / "faults").glob("taken-*")))
    pid = int(taken.name.rsplit("-", 1)[1])
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not is_running(pid))
    began = time.monotonic()
    assert train(quick).exit_code == 0
    assert time.monotonic() - began < 60
    assert trained(quick) == list(range(1, 21))
