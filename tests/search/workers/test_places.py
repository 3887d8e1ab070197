"""Places to train at: shares of the cores, a GPU for one training alone, and all given back."""

import os
from dataclasses import replace

import pytest

from objectives.machine.gpus.visible import wanted_gpus
from objectives.machine.shares import slots_taken
from objectives.trial.job import TrialJob
from search.workers.entry import with_own_gpu
from search.workers.places import take_place


@pytest.mark.usefixtures("all_cores")
def test_one_worker_has_all_cores_and_two_share_them() -> None:
    alone = take_place("cpu", 1)
    assert alone is not None
    assert (alone.cores, alone.train_device) == ((), "cpu")
    alone.give_back()
    one, two = take_place("cpu", 2), take_place("cpu", 2)
    assert one is not None
    assert two is not None
    cores = sorted(os.sched_getaffinity(0))
    assert one.cores
    assert set(one.cores) | set(two.cores) <= set(cores)
    assert not set(one.cores) & set(two.cores) or len(cores) == 1
    assert slots_taken() == 2
    one.give_back()
    two.give_back()
    assert slots_taken() == 0


@pytest.mark.usefixtures("all_cores")
def test_other_searches_of_the_machine_have_their_share() -> None:
    other = take_place("cpu", 1)
    own = take_place("cpu", 1)
    assert other is not None
    assert own is not None
    assert len(own.cores) in (1, len(os.sched_getaffinity(0)) // 2, len(os.sched_getaffinity(0)) // 2 + 1)
    other.give_back()
    own.give_back()


def test_a_gpu_is_lent_to_one_training(monkeypatch: pytest.MonkeyPatch) -> None:
    first = take_place("3", 1)
    assert first is not None
    assert first.train_device == "3"
    assert take_place("3", 1) is None
    assert slots_taken() == 1  # what found no GPU holds no slot
    other = take_place("4", 1)
    assert other is not None
    first.give_back()
    again = take_place("3", 1)
    assert again is not None
    again.give_back()
    other.give_back()
    assert slots_taken() == 0


def test_without_a_gpu_auto_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert wanted_gpus("auto") == wanted_gpus("cpu") == []
    place = take_place("auto", 1)
    assert place is not None
    assert place.train_device == "cpu"
    place.give_back()


def test_a_device_that_is_named_is_wanted_as_it_is() -> None:
    assert [gpu.uuid for gpu in wanted_gpus("2")] == ["2"]


@pytest.mark.parametrize(
    ("gpu", "provider", "listed", "train_device"),
    [
        ("GPU-5f1c", "CPUExecutionProvider", "GPU-5f1c", "0"),
        (None, "CPUExecutionProvider", "0,1", "1"),
        ("GPU-5f1c", "CUDAExecutionProvider", "0,1", "1"),  # the file is scored on the device's GPU, by its number
    ],
)
def test_a_trials_process_sees_its_gpu_alone(
    tiny_job: TrialJob,
    monkeypatch: pytest.MonkeyPatch,
    gpu: str | None,
    provider: str,
    listed: str,
    train_device: str,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    job = replace(tiny_job, gpu=gpu, train_device="1", device=replace(tiny_job.device, provider=provider))
    assert with_own_gpu(job).train_device == train_device
    assert os.environ["CUDA_VISIBLE_DEVICES"] == listed
