"""Who answers: the versions that serve now, open, and which of them an image goes to."""

import hashlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from objectives.deploy.detector import Detector, Image
from objectives.deploy.device import Device
from objectives.deploy.runtimes.open import open_artifact
from objectives.deploy.serving.deployments import RolledOut, RolloutKind, pointed_in, rolled_out_in
from objectives.deploy.serving.options import ServerOptions
from objectives.predictions.record import LoggedBox
from objectives.records.paths import MODEL
from spaces.errors import AutomlError, StoreError

SERVER_LOG = logging.getLogger("automl")
HASH_BYTES = 8
RETRY_S = 10.0  # after which a version that could not be opened is tried again


@dataclass(frozen=True, eq=False)
class Turn:
    """Who answers one image.

    Attributes:
        version: whose answer is used.
        detectors: that are open, by version.
        fallback: whose answer is used where that one fails: a canary's image is not lost; empty for nobody's.
        shadow: who answers it as well, for the log alone; empty for nobody.
    """

    version: str
    detectors: Mapping[str, Detector]
    fallback: str = ""
    shadow: str = ""


@dataclass(frozen=True)
class TimedBoxes:
    """What a version found, and the milliseconds that letterbox, network and NMS took; decoding is not in them."""

    boxes: tuple[LoggedBox, ...]
    latency_ms: float


class Fleet:
    """The detectors that are open. Threads may share it; one image is computed at a time."""

    def __init__(self, options: ServerOptions) -> None:
        """Follow a folder of deployments, or serve one version."""
        self._options = options
        self._open: dict[str, Detector] = {}
        self._lock = threading.Lock()
        self._serving = "" if options.deployments else options.version
        self._rollout: RolledOut | None = None
        self._said = ""
        self._failed_s: dict[str, float] = {}  # when a version could not be opened, by the monotonic clock

    def look(self) -> tuple[str, RolledOut | None]:
        """Return the version that serves and what is rolled out, as the folder has them now.

        A version that cannot be opened does not come to serve: the one before stays, and standard error says why.

        Raises:
            StoreError: nothing serves.
        """
        folder = self._options.deployments
        with self._lock:
            if folder is not None:
                self._follow(folder)
            elif self._serving not in self._open:
                self._open = {self._serving: self._opened(self._options.model)}
            if not self._serving:
                raise StoreError(f"AUTOML_DEPLOYMENTS: no version serves in '{folder}'")
            return self._serving, self._rollout

    def turn(self, image_hash: bytes) -> Turn:
        """Return who answers an image; of a canary by its hash, so that the same image always goes to the same one."""
        serving, rollout = self.look()
        if rollout is None:
            return Turn(serving, self._open)
        if rollout.kind == RolloutKind.SHADOW:
            return Turn(serving, self._open, shadow=rollout.version)
        at = int.from_bytes(image_hash[:HASH_BYTES], "big") / 2 ** (8 * HASH_BYTES)
        return Turn(rollout.version, self._open, fallback=serving) if at < rollout.share else Turn(serving, self._open)

    def answer(self, detector: Detector, image: Image) -> TimedBoxes:
        """Run a detector over an image (H, W, 3) BGR."""
        with self._lock:
            start = time.perf_counter()
            found = detector(image)
            latency_ms = 1000 * (time.perf_counter() - start)
        names = detector.meta.classes
        each = zip(found.classes.tolist(), found.scores.tolist(), found.boxes_xyxy.tolist(), strict=True)
        return TimedBoxes(
            tuple(LoggedBox(names[label], min(score, 1.0), tuple(box)) for label, score, box in each), latency_ms
        )

    def _follow(self, folder: Path) -> None:
        serving = pointed_in(folder)
        try:
            rollout = rolled_out_in(folder)
        except AutomlError as error:
            rollout = None
            self._say(str(error))
        if serving is not None and self._ready(folder, serving):
            self._serving = serving
        self._rollout = rollout if rollout is not None and self._ready(folder, rollout.version) else None
        kept = {self._serving, self._rollout.version if self._rollout else ""}
        if not kept >= set(self._open):  # not changed: a turn may still answer by an old one
            self._open = {name: one for name, one in self._open.items() if name in kept}

    def _ready(self, folder: Path, version: str) -> bool:
        if version in self._open:
            return True
        if time.monotonic() - self._failed_s.get(version, -RETRY_S) < RETRY_S:
            return False
        try:
            self._open = {**self._open, version: self._opened(folder / version)}
        except AutomlError as error:
            self._failed_s[version] = time.monotonic()
            self._say(str(error))
            return False
        return True

    def _opened(self, folder: Path) -> Detector:
        options = self._options
        device = Device("server", "onnxruntime", options.provider, options.threads, {}, None, "python3", True)
        detector = Detector(open_artifact(folder / MODEL, device))
        detector(np.full((detector.meta.size_px, detector.meta.size_px, 3), 114, np.uint8))  # the first run is slow
        return detector

    def _say(self, line: str) -> None:
        """Log a line once, not at each image."""
        if line != self._said:
            self._said = line
            SERVER_LOG.error(line)


def hash_of(data: bytes) -> bytes:
    """Return the hash of an image file's bytes that a canary goes by, and that the log names it by: SHA-256."""
    return hashlib.sha256(data).digest()
