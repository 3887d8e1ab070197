"""What a board is sent to measure: the files, decoded images and the reference network, each once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from objectives.deploy.artifact_files import files_of
from objectives.deploy.batches import for_a_board
from objectives.latency.hosts.contract import Task
from objectives.machine.remote.copying import send_inputs, send_parts
from objectives.machine.remote.line import BoardLine
from spaces.errors import DeviceError


@dataclass(frozen=True)
class There:
    """Paths on a board, relative to the measuring folder; `names` are those of the files here.

    Attributes:
        artifacts: of the files that are there.
        images: arrays of decoded images.
        reference: the reference network.
        names: path there -> path here.
        batches: for each of the files that are there, where throughput is asked for, what
            `objectives.latency.probe.measure` makes its files for several images of; else empty.
        errors: for each file of the task what is wrong with it, None for those that were sent.
    """

    artifacts: list[str]
    images: list[str]
    reference: str
    names: dict[str, Path]
    batches: list[dict[str, Any]]
    errors: list[str | None]

    def of_all(self, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return an outcome for each file of the task, from those of the files that were sent."""
        sent = iter(found)
        return [self._named(next(sent)) if error is None else {"error": error} for error in self.errors]

    def _named(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """Return an outcome with the names that files have here."""
        if "error" not in outcome:
            return outcome
        text = str(outcome["error"])
        for there, here in self.names.items():
            text = text.replace(there, str(here))
        return {"error": text}


class Inputs:
    """Sends what a task needs; what went over the same line before is not asked for again."""

    def __init__(self) -> None:
        self._sent: dict[object, str] = {}
        self._batches: dict[object, dict[str, Any]] = {}

    def forget(self) -> None:
        """Forget what was sent: another line may lead to another board, or a folder that was cleaned."""
        self._sent.clear()
        self._batches.clear()

    def send(self, line: BoardLine, task: Task) -> There:
        """Send what is not there yet, and return where it lies.

        Raises:
            DataError: an image cannot be read.
            DeviceError: it cannot be written there; a DeviceAway where that passes.
        """
        errors = [None if path.is_file() else _missing(path) for path in task.artifacts]
        files = [path for path, error in zip(task.artifacts, errors, strict=True) if error is None]
        artifacts = [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files]
        for one in dict.fromkeys(artifacts):
            if one not in self._sent:
                self._sent[one] = f"../{send_artifact(line, one[0], self._sent.values())}"
            if task.protocol.throughput and one not in self._batches:
                self._batches[one] = _send_batches(line, one[0], self._sent.values())
        wanted: list[object] = [*task.images, _REFERENCE]
        new = [one for one in dict.fromkeys(wanted) if one not in self._sent]
        if new:
            paths = send_inputs(line, [_contents(one) for one in new], self._sent.values())
            self._sent |= {one: f"../{path}" for one, path in zip(new, paths, strict=True)}
        there = [self._sent[one] for one in artifacts]
        return There(
            artifacts=there,
            images=[self._sent[one] for one in task.images],
            reference=self._sent[_REFERENCE],
            names=dict(zip(there, files, strict=True)),
            batches=[self._batches[one] for one in artifacts] if task.protocol.throughput else [],
            errors=errors,
        )


_REFERENCE = "the reference network"


def send_artifact(line: BoardLine, artifact: Path, spared: Collection[str] = ()) -> str:
    """Send a deployable file with what belongs to it; return its path there, relative to our folder."""
    return send_parts(line, [(part.read_bytes(), part.suffix) for part in files_of(artifact)], spared)


def _send_batches(line: BoardLine, artifact: Path, spared: Collection[str]) -> dict[str, Any]:
    """Send what a board makes the files for several images of, or say why there are none; see `There.batches`."""
    try:
        base, differences = for_a_board(artifact)
    except DeviceError as error:
        return {"why": str(error)}
    return {"base": f"../{send_parts(line, [(base, artifact.suffix)], spared)}", "differences": differences}


def _missing(path: Path) -> str:
    return f"artifact: '{path}' is not a file; name an ONNX file that this project exported"


def _contents(one: object) -> tuple[bytes, str]:
    """Return the contents and the suffix of what is sent."""
    if one == _REFERENCE:
        return _reference(), ".onnx"
    assert isinstance(one, Path)
    return _decoded(one), ".npy"


@lru_cache(maxsize=64)
def _decoded(path: Path) -> bytes:
    """Return a decoded image as the contents of a .npy file: a board decodes nothing."""
    from objectives.data.pictures.decode import read_image

    stream = BytesIO()
    np.save(stream, read_image(path), allow_pickle=False)
    return stream.getvalue()


@lru_cache(maxsize=1)
def _reference() -> bytes:
    from objectives.latency.reference_network import network_bytes

    return network_bytes()
