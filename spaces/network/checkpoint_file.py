"""What a stranger's checkpoint holds: safetensors, a state dict, or a whole pickled network. Nothing of it runs.

A whole network is read by torch's own unpickler for weights alone. For each class that the file names, an empty class
stands in, which keeps what it is given: no module is imported, no constructor of anybody's is called.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spaces.errors import SpaceError, first_line

# Whose classes a published detector is made of; a file that names others is refused, though none of them would run.
OF_NETWORKS = ("ultralytics", "torch", "torchvision", "timm", "models", "numpy", "pathlib", "collections", "types")
CONTAINERS = ("ema", "model", "state_dict")  # where a checkpoint keeps its weights, best first
CLASS_NAMES = ("classes", "names")  # where a checkpoint, a network or the metadata of safetensors keeps them


@dataclass(frozen=True)
class Checkpoint:
    """What is read of a checkpoint.

    Attributes:
        tensors: name to tensor, those of half precision as float32; empty if the file holds none.
        classes: class names by index; empty if the file does not say them.
        arguments: of the training that the file comes from, as its trainer names them: plain values alone.
        detector: name of the model file that the network was built from, as "yolo26n"; empty if not said.
    """

    tensors: Mapping[str, Tensor]
    classes: tuple[str, ...] = ()
    arguments: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    detector: str = ""


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
    """Read the tensors of a checkpoint by their names, as `read_checkpoint` does."""
    return dict(read_checkpoint(path).tensors)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the tensors of a checkpoint, and what it says of classes and training.

    Args:
        path: `.safetensors`, or what `torch.save` wrote: a state dict, alone or below "state_dict" or "model", or a
            pickled network below "ema" or "model", as Ultralytics publishes it.

    Raises:
        SpaceError: the file is missing, damaged, or cannot be read without running what is in it.
    """
    if not path.is_file():
        raise SpaceError(f"train.pretrained: '{path}' is not a file; name a checkpoint, or take none or hub")
    try:
        content = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
        return _read(content)
    except SpaceError:
        raise
    except Exception as error:  # unpickling refuses in many ways, and what is read may be of any shape
        raise _unsafe(path, first_line(error, 100)) from error


def _read(content: object) -> Checkpoint:
    found = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in _named(content)}
    outer: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
    networks = (outer.get(key) for key in CONTAINERS) if outer else iter((content,))
    network: Mapping[str, Any] = next((vars(one) for one in networks if isinstance(one, _StandIn)), {})
    said = [part.get(key) for part in (outer, network) for key in CLASS_NAMES]
    given = outer.get("train_args")
    arguments = vars(given) if isinstance(given, _StandIn) else given if isinstance(given, Mapping) else {}
    plain = {str(name): value for name, value in arguments.items() if isinstance(value, bool | int | float | str)}
    described = network.get("yaml")
    detector = str(described.get("yaml_file", "")) if isinstance(described, Mapping) else ""
    return Checkpoint(found, next(filter(None, map(_classes, said)), ()), plain, Path(detector).stem)


def _classes(names: object) -> tuple[str, ...]:
    """Return class names by index from a list, or a mapping of indices to names; nothing from anything else."""
    if isinstance(names, Mapping):
        with suppress(ValueError, TypeError):
            by_index = {int(index): name for index, name in names.items()}
            names = [by_index.get(index) for index in range(len(by_index))]
    is_list = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    return tuple(names) if is_list else ()  # type: ignore[arg-type]  # a list by now


def _safetensors(path: Path) -> dict[str, Any]:
    """Read tensors and, under names of `CLASS_NAMES`, what the metadata says of classes: JSON, or Python's literals."""
    from safetensors import safe_open
    from safetensors.torch import load_file

    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    said: dict[str, Any] = {}
    for key in CLASS_NAMES:
        for read in (json.loads, ast.literal_eval) if key in metadata else ():
            with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
                said.setdefault(key, read(metadata[key]))
    return {"state_dict": load_file(path), **said}


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
