"""Files measured by another process: figures as measured directly, failures as failures, and what deaths leave."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from command_line import SCRIPT
from defaults import CPU, protocol_of
from postgres_server import PostgresServer
from quick_search import settings_of, wait_until
from window_detector import POOR, write_windows

from objectives.data.dataset import Dataset
from objectives.latency.hosts.open import describe
from objectives.latency.hosts.queue import Answer, Ask, InQueue, Order
from objectives.latency.measure import measure_latency
from objectives.machine.device_locks import Patience, exclusive
from objectives.records.records import Latency
from objectives.records.study_record import StudyRecord
from search.settings.settings import Settings
from search.study.claims.open import open_claims
from search.study.measuring.asking import Asker
from search.study.measuring.claimed import Whereabouts, claim_of, post_of
from search.study.measuring.orders import Orders
from search.study.measuring.parcels import Parcels, SharedFolder
from search.study.sessions import Session
from search.study.store import create_study, open_storage, storage_url
from spaces.errors import DeviceAway, DeviceError

pytestmark = pytest.mark.seconds
STEADY = protocol_of(processes=1, processes_max=1, interval=9.0, images_min=10, cap_s=1, warmup_s=0.05)
RNG = np.random.default_rng(5)
LONG_S = 20.0
ASKER = """
import sys
from pathlib import Path
from search.study.claims.open import open_claims
from search.study.sessions import Session
from search.study.store import load_study
folder, url = Path(sys.argv[1]), sys.argv[2] or None
claims = open_claims(folder, url, lease_s=2.0)
study = load_study(folder.parent, folder.name, url)
with claims.alone():
    print(Session(study, claims).key, flush=True)
sys.stdin.read()
"""


class Desk:
    """A study, and this process as one that asks for latencies on its device."""

    def __init__(self, settings: Settings, dataset: Dataset, stack: ExitStack, wait_s: float = LONG_S) -> None:
        self.settings, self.stack = settings, stack
        settings.folder.mkdir(parents=True, exist_ok=True)
        url = settings.store.url
        storage: Any = open_storage(storage_url(settings.folder, url))
        stack.callback(storage._backend.engine.dispose)
        self.study = create_study(settings, dataset, storage)
        self.claims = open_claims(settings.folder, url, lease_s=settings.store.lease_s)
        stack.callback(self.claims.close)
        with self.claims.alone():
            self.session = Session(self.study, self.claims)
        self.orders, self.parcels = Orders(self.study), Parcels(SharedFolder(settings.folder), "queue")
        where = Whereabouts(settings.name, settings.folder, url)
        described = {"cpu": describe(CPU)}
        asker = Asker(self.orders, self.parcels, self.claims, self.session.key, ["cpu"], described, wait_s, where)
        self.asker = stack.enter_context(asker)

    def host(self, ask: Ask | None = None) -> InQueue:
        return InQueue(CPU, describe(CPU), ask or self.asker.ask)

    def waiting(self) -> int:
        return len(self.orders.waiting(["cpu"]))

    def parcels_left(self) -> list[Path]:
        return [path for path in (self.settings.folder / "queue").rglob("*") if path.is_file()]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a study whose folder both machines see."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if request.param == "sqlite":
        return settings_of(tmp_path / "runs")
    server: PostgresServer = request.getfixturevalue("postgres")
    return settings_of(tmp_path / "runs", f"store.url={server.url(server.new_database())}", "store.lease_s=2")


@pytest.fixture
def desk(settings: Settings, blocks: Dataset) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(settings, blocks, stack)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"image{i}.png" for i in range(2)]
    for path in paths:
        cv2.imwrite(str(path), RNG.integers(0, 256, (90, 120, 3), dtype=np.uint8))
    return paths


@contextmanager
def measuring(settings: Settings, log: Path, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Let another process measure for the study, as people start one."""
    store = ["--store", settings.store.url] if settings.store.url else []
    line = [str(SCRIPT), "measure", settings.name, "--folder", settings.store.folder, *store, *words]
    with log.open("ab") as out, subprocess.Popen(line, stdout=out, stderr=out) as process:
        try:
            wait_until(lambda: b"Ctrl-C ends" in log.read_bytes() or process.poll() is not None)
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_another_process_measures_as_this_one_does(desk: Desk, images: list[Path], tmp_path: Path) -> None:
    model, log = write_windows(tmp_path / "model.onnx", POOR), tmp_path / "log.txt"
    directly = measure_latency(model, CPU, images, STEADY)
    with measuring(desk.settings, log) as process:
        (figure,) = desk.host().figures([model], images, STEADY, Patience())
        assert isinstance(figure, Latency)
        assert figure.p50_ms == pytest.approx(directly.p50_ms, rel=0.5)  # a single short process each
        assert (figure.device, figure.file_bytes) == (directly.device, directly.file_bytes)
        assert figure.calm_ms == pytest.approx(directly.calm_ms, abs=1e-5)  # the scale is the device's
        assert figure.measured_by == os.uname().nodename
        (kept,) = desk.host().figures([model], images, STEADY, Patience())
        assert isinstance(kept, Latency)
        assert (kept.kept, kept.p50_ms) == (True, figure.p50_ms)
        (again,) = desk.host().figures([model], images, STEADY, Patience(), again=True)
        assert isinstance(again, Latency)
        assert not again.kept
        wait_until(lambda: len(desk.parcels_left()) == len(images))  # these are sent once
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG_S) == 0
    said = log.read_text().splitlines()
    assert [line.split(":")[0] for line in said[3:-1]] == ["order 1 on cpu", "order 2 on cpu", "order 3 on cpu"]
    assert said[-1].startswith("Ended; 3 measured here")
    desk.stack.close()
    assert desk.parcels_left() == []


