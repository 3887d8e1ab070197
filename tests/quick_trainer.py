"""A trial of milliseconds that goes through the real worker, store, messages and checkpoints, and can be made to fail.

`trial.run=quick_trainer:run_trial`, with this folder on PYTHONPATH. What it "measures" is a plain formula of the
candidate. Faults wait as files in the folder that QUICK_FAULTS names, else in `faults` in the study's folder: the
first trial that comes to one takes it away and suffers it. `fault-KIND-...` is for any trial, `late-KIND-...` strikes
behind a checkpoint, `trial3-KIND-...` and `trial3epoch2-KIND-...` are for one alone, `polish-KIND-...` for a polish;
`hold` waits until a test removes the file. `trial.score=quick_trainer:score_children` scores children likewise;
`children3round2-KIND-...` strikes the scorer of trial 3's children when its second order is done and not reported.
Every epoch that is trained is written to `epochs.log` in the trial's folder, so that a test can count what was done
twice, and to `events.log` in the study's with what else was done, so that it knows in which order.
"""

import errno
import hashlib
import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import torch

from objectives.deploy.device import Device
from objectives.machine.files import remove_partials, write_text
from objectives.records.children import ChildrenReport, Choices, Look, ScoredChild
from objectives.records.failures import Diverged
from objectives.records.paths import TrialPaths
from objectives.records.records import Accuracy, Ending, Latency, Outcome, Resources, Rung
from objectives.training.checkpoint import read_state, write_state
from objectives.trial.bounds import stopped_by
from objectives.trial.job import RungDecision, TrialJob, TrialListener
from spaces.candidate import Candidate
from spaces.errors import DeviceAway
from spaces.network.family import slim_ratios

SEARCH_SEED = 42  # that of `conf/base.yaml`
EPOCH_S = float(os.environ.get("QUICK_EPOCH_S", "0.002"))


