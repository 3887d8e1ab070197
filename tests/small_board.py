"""A board on this machine: a bare Python with NumPy and a runtime alone, and the measuring folder beside inputs."""

import hashlib
import json
import os
import subprocess
import venv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
from defaults import CPU, protocol_of
from numpy.typing import NDArray

from objectives.deploy.board.folder import measuring_folder
from objectives.deploy.device import Device
from objectives.latency.protocol import LatencyProtocol
from objectives.latency.reference_network import network_bytes

QUICK = protocol_of(images_min=20, cap_s=0.6, warmup_s=0.05, others_cores_max=99).quick()


@dataclass(frozen=True)
class Board:
    """A board: the folder that is its `~/.cache/automl/board`, its Python, the measuring folder."""

    root: Path
    python: Path
    folder: Path

    def send(self, content: bytes | NDArray[np.uint8] | Path) -> str:
        """Copy an input, and return its path as a job has it."""
        inputs = self.root / "inputs"
        inputs.mkdir(exist_ok=True)
        if isinstance(content, np.ndarray):
            path = inputs / f"{hashlib.sha256(content.tobytes()).hexdigest()}.npy"
            np.save(path, content)
        else:
            data = content if isinstance(content, bytes) else content.read_bytes()
            path = inputs / f"{hashlib.sha256(data).hexdigest()}.onnx"
            path.write_bytes(data)
        return f"../inputs/{path.name}"

    def job(
        self,
        artifacts: Sequence[Path],
        images: Sequence[NDArray[np.uint8]],
        device: Device = CPU,
        protocol: LatencyProtocol = QUICK,
    ) -> dict[str, Any]:
        return {
            "device": asdict(device),
            "protocol": asdict(protocol),
            "artifacts": [self.send(path) for path in artifacts],
            "images": [self.send(image) for image in images],
            "reference": self.send(network_bytes()),
            "fingerprint": "b0ard",
            "cores": [],
            "calm_ms": None,
        }

    def start(self, verb: str, environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start a verb, with standard input open."""
        pipe = subprocess.PIPE
        line = [str(self.python), "-I", "run.py", verb]
        env = {**os.environ, **(environment or {})}
        return subprocess.Popen(line, cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env)

    def run(
        self, verb: str, job: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Run a verb to its end, and return its last line; standard input stays open meanwhile."""
        with self.start(verb, environment) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            if job is not None:
                process.stdin.write(json.dumps(job) + "\n")
                process.stdin.flush()
            *before, last = process.stdout.readlines()
            assert all(set(json.loads(line)) == {"alive"} for line in before)
            found: dict[str, Any] = json.loads(last)
            assert process.wait() == (0 if "done" in found else 1)
            return found

    def left(self) -> set[str]:
        """Return what lies in its folder."""
        return {path.name for path in self.root.iterdir()}


def make_board(place: Path, packages: Sequence[str] = ("numpy", "onnxruntime")) -> Board:
    """Make a board whose Python has some distributions of this one's, and nothing else."""
    environment = place / "python"
    venv.create(environment, with_pip=False)
    (site,) = environment.glob("lib/python*/site-packages")
    for name in packages:
        files = distribution(name).files or []
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            (site / top).symlink_to(Path(str(distribution(name).locate_file(top))))
    root = place / "automl" / "board"
    return Board(root, environment / "bin" / "python", measuring_folder().write(root))
