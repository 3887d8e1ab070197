"""Checkpoints: two generations, of which one is whole at every moment."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from objectives.training.checkpoint import previous_of, read_state, write_state

ROOT = Path(__file__).parents[3]


def state(epoch: int) -> dict[str, object]:
    return {"epoch": epoch, "ema": {"weight": torch.full((300,), float(epoch))}, "rung": {"map": 0.5}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A checkpoint of epoch 3, and before it one of epoch 2."""
    path = tmp_path / "checkpoint.pt"
    for epoch in (1, 2, 3):
        write_state(state(epoch), path)
    return path


def test_the_newest_is_read(path: Path) -> None:
    found, warning = read_state(path)
    assert found is not None
    assert (found["epoch"], found["rung"], warning) == (3, {"map": 0.5}, "")
    assert torch.equal(found["ema"]["weight"], torch.full((300,), 3.0))
    assert sorted(p.name for p in path.parent.iterdir()) == ["checkpoint.previous.pt", "checkpoint.pt"]


def test_none_is_no_loss(tmp_path: Path) -> None:
    assert read_state(tmp_path / "checkpoint.pt") == (None, "")


def test_a_truncated_one_costs_one_epoch(path: Path) -> None:
    whole = path.read_bytes()
    for share in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:share])
        found, warning = read_state(path)
        assert found is not None
        assert found["epoch"] == 2
        assert warning.startswith("checkpoint: the newest is lost (")
        assert warning.endswith("); going on after epoch 2")
        assert not path.exists(), "the damaged one must not become the previous one"


def test_a_flipped_bit_is_found(path: Path) -> None:
    """Torch itself reads on over it."""
    content = bytearray(path.read_bytes())
    at = content.find(torch.full((300,), 3.0).numpy().tobytes())
    content[at + 10] ^= 4
    path.write_bytes(content)
    assert torch.load(path, weights_only=True)["epoch"] == 3
    found, warning = read_state(path)
    assert found is not None
    assert found["epoch"] == 2
    assert "is damaged" in warning


def test_both_damaged_is_a_new_beginning(path: Path) -> None:
    path.write_bytes(b"")
    previous_of(path).write_bytes(b"PK")
    found, warning = read_state(path)
    assert found is None
    assert warning.startswith("checkpoint: lost (")
    assert warning.endswith("); training starts from its beginning")
    write_state(state(1), path)
    assert read_state(path)[1] == ""


@pytest.mark.parametrize("content", [{"weights": 1}, [1], torch.zeros(2)])
def test_another_file_is_no_checkpoint(path: Path, content: object) -> None:
    torch.save(content, path)
    found, warning = read_state(path)
    assert found is not None
    assert found["epoch"] == 2
    assert "automl did not write it" in warning


def test_no_code_of_a_file_is_run(path: Path) -> None:
    torch.save({"epoch": 3, "evil": Evil()}, path)
    found, _ = read_state(path)
    assert found is not None
    assert found["epoch"] == 2
    assert not Evil.ran


class Evil:
    ran = False

    def __reduce__(self) -> tuple[object, ...]:
        return _run, ()


def _run() -> None:
    Evil.ran = True


def test_what_cannot_be_read_for_now_is_not_thrown_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of memory or file handles says nothing of the file."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        read_state(path)
    monkeypatch.undo()
    found, warning = read_state(path)
    assert found is not None
    assert (found["epoch"], warning) == (3, "")


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_state(tmp_path: Path) -> None:
    """A process writes one checkpoint after another until it is killed, ten times at other moments."""
    path = tmp_path / "checkpoint.pt"
    program = f"""
    import torch, sys
    from pathlib import Path
    from objectives.training.checkpoint import write_state
    epoch = int(sys.argv[1])
    while True:
        epoch += 1
        write_state({{"epoch": epoch, "weight": torch.full((200_000,), float(epoch))}}, Path({str(path)!r}))
        print(epoch, flush=True)
    """
    epoch = 0
    for i in range(6):
        line = [sys.executable, "-c", textwrap.dedent(program), str(epoch)]
        with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            told = [int(writer.stdout.readline()) for _ in range(3 + i)][-1]
            os.kill(writer.pid, 9)
            rest = writer.stdout.read().split()
        told = int(rest[-1]) if rest else told
        found, _ = read_state(path)
        assert found is not None
        assert told <= found["epoch"] <= told + 1, "what was written and told is there"
        assert torch.equal(found["weight"], torch.full((200_000,), float(found["epoch"])))
        epoch = found["epoch"]
