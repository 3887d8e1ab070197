"""The card of a machine: what trainings run on there, and a kind that is the same for machines that train alike."""

import os

import pytest

from objectives.machine import card
from objectives.machine.card import card_with, largest_card
from objectives.machine.gpus.driver import Gpu

SMALL = Gpu(0, "GPU-1", "NVIDIA GeForce RTX 3060", 12_000_000_000, is_known=True)
LARGE = Gpu(1, "GPU-2", "NVIDIA A100-SXM4-80GB", 80_000_000_000, is_known=True)


def test_a_gpu_is_the_kind_of_its_machine() -> None:
    found = largest_card([SMALL, LARGE])
    assert (found.kind, found.gpu, found.gpu_memory_mb) == (LARGE.name, LARGE.name, 80000)
    assert found.words.startswith(f"{found.host}: NVIDIA A100-SXM4-80GB (80 GB), {found.cores} core")
    assert card_with(SMALL).kind == SMALL.name


def test_without_a_gpu_it_is_the_processor_with_its_cores() -> None:
    found = largest_card([])
    cores = len(os.sched_getaffinity(0))
    assert (found.gpu, found.gpu_memory_mb, found.cores) == (None, 0, cores)
    assert found.kind.endswith(f", {cores} core" + "s" * (cores != 1))
    assert found.memory_mb > 100


def test_a_gpu_that_the_driver_does_not_name_is_one_all_the_same() -> None:
    assert card_with(Gpu(0, "0")).kind == "a GPU"


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        ("Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", "Intel Xeon E5-2680 v4"),
        ("AMD EPYC 7B13 64-Core Processor", "AMD EPYC 7B13"),
        ("13th Gen Intel(R) Core(TM) i7-1365U", "13th Gen Intel Core i7-1365U"),
    ],
)
def test_a_processors_name_is_without_what_makers_write_around_it(model: str, kept: str) -> None:
    assert " ".join(card.BRACKETED.sub(" ", model).split()) == kept