def run_trial(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Train, as it were, from the last checkpoint on; the contract is that of `objectives.trial.trial.run_trial`."""
    job.folder.mkdir(parents=True, exist_ok=True)
    remove_partials(job.folder)
    did(job, f"begins for {_searcher_pid()}, batch by {job.batch_divisor}")
    listener.stage("build")
    if job.weights is not None:
        assert job.weights.read_text()  # of one of a family
    write_text(job.folder / "candidate.json", str(job.candidate.to_json()))
    latency = job.latency or _measured(job, listener)
    for device in job.more_devices:
        if device.name not in job.latencies:
            listener.latency_on(device.name, latency_of(job, device), trained=False)
    if job.measure_only:
        return None
    if job.family is not None:
        listener.family(job.family)
    if stopped_by(job, [latency, *(latency_of(job, device) for device in job.more_devices)]):
        return Ending(Outcome.OVER_BOUND, f"p95 {latency.p95_ms:.1f} ms")
    listener.stage("train")
    done = _epochs_done(job, listener)
    word = _train(job, listener, done)
    trained = _epochs_done(job, listener) - done
    if word is not RungDecision.GO_ON:
        _resources(job, listener, trained)
        return None if word is RungDecision.PAUSE else Ending(Outcome.STOPPED, "at a rung")
    listener.stage("export")
    _suffer(job)
    write_text(job.folder / "model.onnx", "exported")
    write_text(job.folder / "weights.pt", "trained")
    for device in job.more_devices:
        listener.latency_on(device.name, latency_of(job, device), trained=True)
    listener.latency(latency_of(job), trained=True)
    listener.stage("score")
    quality = accuracy_of(job, job.epochs)
    listener.accuracy(Accuracy(quality, min(1.0, quality * 1.3), {}, job.split, len(job.images)))
    _resources(job, listener, trained)
    return Ending(Outcome.FINISHED, "")


def score_children(job: TrialJob, listener: TrialListener) -> None:
    """Look at children, as it were, and score them as ordered; the contract is that of `objectives.trial.scoring`."""
    did(job, f"scores for {_searcher_pid()}")
    listener.stage("build")
    assert (job.folder / "weights.pt").read_text() == "trained"
    report, count = ChildrenReport(), 0
    while (order := listener.children(report)) is not None:
        for child in report.scored:
            did(job, f"recorded {child.folder}")
        count += 1
        listener.progress(job.epochs, 1.0)
        looks = tuple(Look(choices, _childs(job, choices)[1], EPOCH_S) for choices in order.look_at)
        report = ChildrenReport(looks, tuple(_scored_child(job, choices) for choices in order.score))
        _suffer(job, kinds=(f"children{job.number}", f"children{job.number}round{count}"))


def _scored_child(job: TrialJob, choices: Choices) -> ScoredChild:
    candidate, quality, latency = _childs(job, choices)
    paths = TrialPaths(job.folder).child(candidate.fingerprint)
    paths.folder.mkdir(parents=True, exist_ok=True)
    for path in (paths.candidate, paths.description, paths.arguments, paths.weights, paths.model, paths.detections):
        write_text(path, str(candidate.to_json()))
    did(job, f"scored {candidate.fingerprint}")
    accuracy = Accuracy(quality, min(1.0, quality * 1.3), {}, job.split, len(job.images))
    folder = paths.folder.relative_to(job.folder).as_posix()
    resources = Resources(10**6, 10**8, 8, 8, {"export": EPOCH_S})
    child = replace(job, candidate=candidate)
    others = {device.name: latency_of(child, device) for device in job.more_devices}
    return ScoredChild(choices, folder, latency, accuracy, resources, others)


def _childs(job: TrialJob, choices: Choices) -> tuple[Candidate, float, Latency]:
    """Return a child's candidate, accuracy and latency."""
    assert job.family is not None
    child = replace(job, candidate=job.family.child(job.candidate, choices))
    return child.candidate, accuracy_of(child, job.epochs), latency_of(child)


def did(job: TrialJob, what: str) -> None:
    """Write what is done, with the trial's number (-1 ahead of trials) and the time, to the study's log of events."""
    with (study_folder(job) / "events.log").open("a") as log:
        log.write(f"{job.number} {time.time():.4f} {what}\n")


def study_folder(job: TrialJob) -> Path:
    """Return the study's folder."""
    return job.data_yaml.parents[2]


def _measured(job: TrialJob, listener: TrialListener) -> Latency:
    did(job, "measures")
    latency = latency_of(job)
    listener.latency(latency, trained=False)
    return latency


def _epochs_done(job: TrialJob, listener: TrialListener) -> int:
    """Return the epochs of the checkpoint; 0 without one."""
    checkpoint = job.folder / "training-1" / "checkpoint.pt"
    checkpoint.parent.mkdir(exist_ok=True)
    state, warning = read_state(checkpoint)
    if warning:
        listener.warning(warning)
    return int(state["epoch"]) if state else 0


def _train(job: TrialJob, listener: TrialListener, done: int) -> RungDecision:
    checkpoint = job.folder / "training-1" / "checkpoint.pt"
    if job.reported_epoch < done and done in job.evaluated:  # it died between the checkpoint and the message
        word = listener.rung(rung_of(job, done))
        if word is not RungDecision.GO_ON and done < job.epochs:
            return word
    for epoch in range(done + 1, job.epochs + 1):
        listener.progress(epoch, 0.0)
        _suffer(job, epoch)
        time.sleep(EPOCH_S)
        did(job, f"epoch {epoch}")
        with (job.folder / "epochs.log").open("a") as log:
            log.write(f"{epoch}\n")
        write_state({"epoch": epoch, "weights": torch.full((64,), float(epoch))}, checkpoint)
        _suffer(job, epoch, after_checkpoint=True)
        if epoch in job.evaluated:
            word = listener.rung(rung_of(job, epoch))
            if word is not RungDecision.GO_ON and epoch < job.epochs:
                return word
    return RungDecision.GO_ON


def rung_of(job: TrialJob, epoch: int) -> Rung:
    """Return what is seen at an epoch."""
    quality = accuracy_of(job, epoch)
    return Rung(epoch, quality, min(1.0, quality * 1.3), epoch * EPOCH_S, 1.0 / epoch, epoch in job.deciding)


def accuracy_of(job: TrialJob, epoch: int) -> float:
    """Return mAP after an epoch: larger and slower detectors get further, learning rates have an optimum.

    What has fewer channels is less accurate, and less so if it goes on from another's weights.
    """
    lost = (0.5 if job.weights is None else 0.3) * sum(slim_ratios(job.candidate).values()) / 5
    pixels, lr0 = job.candidate.number("size.pixels"), job.candidate.group("train").get("lr0", 2e-3)
    size = 1 - math.exp(-pixels / 150)
    rate = math.exp(-0.3 * (math.log10(float(lr0)) + 2.7) ** 2)
    grown = 1 - math.exp(-2.5 * epoch / job.epochs)
    return 0.9 * size * rate * grown * (0.95 + 0.05 * _chance(job)) * (1 - lost) * _luck(job)


def latency_of(job: TrialJob, device: Device | None = None) -> Latency:
    """Return the latency that the formula gives: what has fewer channels is faster; a further device has its own."""
    p50 = 1e-4 * job.candidate.number("size.pixels") ** 1.9 * (0.5 + _chance(job))
    p50 *= 1 - 0.6 * sum(slim_ratios(job.candidate).values()) / 5
    fingerprint = (device or job.device).fingerprint
    if device is not None:
        p50 *= 0.3 + 1.5 * int(hashlib.sha256(f"{device.name} {_chance(job)}".encode()).hexdigest()[:8], 16) / 2**32
    return Latency(p50, 1.2 * p50, 0.99 * p50, 1.01 * p50, 0.8 * p50, 60, 1.0, True, "", fingerprint, 10**8)


def _chance(job: TrialJob) -> float:
    """Return a number in [0, 1) that depends on what is deployed alone."""
    groups = ("backbone", "neck", "head", "size", "prune")
    deployed = [(k, v) for k, v in job.candidate.items() if k.split(".")[0] in groups]
    return int(hashlib.sha256(repr(deployed).encode()).hexdigest()[:8], 16) / 2**32


def _luck(job: TrialJob) -> float:
    """Return what the seed multiplies mAP by: 1 for the search's own."""
    if job.seed == SEARCH_SEED:
        return 1.0
    text = f"{job.seed} {job.candidate.fingerprint}"
    return 0.97 + 0.04 * int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def _resources(job: TrialJob, listener: TrialListener, epochs: int) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    listener.resources(Resources(10**6, 10**8, 8, peak, {"build": EPOCH_S, "train": EPOCH_S * epochs}))


# Faults


def _suffer(job: TrialJob, epoch: int = 0, *, after_checkpoint: bool = False, kinds: Sequence[str] = ()) -> None:
    """Take a fault that waits, if there is one, and suffer it; epoch 0 is the export; `kinds` are a scorer's."""
    folder = Path(os.environ.get("QUICK_FAULTS") or study_folder(job) / "faults")
    for_it = ["late"] if after_checkpoint else ["fault", f"trial{job.number}", f"trial{job.number}epoch{epoch}"]
    for_it += ["polish"] if job.weights is not None else []
    for file in sorted(path for kind in kinds or for_it for path in folder.glob(f"{kind}-*")):
        taken = file.with_name(f"taken-{file.name}-{job.number}-{os.getpid()}")
        try:
            file.rename(taken)  # one trial alone
        except FileNotFoundError:
            continue
        kind = file.name.split("-")[1]
        if kind == "hold":
            _wait_while(taken)
        else:
            FAULTS[kind](job)


def _wait_while(file: Path) -> None:
    """Wait until a test has removed a file."""
    while file.exists():
        time.sleep(0.005)


def _allocate(_job: TrialJob) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(os.urandom(1 << 20) * 16))
        time.sleep(0.005)


