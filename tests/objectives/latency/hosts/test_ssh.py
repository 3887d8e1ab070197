"""Latencies over a real line: the same figures and errors, and what breaks off is measured again or not at all."""

import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from defaults import CPU, protocol_of
from process_words import words_of
from small_board import make_board
from ssh_server import ALIAS, SshServer, needs_ssh, ssh_server

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.device import Device, measuring_keys
from objectives.deploy.export_onnx import export_onnx
from objectives.deploy.runtimes.open import open_artifact
from objectives.latency.hosts import ssh
from objectives.latency.hosts.open import calm_ms, check, describe, fingerprint, host_of
from objectives.latency.hosts.ssh import OverSsh
from objectives.latency.measure import measure_latencies, measure_latency
from objectives.latency.once import latency_once
from objectives.machine.device_locks import Patience, SharedDevices
from objectives.machine.remote.back_off import BackOff
from objectives.machine.remote.faults import RemoteBoard
from objectives.machine.remote.line import BoardLine
from objectives.records.records import Latency
from spaces.candidate import Candidate
from spaces.errors import DeviceAway, DeviceError
from spaces.network.description import describe as describe_network
from spaces.network.detector import build_detector

pytestmark = [needs_ssh, pytest.mark.seconds]
PI = replace(CPU, name="ssh", host=ALIAS, python=sys.executable)
QUICK = protocol_of(
    processes=1, processes_max=1, images_min=10, interval=9.0, cap_s=3.0, warmup_s=0.05, others_cores_max=99
)
KILLS, SEED = 12, 13


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.fixture(scope="module")
def artifact(make_candidate: Callable[..., Candidate], tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build_detector(describe_network(make_candidate(), ("can", "jar")), 0)
    meta = ArtifactMeta(64, "nms", ("can", "jar"))
    return export_onnx(model, meta, tmp_path_factory.mktemp("artifact") / "model.onnx")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    rng = np.random.default_rng(4)
    paths = [tmp_path_factory.mktemp("images") / f"{i}.png" for i in range(2)]
    for path in paths:
        cv2.imwrite(str(path), rng.integers(0, 256, (90, 120, 3), dtype=np.uint8))
    return paths


def nothing_is_left(server: SshServer) -> bool:
    """Whether no process runs on the "board", nothing is half written, and no run has left anything."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not (server.processes() or server.partials() or (server.own / "work").exists()):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_files_are_measured_on_the_board_while_others_train_here(
    server: SshServer, artifact: Path, images: list[Path], tmp_path: Path
) -> None:
    """A training that holds this machine's processor need not give way; one bad file spoils no other."""
    (tmp_path / "bad.onnx").write_bytes(b"no onnx at all")
    files = [artifact, tmp_path / "bad.onnx", tmp_path / "missing.onnx"]
    with SharedDevices(["cpu"]).working():
        first, bad, missing = measure_latencies(files, PI, images, QUICK)
    assert isinstance(first, Latency)
    assert 0 < first.network_ms < first.p50_ms <= first.p95_ms < 1000
    assert first.device == fingerprint(PI) != CPU.fingerprint
    assert first.file_bytes == artifact.stat().st_size
    assert list((server.own / "calm").glob(f"reference-*-{first.device}.txt")) != []
    assert (
        f"device=ssh: measuring 'bad.onnx' failed: spaces.errors.DeviceError: device=ssh: cannot load '{files[1]}'"
        in str(bad)
    )
    assert "'missing.onnx' failed: artifact: " in str(missing)
    assert nothing_is_left(server)
    again = measure_latency(artifact, PI, images, QUICK)
    assert again.calm_ms == pytest.approx(first.calm_ms, abs=1e-5)  # kept there


@pytest.mark.slow
def test_a_kept_figure_stands_on_the_calm_time_that_the_board_has(
    server: SshServer, artifact: Path, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured before the board was cleaned, or on another one of its model, does not answer."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(ssh, "_TOLD", {})
    first = latency_once(artifact, PI, images, QUICK)
    assert not first.kept
    assert latency_once(artifact, PI, images, QUICK) == replace(first, kept=True)
    calm = server.own / "calm"
    aside = calm.rename(tmp_path / "calm")
    check(PI)  # another process would ask anew, too
    assert calm_ms(PI) == ()
    second = latency_once(artifact, PI, images, QUICK)
    assert not second.kept
    shutil.rmtree(calm)
    aside.rename(calm)
    check(PI)
    assert latency_once(artifact, PI, images, QUICK) == replace(first, kept=True)  # the other board's is left alone


@pytest.mark.slow
def test_a_figure_of_a_board_that_was_changed_meanwhile_is_not_kept(
    server: SshServer, artifact: Path, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    check(PI)
    now = describe(PI)["runtime_version"]
    ssh._DESCRIBED[host_key(PI)]["runtime_version"] = "1.0"  # as it was when this process began
    said: list[str] = []
    figure = latency_once(artifact, PI, images, QUICK, warn=said.append)
    assert said == [
        "device=ssh: it is another one than this process has asked for "
        f"(runtime_version 1.0 -> {now}); its new figures are not kept: end this, and begin anew"
    ]
    assert not latency_once(artifact, PI, images, QUICK, warn=said.append).kept
    check(PI)
    assert figure.device == fingerprint(PI)
    assert not latency_once(artifact, PI, images, QUICK, warn=said.append).kept
    assert len(said) == 2


def host_key(device: Device) -> tuple[str, str]:
    host = host_of(device)
    assert isinstance(host, OverSsh)
    return host._key


@pytest.mark.slow
def test_batches_are_timed_on_a_board_without_onnx(
    server: SshServer, artifact: Path, images: list[Path], tmp_path: Path
) -> None:
    """The files for several images are made there of what is sent; an RT-DETR's or a LiteRT's note says its own."""
    bare = replace(PI, python=str(make_board(tmp_path).python))
    found = measure_latency(artifact, bare, images, replace(QUICK, throughput=True))
    assert found.batch_note == ""
    assert found.images_per_s is not None
    assert found.best_batch >= 1
    assert nothing_is_left(server)


def test_a_board_is_described_by_itself(server: SshServer) -> None:
    check(PI)
    told = describe(PI)
    assert (told["name"], told["runtime"], told["threads"]) == ("ssh", "onnxruntime", 1)
    assert not {"host", "python"} & told.keys()  # a board that moves keeps its figures
    assert fingerprint(replace(PI, threads=2)) != fingerprint(PI)
    assert measuring_keys(PI) == ("board:pi5",)
    assert measuring_keys(replace(PI, host="pi@10.0.0.7")) == ("board:pi_10.0.0.7",)


def test_scores_of_a_board_come_from_its_runtime_here(artifact: Path) -> None:
    gpu = replace(PI, provider="CUDAExecutionProvider", options={"device_id": 1}, threads=500)
    here = gpu.here()
    assert (here.host, here.provider, here.options) == (None, "CPUExecutionProvider", {})
    assert PI.here() == replace(CPU, name="ssh")
    assert CPU.here() is CPU
    assert open_artifact(artifact, gpu).meta.size_px == 64


def test_what_a_board_lacks_is_said_with_the_way_to_install_it(server: SshServer) -> None:
    with pytest.raises(
        DeviceError, match=r"device=ssh: onnxruntime has no 'NoProvider' on the board; it has .*CPUExec"
    ):
        check(replace(PI, provider="NoProvider"))
    bare = Path.home() / ".pyenv" / "versions" / "3.10.13" / "bin" / "python"
    if bare.exists():
        with pytest.raises(
            DeviceError, match=r"numpy and onnxruntime are not installed .*install there: .* pip install"
        ):
            check(replace(PI, python=str(bare)))
    with pytest.raises(DeviceError, match="there is no 'python9' on it"):
        check(replace(PI, python="python9"))


def test_settings_of_boards_are_checked() -> None:
    with pytest.raises(DeviceError, match=r"device\.python: names the Python of a board, which needs device\.host"):
        replace(CPU, python="python3.12")
    with pytest.raises(DeviceError, match=r"device\.threads: must lie in 0\.\.1024, got 2000"):
        replace(PI, threads=2000)
    with pytest.raises(DeviceError, match=r"device\.host: must be an ssh alias"):
        check(replace(PI, host="-oProxyCommand=x"))


@pytest.mark.slow
def test_a_board_that_is_gone_is_away(
    server: SshServer, artifact: Path, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figure is no other one: there is none, and once the board is back there is one again."""
    monkeypatch.setattr(ssh, "WHILE_MEASURING", BackOff(0.05, 0.1, 0.3))
    signs: list[float] = []
    patience = Patience(lambda: signs.append(time.monotonic()))
    server.stop()
    try:
        with pytest.raises(DeviceAway, match=r"device=ssh: board 'pi5': it cannot be reached \(.*refused"):
            measure_latencies([artifact, artifact], PI, images, QUICK, patience=patience)
    finally:
        server.start()
    assert signs != []
    assert patience.waited_s > 0.2
    assert measure_latency(artifact, PI, images, QUICK).p50_ms > 0


@pytest.mark.slow  # the twelve cuts are of the same kind
def test_a_line_that_breaks_is_opened_again(server: SshServer, artifact: Path, images: list[Path]) -> None:
    cut: list[int] = []

    def once() -> None:
        if not cut and any("probe" in " ".join(words_of(process)) for process in server.processes()):
            cut.append(server.cut())

    assert isinstance(measure_latency(artifact, PI, images, QUICK, patience=Patience(once)), Latency)
    assert cut == [1]
    assert nothing_is_left(server)


@pytest.mark.slow
def test_a_board_that_was_started_anew_voids_what_was_begun(
    server: SshServer, artifact: Path, images: list[Path]
) -> None:
    host = host_of(PI)
    assert isinstance(host, OverSsh)
    task = ssh.Task([artifact], images, QUICK, None, 60.0)
    with host.alone(Patience()):
        (found,) = host.run(task)
        assert "latency" in found
        host._boot_id = "of the run before"
        server.cut()
        with pytest.raises(DeviceAway, match="it was started anew in the middle of a measurement"):
            host.run(task)
    with host.alone(Patience()):
        assert "latency" in host.run(task)[0]


@pytest.mark.slow
def test_twelve_cuts_at_random_lose_nothing_and_leave_nothing(
    server: SshServer, artifact: Path, images: list[Path]
) -> None:
    """Every figure is one of whole processes: as many images as it says, the board's own calm time, no error."""
    chance, protocol = random.Random(SEED), replace(QUICK, processes=2, processes_max=2, agreement=9.0)
    whole = measure_latency(artifact, PI, images, protocol)
    cuts = 0
    while cuts < KILLS:
        done = threading.Event()

        def cut(after_s: float = chance.uniform(0.05, 3.0), done: threading.Event = done) -> None:
            nonlocal cuts
            if not done.wait(after_s):
                cuts += server.cut() > 0

        thread = threading.Thread(target=cut)
        thread.start()
        try:
            found = measure_latencies([artifact, artifact], PI, images, protocol)
        finally:
            done.set()
            thread.join()
        assert all(isinstance(one, Latency) for one in found)
        for one in found:
            assert isinstance(one, Latency)
            assert one.calm_ms == pytest.approx(whole.calm_ms, abs=1e-5)
            assert one.samples == 20
            assert 0.3 < one.p50_ms / whole.p50_ms < 3
        assert nothing_is_left(server)


@pytest.mark.slow
def test_a_board_that_others_keep_is_away_after_one_wait(
    server: SshServer, artifact: Path, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited that long does not begin to wait anew."""
    monkeypatch.setattr(ssh, "LONGEST_S", 3.0)
    patience = Patience()
    with BoardLine(RemoteBoard(ALIAS, sys.executable)) as other:
        other.lock(10)
        with pytest.raises(DeviceAway, match=r"others measure there \(for 3 s by now\)"):
            measure_latency(artifact, PI, images, QUICK, patience=patience)
    assert 3.0 <= patience.waited_s < 5.0


@pytest.mark.slow
def test_studies_queue_at_the_board(server: SshServer, artifact: Path, images: list[Path]) -> None:
    """One who has the board's lock, here another program, is waited for."""
    with BoardLine(RemoteBoard(ALIAS, sys.executable)) as other:
        other.lock(10)
        found: list[Latency] = []
        measuring = threading.Thread(target=lambda: found.append(measure_latency(artifact, PI, images, QUICK)))
        measuring.start()
        time.sleep(2.0)
        assert found == []
        assert not any("probe" in " ".join(words_of(process)) for process in server.processes())
    measuring.join(60)
    assert len(found) == 1
