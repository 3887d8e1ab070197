"""One command on a board, as it runs: its standard input kept open, its lines of JSON passed on as they come."""

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from objectives.machine.remote.faults import Fault, RemoteBoard, fault_of_ssh

PIPE_BYTES = 1 << 16
SIGN_OF_LIFE_S = 1.0  # between two signs of life to whoever waits here
ENDS_MOST_S = 5.0  # that ssh may take to end once its output has
OLD_PYTHON = 40  # exit status of a Python that is too old
CUT = 3  # exit status of `run.py` on a board whose line broke
OF_SSH = 255  # exit status of ssh itself
NO_SPACE = "No space left on device"  # in an OSError of Python's
CUT_BY = (signal.SIGHUP, signal.SIGTERM)  # what a command gets when a board shuts down, or its sshd ends the session


def nobody() -> None:
    """Give no sign of life."""


class Channel:
    """A command on a board. Use it as a context: at its end the input ends, and with it the command."""

    def __init__(self, line: list[str], board: RemoteBoard, alive: Callable[[], None] = nobody) -> None:
        """Start.

        Args:
            line: as of `ssh_line`.
            board: where, for messages.
            alive: called about once a second while anything here waits.
        """
        self._board, self._alive = board, alive
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `end`
        self._process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)
        self._read = b""
        self._heard: list[str] = []  # lines that are no JSON: a greeting of the shell, a Python's version

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def is_open(self) -> bool:
        """Whether the command runs, as far as is known here."""
        return self._process.poll() is None

    def send(self, data: bytes) -> None:
        """Write to the command's input; a command that has ended is noticed by the next `answer`."""
        left = memoryview(data)
        while left:
            _, ready, _ = select.select([], [self._input], [], SIGN_OF_LIFE_S)
            if not ready:
                self._alive()
                continue
            try:
                left = left[os.write(self._input, left[:PIPE_BYTES]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return

    def request(self, request: dict[str, Any]) -> None:
        """Write one request, a line of JSON."""
        self.send(json.dumps(request).encode() + b"\n")

    def answer(self, seconds: float) -> dict[str, Any]:
        """Return the next answer.

        Args:
            seconds: without any answer after which the line counts as broken.

        Raises:
            DeviceError: the command has ended, or says that something is wrong; a DeviceAway where that passes.
        """
        line = next(self._lines(seconds), None)
        if line is None:
            raise self._ended()
        if "fault" in line:
            text = str(line.get("text", ""))
            raise self._board.error(_fault_named(line["fault"], text), text)
        return line

    def done(self, seconds: float, limit_s: float | None = None) -> Any:
        """Return what the command says at its end, `done`; answers before it are signs of life.

        Args:
            seconds: without any answer after which the line counts as broken.
            limit_s: in all, after which the command counts as hung.

        Raises:
            TimeoutError: it hung.
            DeviceError: as `answer`.
        """
        end = None if limit_s is None else time.monotonic() + limit_s
        while True:
            found = self.answer(seconds)
            if "done" in found:
                return found["done"]
            if end is not None and time.monotonic() > end:
                raise TimeoutError

    def end(self) -> None:
        """End the input, and with it the command; ssh is killed if it does not end soon."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(ENDS_MOST_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _lines(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield JSON mappings until the output ends; other lines are kept for messages."""
        silent_since = time.monotonic()
        while True:
            line, newline, rest = self._read.partition(b"\n")
            if newline:
                self._read = rest
                found = _mapping(line)
                if found is not None:
                    yield found
                    silent_since = time.monotonic()
                else:
                    self._heard.append(line.decode(errors="replace"))
                continue
            ready, _, _ = select.select([self._output], [], [], SIGN_OF_LIFE_S)
            if ready:
                with contextlib.suppress(BlockingIOError):
                    chunk = os.read(self._output, PIPE_BYTES)
                    if not chunk:
                        return
                    self._read += chunk
            elif time.monotonic() - silent_since > seconds:
                raise self._board.error(Fault.LINE_BROKEN, f"no word for {seconds:g} s")
            self._alive()

    def _ended(self) -> Exception:
        """Return the error of a command that ended without a `done` or a `fault`."""
        try:
            status = self._process.wait(ENDS_MOST_S)
        except subprocess.TimeoutExpired:
            status = OF_SSH
        said = self._said()
        if status == OF_SSH:
            return self._board.error(*fault_of_ssh(said))
        if status < 0:
            return self._board.error(Fault.LINE_BROKEN, f"ssh was ended by {signal.Signals(-status).name}")
        return self._board.error(*_fault_of_command(status, said, self._heard))

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")


def _mapping(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _fault_named(name: str, text: str) -> Fault:
    """Return the fault that a board names; the class of an exception there is a failure of the process."""
    if NO_SPACE in text:
        return Fault.DISK_FULL
    return Fault(name) if name in list(Fault) else Fault.CRASHED


def _fault_of_command(status: int, said: str, heard: list[str]) -> tuple[Fault, str]:
    """Return the fault of a command by the exit status of the shell that ran it, and what it said."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "no output"
    if status == OLD_PYTHON:
        return Fault.PYTHON_OLD, next((line.split()[0] for line in heard if line[:1].isdigit()), "older")
    if status == CUT:
        return Fault.LINE_BROKEN, last
    if status in (126, 127):
        return Fault.PYTHON_MISSING, last
    if "nknown option: -I" in said:  # which came with 3.4
        return Fault.PYTHON_OLD, "2"
    if status > 128 and status - 128 in list(signal.Signals):
        name = signal.Signals(status - 128)
        cut = name in CUT_BY
        return Fault.LINE_BROKEN if cut else Fault.CRASHED, f"its process was ended by {name.name}"
    if NO_SPACE in said:
        return Fault.DISK_FULL, last
    if status == 0:
        return Fault.LINE_BROKEN, "the command ended without an answer"
    return Fault.CRASHED, last
