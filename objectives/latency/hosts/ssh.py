"""A board as a host: our own measuring program runs there, over one line; what breaks off is tried again."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.board.description import device_description
from objectives.deploy.board.detect import unpack
from objectives.deploy.board.folder import measuring_folder
from objectives.deploy.board.missing import advice, missing
from objectives.deploy.detector import Detections
from objectives.deploy.device import PYTHON, Device, digest, measuring_keys
from objectives.deploy.runtimes.open import check_here, open_artifact
from objectives.latency.hosts.contract import About, Host, Task
from objectives.latency.hosts.inputs import Inputs
from objectives.latency.hosts.split import pieces, send_piece
from objectives.latency.probe import is_relative
from objectives.machine.device_locks import LONGEST_S, Patience, exclusive
from objectives.machine.remote.back_off import BackOff
from objectives.machine.remote.copying import send_folder
from objectives.machine.remote.faults import BoardBusy, Fault, RemoteBoard
from objectives.machine.remote.line import FIRST_WORD_S, WORD_S, BoardLine, check_names
from spaces.errors import DeviceAway, DeviceError

Found = TypeVar("Found")

# Within a measurement; a board that is away for longer is waited for by the search, which trains on meanwhile.
WHILE_MEASURING = BackOff(first_s=1.0, most_s=15.0, total_s=45.0)
DETECT_MOST_S, DETECT_EACH_S = 300.0, 5.0  # for the file, and for each image of a piece, after which a board hangs
AT_FIRST = BackOff(first_s=1.0, most_s=4.0, total_s=6.0)  # before anything has begun: the line may just be mistyped


class OverSsh(Host):
    """A board at the other end of a line."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        assert device.host is not None
        self.board = RemoteBoard(device.host, device.python, device.name)
        self._key = (self.board.host, repr(device))
        self._patience = Patience()
        self._line: BoardLine | None = None  # while it stands
        self._stack = ExitStack()
        self._description: dict[str, Any] | None = None  # as of this line
        self._inputs = Inputs()
        self._boot_id, self._is_rebooted = "", False  # the board's run when the measurement began; it has another one

    def check(self) -> None:
        """Check that the board can be reached and measure, and that the same runtime scores here."""
        check_names(self.board)
        check_here(self.device.here())
        _DESCRIBED.pop(self._key, None)  # as it is now
        self.describe()

    def describe(self) -> dict[str, Any]:
        """Return the board's own description of the device; asked for once in a process."""
        if self._key not in _DESCRIBED:
            self._ask()
        return dict(_DESCRIBED[self._key])

    def about(self) -> About:
        """Return the runtime's providers there, the board's health, and what it lacks of the usual program."""
        self.describe()
        told = _TOLD[self._key]
        providers = told["runtimes"][self.device.runtime]["providers"]
        return About(tuple(providers), told["health"], tuple(advice(told)))

    def calm_ms(self) -> tuple[float, ...]:
        """Return the calm times that the board keeps; where it had none, it is asked again: others measure there too.

        None are needed, and nothing is asked, where figures are the time itself.
        """
        if not is_relative(self.device):
            return ()
        if not self._kept_calm_ms():
            self._ask()
        return self._kept_calm_ms()

    def changes(self) -> str:
        """Return how the board's last description differs from the one that this process goes by."""
        if self._key not in _DESCRIBED or self._key not in _TOLD:
            return ""
        before, now = _DESCRIBED[self._key], device_description(self.device, _TOLD[self._key])
        return ", ".join(f"{key} {before.get(key)} -> {now[key]}" for key in now if before.get(key) != now[key])

    def _kept_calm_ms(self) -> tuple[float, ...]:
        told = _TOLD.get(self._key)
        return tuple(told["calm_ms"].get(digest(device_description(self.device, told)), ())) if told else ()

    def _ask(self) -> None:
        """Ask the board for its description, over a line of its own; the first one stays for the process."""
        with self._lines(Patience()):
            description = self._tried(lambda: self._open(locked=False), AT_FIRST)
        _DESCRIBED.setdefault(self._key, description)

    @contextmanager
    def alone(self, patience: Patience) -> Iterator[None]:
        """Have the board alone: other studies wait, of this machine here, of all others at the board's own lock."""
        with exclusive(measuring_keys(self.device), patience), self._lines(patience):
            self._boot_id, self._is_rebooted = "", False
            yield

    def run(self, task: Task) -> list[dict[str, Any]]:
        """Run one measuring process on the board."""
        return self._tried(lambda: self._run(task), WHILE_MEASURING)

    def detect(self, artifact: Path, images: Sequence[Path], confidence: float) -> list[Detections]:
        """Return what a file finds on images, run by the board; called inside `alone`.

        The images are decoded and fitted to the network's input here, sent, and run a piece at a time: a line that
        breaks costs one piece, and a split may be larger than what the board holds of it.

        Args:
            artifact: the file.
            images: image files.
            confidence: least score.

        Raises:
            DeviceAway: the board cannot be reached.
            DeviceError: the board cannot run the file.
        """
        meta = open_artifact(artifact, self.device).meta
        found: list[Detections] = []
        for piece in pieces(images, meta):
            found += self._tried(partial(self._detect, artifact, piece, meta, confidence), WHILE_MEASURING)
        return found

    @contextmanager
    def _lines(self, patience: Patience) -> Iterator[None]:
        """Have lines inside, one after the other."""
        self._patience = patience
        try:
            yield
        finally:
            self._hang_up()

    def _tried(self, work: Callable[[], Found], back_off: BackOff) -> Found:
        """Return what some work returns; it is tried again, on a new line, after faults that pass.

        Who has waited for others has waited long enough: that is not tried again.
        """
        tries, began = 0, 0.0
        while True:
            try:
                return work()
            except DeviceAway as away:
                self._hang_up()
                tries, began = tries + 1, began or time.monotonic()
                delay_s = back_off.delay_s(tries, time.monotonic() - began)
                if delay_s is None or self._is_rebooted or isinstance(away, BoardBusy):
                    raise
                self._wait(delay_s)
            except BaseException:  # Ctrl-C, too, must leave no line open
                self._hang_up()
                raise

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._patience.waiting():
            while time.monotonic() < end:
                self._patience.alive()
                time.sleep(min(0.2, seconds))

    def _hang_up(self) -> None:
        self._line, self._description = None, None
        self._inputs.forget()
        self._stack.close()

    def _open(self, *, locked: bool) -> dict[str, Any]:
        """Open a line, unless one stands, and return the board's description of the device.

        Raises:
            DeviceAway: the board cannot be reached now, or was started anew since the measurement began.
            DeviceError: it cannot be used.
        """
        if self._line is not None and self._description is not None:
            self._line.check()
            return self._description
        self._hang_up()
        line = self._stack.enter_context(BoardLine(self.board, self._patience.alive))
        if locked:
            self._lock(line)
        send_folder(line, measuring_folder().name, measuring_folder().files)
        with line.run(measuring_folder().name, "describe") as command:
            told = command.done(FIRST_WORD_S)
        if lines := missing(self.device, told):
            raise DeviceError("; ".join(lines))
        description = device_description(self.device, told)
        _TOLD[self._key] = told
        self._line, self._description = line, description
        return description

    def _lock(self, line: BoardLine) -> None:
        if self._boot_id and line.boot_id != self._boot_id:
            self._is_rebooted = True  # what was measured before is of another session of the board
            raise self.board.error(Fault.REBOOTED)
        self._boot_id = line.boot_id
        with self._patience.waiting():
            line.lock(LONGEST_S)

    def _detect(
        self, artifact: Path, images: Sequence[Path], meta: ArtifactMeta, confidence: float
    ) -> list[Detections]:
        self._open(locked=True)
        assert self._line is not None
        there = send_piece(self._line, artifact, images, meta)
        job = {
            "device": {**asdict(self.device), "host": None, "python": PYTHON},
            "artifact": there.artifact,
            "images": there.images,
            "confidence": confidence,
        }
        with self._line.run(measuring_folder().name, "detect") as command:
            command.request(job)
            try:
                packed = command.done(WORD_S, DETECT_MOST_S + DETECT_EACH_S * len(images))
            except TimeoutError:
                raise DeviceError(f"device={self.device.name}: running '{artifact.name}' over images hung") from None
        self._line.check()
        return [place.back(found) for place, found in zip(there.places, unpack(packed), strict=True)]

    def _run(self, task: Task) -> list[dict[str, Any]]:
        description = self._open(locked=True)
        assert self._line is not None
        there = self._inputs.send(self._line, task)
        job = {
            "device": {**asdict(self.device), "host": None, "python": PYTHON},
            "protocol": asdict(task.protocol),
            "artifacts": there.artifacts,
            "images": there.images,
            "reference": there.reference,
            "batches": there.batches,
            "calm_ms": task.calm_ms,
            "fingerprint": digest(description),
        }
        with self._line.run(measuring_folder().name, "probe") as command:
            command.request(job)
            try:
                found = command.done(WORD_S, task.limit_s)
            except TimeoutError:
                raise DeviceError(self.hung(task)) from None
        self._line.check()  # else another study may have measured beside
        return there.of_all(found)


# By board and device, for the life of the process: the description that figures are asked by, the board's last word.
_DESCRIBED: dict[tuple[str, str], dict[str, Any]] = {}
_TOLD: dict[tuple[str, str], dict[str, Any]] = {}