@pytest.mark.slow
def test_what_cannot_be_measured_is_an_error_in_its_place(desk: Desk, images: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    model = write_windows(tmp_path / "model.onnx", POOR)
    with measuring(desk.settings, tmp_path / "log.txt"):
        found = desk.host().figures([broken, model, tmp_path / "none.onnx"], images, STEADY, Patience())
    assert [type(one) for one in found] == [DeviceError, Latency, DeviceError]
    assert "device=cpu: measuring '0.onnx' failed" in str(found[0])
    assert "none.onnx' is no file" in str(found[2])


@pytest.mark.slow
def test_orders_are_measured_one_at_a_time_the_oldest_first(desk: Desk, images: list[Path], tmp_path: Path) -> None:
    """Two processes measure for the study on one machine; what is measured here beside waits for the same device."""
    orders = [
        Order("cpu", (write_windows(tmp_path / f"{i}.onnx", POOR[: 1 + i % 2]),), tuple(images), STEADY, again=True)
        for i in range(4)
    ]
    for i, order in enumerate(orders):
        desk.asker.ask(order, owner=i)
        wait_until(lambda count=i + 1: desk.waiting() == count)
    answered: list[tuple[int, Answer]] = []
    with ExitStack() as stack:
        with exclusive(("cpu",)):  # both stand before the device's lock
            for name in ("one", "two"):
                stack.enter_context(measuring(desk.settings, tmp_path / name))
            time.sleep(1.5)
            assert desk.waiting() == 4
        while len(answered) < 4:
            for i, order in enumerate(orders):
                answer = desk.asker.ask(order, owner=i) if i not in dict(answered) else None
                if answer is not None:
                    answered.append((i, answer))
            assert desk.waiting() <= 4
    left = list(range(4))
    for came, _ in answered:
        assert came in left[:2]  # the two that are claimed; the device's lock lets either in
        left.remove(came)
    for i, answer in answered:  # each its own: files of two sizes
        (figure,) = answer.figures
        assert isinstance(figure, Latency)
        assert figure.file_bytes == (tmp_path / f"{i}.onnx").stat().st_size


@pytest.mark.slow
def test_the_order_of_a_process_that_was_killed_is_dropped_with_its_files(
    desk: Desk, images: list[Path], tmp_path: Path
) -> None:
    line = [sys.executable, "-c", ASKER, str(desk.settings.folder), desk.settings.store.url or ""]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        key = int(process.stdout.readline())
        model, parcels = (
            write_windows(tmp_path / "model.onnx", POOR),
            Parcels(SharedFolder(desk.settings.folder), "queue"),
        )
        body = parcels.send(Order("cpu", (model,), tuple(images), STEADY))
        number = desk.orders.put(key, "cpu", body)
        assert len(desk.parcels_left()) == 3
        process.kill()
    with measuring(desk.settings, tmp_path / "log.txt"):
        wait_until(lambda: desk.waiting() == 0)
        wait_until(lambda: desk.parcels_left() == [])
    with pytest.raises(LookupError):
        desk.orders.answer_of(number)


def test_an_order_that_cannot_be_read_is_answered(desk: Desk, tmp_path: Path) -> None:
    """Somebody measures, so that whoever asks would wait for ever."""
    number = desk.orders.put(desk.session.key, "cpu", {"files": [[]], "of": "another version"})
    with measuring(desk.settings, tmp_path / "log.txt") as process:
        answer = wait_until(lambda: desk.orders.answer_of(number))
        assert process.poll() is None
    (why,) = answer.figures
    assert "device=cpu: the files did not arrive on" in str(why)


@pytest.mark.slow
def test_who_measures_and_was_frozen_has_the_post_again(
    postgres: PostgresServer, blocks: Dataset, tmp_path: Path
) -> None:
    url = postgres.url(postgres.new_database())
    settings = settings_of(tmp_path / "runs", f"store.url={url}", "store.lease_s=2")
    post = post_of("cpu", ["cpu"])
    with ExitStack() as stack:
        desk = Desk(settings, blocks, stack)
        with measuring(settings, tmp_path / "log.txt") as process:
            wait_until(lambda: desk.claims.is_elsewhere(post))
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: desk.claims.take(post))
            process.send_signal(signal.SIGCONT)
            time.sleep(3.0)  # it finds that the post is another one's
            desk.claims.free(post)
            wait_until(lambda: desk.claims.is_elsewhere(post))


