"""Leases of GPUs: one alone, several as far as memory allows, all of it free when a process is killed."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_gpus import FIRST, PARTED, PARTS, SECOND, TWO, build_nvml, machine, start

from objectives.machine.gpus.driver import Gpu, GpuMemory
from objectives.machine.gpus.leases import GpuLease, foreign_bytes, has_room, lease_gpu
from objectives.machine.locks import LockFile

Ask = Callable[..., str]
# One process a worker: it takes a lease of the visible GPUs, and answers what it is asked for.
WORKER = """
import sys
from objectives.machine.gpus.leases import lease_gpu
from objectives.machine.gpus.visible import visible_gpus
lease = lease_gpu(visible_gpus(), int(sys.stdin.readline()))
print(lease.gpu.uuid if lease else None, flush=True)
for line in sys.stdin:
    what, *figures = line.split()
    if what == "reserve":
        print(lease.reserve(int(figures[0]) * 10**9, alone="alone" in figures), flush=True)
    elif what == "company":
        print(lease.has_company, flush=True)
    else:
        lease.release()
        print("released", flush=True)
"""


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nvml(tmp_path_factory.mktemp("nvml"))


class Worker:
    """A process on a made machine that leases GPUs."""

    def __init__(self, environment: dict[str, str], share: int) -> None:
        self.process = start(environment, WORKER)
        self.uuid = self.ask(str(share))

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def worker(nvml: Path, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starter of workers; all of them share their locks, and the file of what is used of the GPUs."""
    begun: list[Worker] = []

    def begin(share: int = 2, gpus: str = "NVIDIA A100-SXM4-40GB;40", **variables: str) -> Worker:
        begun.append(Worker(machine(nvml, gpus, tmp_path, MADE_GPUS_USED=str(tmp_path / "used"), **variables), share))
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()


def boards(*numbers: int) -> list[Gpu]:
    """Return boards as their device files name them."""
    return [Gpu(number, str(number), node=number) for number in numbers]


def taken(lease: GpuLease | None) -> GpuLease:
    assert lease is not None
    return lease


def test_a_gpu_is_lent_to_one_at_a_time(locks: Path) -> None:
    first, second = taken(lease_gpu(boards(0, 1))), taken(lease_gpu(boards(0, 1)))
    assert (first.gpu.uuid, second.gpu.uuid) == ("0", "1")
    assert lease_gpu(boards(0, 1)) is None
    assert lease_gpu([]) is None
    assert lease_gpu(boards(0), share=2) is None, "it has one that is alone"
    first.release()
    again = taken(lease_gpu(boards(0, 1)))
    assert again.gpu.uuid == "0"
    assert again.reserve(1 << 60), "one that is alone has room for any"
    again.release()
    second.release()


def test_without_an_answering_driver_nobody_shares(locks: Path) -> None:
    """Nobody knows how much memory is free."""
    first = taken(lease_gpu(boards(0), share=2))
    assert lease_gpu(boards(0), share=2) is None
    first.release()


def test_an_older_automl_and_this_one_never_have_one_board(locks: Path) -> None:
    """An older one leases a board by the number of its device file."""
    board = Gpu(0, "GPU-5f1c", memory_bytes=1, node=3, is_known=True)
    for share in (1, 2):
        with LockFile("cuda:3.lease") as older:
            assert older.own()
            assert lease_gpu([board], share) is None
            older.release()
            lease = taken(lease_gpu([board], share))
            assert not older.own()
            lease.release()
            assert older.own()


@pytest.mark.seconds
def test_one_board_has_one_lease_by_index_and_by_uuid(worker: Callable[..., Worker]) -> None:
    one = worker(1, TWO, CUDA_VISIBLE_DEVICES="1")
    other = worker(1, TWO, CUDA_VISIBLE_DEVICES="GPU-1111,GPU-0000")
    third = worker(1, TWO, CUDA_VISIBLE_DEVICES=SECOND)
    assert (one.uuid, other.uuid, third.uuid) == (SECOND, FIRST, "None")


@pytest.mark.seconds
def test_parts_are_gpus_of_their_own(worker: Callable[..., Worker]) -> None:
    assert [worker(1, PARTED).uuid for _ in range(3)] == [*PARTS, "None"]


@pytest.mark.seconds
def test_trainings_share_a_gpu_as_far_as_memory_allows(worker: Callable[..., Worker], tmp_path: Path) -> None:
    one, other = worker(), worker()
    assert one.uuid == other.uuid == FIRST
    assert one.ask("reserve 25") == "True"
    assert other.ask("reserve 20") == "False", "25 are reserved of 40, although none is taken yet"
    assert other.ask("reserve 15") == "True"
    assert one.ask("company") == "True"
    assert worker().uuid == "None", "never more than gpu.share"
    third = worker(3)
    assert third.uuid == FIRST
    assert third.ask("reserve 1") == "False"
    (tmp_path / "used").write_text(f"0 -1 {one.process.pid} 2000\n0 -1 {os.getpid()} 9000\n")
    other.ask("release")
    assert third.ask("reserve 7") == "False", "9 GB are another program's"
    assert third.ask("reserve 6") == "True"


@pytest.mark.seconds
def test_what_is_taken_counts_where_it_is_more_than_what_was_reserved(
    worker: Callable[..., Worker], tmp_path: Path
) -> None:
    one, other = worker(), worker()
    assert one.ask("reserve 5") == "True"
    (tmp_path / "used").write_text(f"0 -1 {one.process.pid} 30000\n")
    assert other.ask("reserve 11") == "False"
    assert other.ask("reserve 10") == "True"


@pytest.mark.seconds
def test_one_that_needs_a_gpu_alone_keeps_others_out(worker: Callable[..., Worker]) -> None:
    one, other = worker(), worker()
    assert other.ask("reserve 1 alone") == "False", "another trains there"
    other.ask("release")
    assert one.ask("reserve 39 alone") == "True"
    assert worker().uuid == "None"
    one.kill()
    assert worker().uuid == FIRST, "a killed process holds nothing"


@pytest.mark.seconds
def test_empty_gpus_come_before_shared_ones(worker: Callable[..., Worker]) -> None:
    assert [worker(2, TWO).uuid for _ in range(5)] == [FIRST, SECOND, FIRST, SECOND, "None"]


GB = st.integers(0, 100)


@given(need=GB, total=GB, used=GB, reserved=GB, foreign=GB)
def test_room_never_overbooks(need: int, total: int, used: int, reserved: int, foreign: int) -> None:
    room = has_room(need, GpuMemory(total, total - used), reserved, foreign)
    assert room == (need + used <= total and need + reserved + foreign <= total)


def test_processes_of_a_host_seen_from_a_container_are_nobody_elses() -> None:
    assert foreign_bytes({os.getpid(): 5, 1 << 30: 7, os.getppid(): 3}, {os.getpid()}) == 3