def _breed(_job: TrialJob) -> None:
    """Start processes, far more than allowed, in sessions of their own, each of which goes on when its parent dies."""
    for _ in range(600):  # no end would be the end of a machine too busy to kill them
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)


def _leave_behind(job: TrialJob) -> None:
    """Leave a process in a session of its own, whose parent is gone, and go on."""
    code = (
        "import subprocess, sys\n"
        "sleeper = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "print(subprocess.Popen(sleeper, stdout=subprocess.DEVNULL, start_new_session=True).pid)"
    )
    left = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
    did(job, f"leaves {left.stdout.strip()}")


def _no_room(_job: TrialJob) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _truncate(job: TrialJob) -> None:
    checkpoint = job.folder / "training-1" / "checkpoint.pt"
    if checkpoint.exists():
        checkpoint.write_bytes(checkpoint.read_bytes()[: checkpoint.stat().st_size // 2])
    os.kill(os.getpid(), signal.SIGKILL)


def _half_written(job: TrialJob) -> None:
    (job.folder / "model.onnx.partial").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)


def _diverge(_job: TrialJob) -> None:
    raise Diverged("the training loss was nan after epoch 1")


def _no_device_memory(_job: TrialJob) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def _exit(code: int) -> Callable[[TrialJob], None]:
    return lambda _job: os._exit(code)


def _signal(number: signal.Signals) -> Callable[[TrialJob], None]:
    return lambda _job: os.kill(os.getpid(), number)


def _searcher_pid() -> int:
    return psutil.Process(os.getppid()).ppid()  # the fork server's parent


def _kill_searcher(_job: TrialJob) -> None:
    os.kill(_searcher_pid(), signal.SIGKILL)
    time.sleep(60)  # it dies with its search


def _kill_both(_job: TrialJob) -> None:
    os.kill(_searcher_pid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _hang(_job: TrialJob) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    time.sleep(3600)


def _board_away(_: TrialJob) -> None:
    raise DeviceAway("device=ssh: board 'pi5': it cannot be reached (no route to host)")


FAULTS: dict[str, Callable[[TrialJob], None]] = {
    "sigkill": _signal(signal.SIGKILL),
    "sigsegv": _signal(signal.SIGSEGV),
    "sigabrt": _signal(signal.SIGABRT),
    "sigterm": _signal(signal.SIGTERM),
    "exit0": _exit(0),
    "exit3": _exit(3),
    "hang": _hang,
    "stopped": _signal(signal.SIGSTOP),
    "nan": _diverge,
    "allocate": _allocate,
    "device": _no_device_memory,
    "breed": _breed,
    "leave": _leave_behind,
    "full": _no_room,
    "away": _board_away,
    "truncated": _truncate,
    "half": _half_written,
    "searcher": _kill_searcher,
    "both": _kill_both,
}
