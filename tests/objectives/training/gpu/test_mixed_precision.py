"""Mixed precision: asked of us, never of a download; and what a training on a GPU may use."""

import inspect
import os
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from ultralytics.engine import trainer
from ultralytics.utils.checks import check_amp

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.machine.cores import on_cores
from objectives.network.assembly import assemble
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.gpu.mixed_precision import UNSOUND, half_is_sound, sound_half_checked_here
from objectives.training.hardware import gpu_peak_bytes, loading_processes
from objectives.training.trainer import Progress, train_phase
from spaces.candidate import Candidate


def test_ultralytics_own_check_is_replaced_inside_alone() -> None:
    theirs = trainer.check_amp
    with sound_half_checked_here(lambda _: None):
        assert not trainer.check_amp(nn.Linear(1, 1))
        assert trainer.check_amp is not theirs
    assert trainer.check_amp is theirs


@pytest.mark.slow
@pytest.mark.seconds
def test_no_detector_is_fetched_to_check_mixed_precision(
    tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def theirs(model: nn.Module) -> bool:
        raise AssertionError("Ultralytics' own check runs a detector that it downloads")

    monkeypatch.setattr(trainer, "check_amp", theirs)
    choices = {"backbone.name": "lcnet_050", "neck.width": 16, "neck.depth": 1, "head.kind": "nms", "size.pixels": 64}
    chosen = Candidate.of({**choices, "train.batch": 4})
    _, model = assemble(chosen, blocks.classes, 1)
    plan = TrainingPlan(lay_out(blocks, tmp_path / "data"), tmp_path / "out", 1, seed=1)
    arguments = {**trainer_arguments(chosen, plan), "amp": True}  # as on a GPU
    train_phase(model, arguments, Progress(), (), (), lambda _: False)
    assert trainer.check_amp is theirs, "only inside"


def test_gpus_without_sound_half_precision_are_those_that_ultralytics_lists() -> None:
    assert UNSOUND.pattern in inspect.getsource(check_amp)


@pytest.mark.parametrize(
    ("name", "sound"), [("NVIDIA A100-SXM4-40GB", True), ("NVIDIA GeForce GTX 1660 Ti", False), ("Tesla K40m", False)]
)
def test_such_a_gpu_trains_in_full_precision_and_says_so(
    name: str, sound: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    with FakeTensorMode():
        model = nn.Linear(1, 1, device="cuda")
    said: list[str] = []
    assert half_is_sound(model, said.append) is sound
    assert [line.partition(" gives")[0] for line in said] == [f"trial.train_device: {name}"] * (not sound)


def test_a_processor_trains_in_full_precision() -> None:
    said: list[str] = []
    assert not half_is_sound(nn.Linear(1, 1), said.append)
    assert said == []


def test_no_more_processes_load_data_than_there_are_cores() -> None:
    with on_cores([min(os.sched_getaffinity(0))]):
        cores, warning = loading_processes(4, "0")
        assert cores == 1
        assert warning == "trial.workers: 4 processes to load data were asked for; a training has 1 of the cores"
        assert loading_processes(1, "0") == (1, "")
        assert loading_processes(4, "cpu") == (4, "")  # there the training's own process loads


def test_asking_for_the_memory_of_a_gpu_starts_no_cuda() -> None:
    assert gpu_peak_bytes() == 0
    assert not torch.cuda.is_initialized()