def test_a_trial_that_was_ended_takes_its_order_back(desk: Desk, images: list[Path], tmp_path: Path) -> None:
    model = write_windows(tmp_path / "model.onnx", POOR)
    order, other = (Order("cpu", (model,), tuple(images), STEADY) for _ in range(2))
    desk.asker.ask(order, owner=7)
    desk.asker.ask(other, owner=8)
    wait_until(lambda: desk.waiting() == 2)
    desk.asker.forget(7)
    wait_until(lambda: desk.waiting() == 1)
    assert desk.asker.ask(other, owner=8) is None


@pytest.mark.slow
def test_the_order_of_one_who_died_measuring_is_taken_by_the_next(
    desk: Desk, images: list[Path], tmp_path: Path
) -> None:
    order = Order("cpu", (write_windows(tmp_path / "model.onnx", POOR),), tuple(images), STEADY)
    with exclusive(("cpu",)), measuring(desk.settings, tmp_path / "first") as process:
        desk.asker.ask(order)
        wait_until(lambda: desk.waiting() == 1)
        (stored,) = desk.orders.waiting(["cpu"])
        wait_until(lambda: desk.claims.is_elsewhere(claim_of(stored.number)))
        process.kill()
        process.wait(LONG_S)
    with measuring(desk.settings, tmp_path / "second"):
        answer = wait_until(lambda: desk.asker.ask(order))
    assert isinstance(answer.figures[0], Latency)
    assert "order 1" not in (tmp_path / "first").read_text()
    assert "order 1 on cpu" in (tmp_path / "second").read_text()


@pytest.mark.slow
def test_without_anybody_who_measures_an_order_is_answered_as_away(
    settings: Settings, blocks: Dataset, images: list[Path], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        desk = Desk(settings, blocks, stack, wait_s=1.5)
        model, began = write_windows(tmp_path / "model.onnx", POOR), time.monotonic()
        with pytest.raises(DeviceAway) as error:
            desk.host().figures([model], images, STEADY, Patience())
        assert time.monotonic() - began > 1.5
        told = str(error.value)
        assert told.startswith("device=cpu (")
        assert f"there give: automl measure {settings.name} --" in told
        began = time.monotonic()
        with pytest.raises(DeviceAway):  # it is known by now
            desk.host().figures([model], images, STEADY, Patience())
        assert time.monotonic() - began < 1.4
        wait_until(lambda: desk.waiting() == 0)
        with measuring(settings, tmp_path / "log.txt"):
            (figure,) = desk.host().figures([model], images, STEADY, Patience())
        assert isinstance(figure, Latency)


@pytest.mark.slow
def test_a_figure_of_another_device_is_no_answer(desk: Desk, images: list[Path], tmp_path: Path) -> None:
    order = Order("cpu", (write_windows(tmp_path / "model.onnx", POOR),), tuple(images), STEADY)
    desk.asker.ask(order)
    wait_until(lambda: desk.waiting() == 1)
    (stored,) = desk.orders.waiting(["cpu"])
    wrong = measure_latency(order.artifacts[0], CPU, images, STEADY)
    desk.orders.answer(stored.number, Answer((Latency(**{**vars(wrong), "device": "feedfeedfeedfeed"}),)), "elsewhere")
    answer = wait_until(lambda: desk.asker.ask(order))
    assert "measured on another device (feedfeedfeedfeed" in str(answer.figures[0])


@pytest.mark.slow
def test_a_machine_without_the_device_measures_nothing(desk: Desk, tmp_path: Path) -> None:
    kept = {**StudyRecord.of(desk.study).device, "processor": "Another CPU"}
    desk.study.set_user_attr("automl.device", kept)
    log = tmp_path / "log.txt"
    with measuring(desk.settings, log) as process:
        assert process.wait(LONG_S) == 2
    assert "measure: device=cpu is another one here than study 'smoke' has (processor Another CPU ->" in log.read_text()
    with measuring(desk.settings, tmp_path / "wrong", "device=pi5") as process:
        assert process.wait(LONG_S) == 2
    assert "device: 'pi5' is none of the study's; known: cpu" in (tmp_path / "wrong").read_text()
