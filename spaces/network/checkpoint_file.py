"""Tensors of a stranger's checkpoint: safetensors, a state dict, or a whole pickled network. Nothing of it runs.

A whole network is read by torch's own unpickler for weights alone. For each class that the file names, an empty class
stands in, which keeps what it is given: no module is imported, no constructor of anybody's is called.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spaces.errors import SpaceError, first_line

# Whose classes a published detector is made of; a file that names others is refused, though none of them would run.
OF_NETWORKS = ("ultralytics", "torch", "torchvision", "timm", "models", "numpy", "pathlib", "collections", "types")
CONTAINERS = ("ema", "model", "state_dict")  # where a checkpoint keeps its weights, best first


class _StandIn:
    """Stands for an object of a class that is not built: its state alone is kept."""

    def __new__(cls, *_: object, **__: object) -> "_StandIn":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.__dict__.update({str(name): value for name, value in part.items()})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint by their names; those of half precision become float32.

    Args:
        path: `.safetensors`, or what `torch.save` wrote: a state dict, alone or below "state_dict" or "model", or a
            pickled network below "ema" or "model", as Ultralytics publishes it.

    Returns:
        Name to tensor; empty if the file holds none.

    Raises:
        SpaceError: the file is missing, damaged, or cannot be read without running what is in it.
    """
    if not path.is_file():
        raise SpaceError(f"train.pretrained: '{path}' is not a file; name a checkpoint, or take none or hub")
    try:
        found = dict(_named(_safetensors(path) if path.suffix == ".safetensors" else _pickled(path)))
    except SpaceError:
        raise
    except Exception as error:  # unpickling refuses in many ways, and what is read may be of any shape
        raise _unsafe(path, first_line(error, 100)) from error
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in found.items()}


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(path)


def _pickled(path: Path) -> object:
    """Read what `torch.save` wrote: plain tensors, or a network with a stand-in for each of its classes."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # what the strict reading cannot take, it says by errors of many kinds
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    strange = next((name for name in names if name.partition(".")[0] not in OF_NETWORKS), None)
    if strange is not None:
        raise _unsafe(path, f"it names {strange}, of which no network is made")
    stand_ins: list[Any] = [(type(name.rpartition(".")[2], (_StandIn,), {}), name) for name in names]
    with torch.serialization.safe_globals(stand_ins):
        return torch.load(path, map_location="cpu", weights_only=True)


def _unsafe(path: Path, reason: str) -> SpaceError:
    return SpaceError(f"train.pretrained: '{path}' cannot be read safely ({reason}); save its state dict alone")


def _named(content: object) -> Iterator[tuple[str, Tensor]]:
    """Yield names and tensors of a state dict, of a network, or of what holds one of both."""
    if isinstance(content, Mapping):
        for key in CONTAINERS:
            if isinstance(content.get(key), Mapping | _StandIn | nn.Module):
                yield from _named(content[key])
                return
        yield from ((name, value) for name, value in content.items() if isinstance(value, Tensor))
    elif "_modules" in (parts := getattr(content, "__dict__", {})):
        yield from _of_module(parts)


def _of_module(parts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield what `state_dict` would of a module of torch, from its attributes."""
    passing = parts.get("_non_persistent_buffers_set") or ()
    for kind in ("_parameters", "_buffers"):
        for name, value in (parts.get(kind) or {}).items():
            if isinstance(value, Tensor) and name not in passing:
                yield f"{prefix}{name}", value.detach()
    for name, module in (parts.get("_modules") or {}).items():
        if module is not None:
            yield from _of_module(vars(module), f"{prefix}{name}.")
