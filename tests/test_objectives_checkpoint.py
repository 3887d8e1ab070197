"""Checkpoints that are damaged, or none."""

from pathlib import Path

import pytest
import torch

from objectives.checkpoint import load_checkpoint
from spaces.errors import DataError


def test_a_truncated_checkpoint_is_told(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"ema": {"weight": torch.rand(200)}, "epoch": 3}, path)
    assert load_checkpoint(path)["epoch"] == 3
    whole = path.read_bytes()
    for share in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:share])
        with pytest.raises(DataError, match=r"checkpoint: '.*checkpoint\.pt' cannot be read \("):
            load_checkpoint(path)


@pytest.mark.parametrize("content", [{"weights": 1}, [1], torch.zeros(2)])
def test_another_file_is_no_checkpoint(tmp_path: Path, content: object) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save(content, path)
    with pytest.raises(DataError, match="is none of automl's"):
        load_checkpoint(path)
