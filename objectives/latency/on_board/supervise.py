"""The process that watches the line: it passes on what the inner one writes, and ends it when the line breaks.

The inner process measures alone: who watches uses no time of it, and a runtime that hangs is ended all the same.
"""

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from objectives.machine.files import remove_partials

ALIVE_S = 1.0  # between two signs of life
DONE, FAULT, BROKEN = 0, 1, 3
LAST_BYTES = 4000  # of what the inner process complains


class _Broken(Exception):
    """The other end of the line is gone."""


class Watch:
    """What is done while the inner process works; this one does nothing."""

    def begin(self, job: bytes) -> None:
        """Look at the board before the work begins; `job` is its line."""

    def look(self) -> None:
        """Look at the board, about once a second."""

    def end(self, line: dict[str, Any]) -> dict[str, Any]:
        """Look at the board after the work, and return the last line as it goes out."""
        return line


def supervise(command: Sequence[str], root: Path, watch: Watch, *, has_job: bool) -> int:
    """Run the inner process, and return this one's exit status.

    Args:
        command: of the inner process; the number of this one and of the pipe for its last line are added.
        root: our folder on the board.
        watch: what is done meanwhile.
        has_job: whether a line comes on standard input, which then stays open.
    """
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _raise_broken)
    work = root / "work" / str(os.getpid())
    try:
        job = _first_line() if has_job else b""
        work.mkdir(parents=True, exist_ok=True)
        watch.begin(job)
        return _Inner(command, work, watch).run(job, watched=has_job)
    except _Broken:
        return BROKEN
    finally:
        shutil.rmtree(work, ignore_errors=True)
        with contextlib.suppress(OSError):  # others work there, or the board was cleaned
            work.parent.rmdir()
        remove_partials(root / "calm")


class _Inner:
    """The inner process, with its three pipes."""

    def __init__(self, command: Sequence[str], work: Path, watch: Watch) -> None:
        self._watch = watch
        self._began = time.monotonic()
        self._answer, theirs = os.pipe()
        self._process = subprocess.Popen(
            [*command, str(os.getpid()), str(theirs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs],
            env={**os.environ, "TMPDIR": str(work)},
            start_new_session=True,  # a group of its own, which is ended as one
        )
        os.close(theirs)
        self._texts = {self._answer: b"", _number(self._process.stdout): b""}

    def run(self, job: bytes, *, watched: bool) -> int:
        """Pass the job on, and lines back until the last.

        Raises:
            _Broken: the other end is gone; the inner process is ended.
        """
        try:
            self._send(job)
            self._listen(watched=watched)
            line = self._last()
        finally:
            self._end()
        line = self._watch.end(line)
        _say(line)
        return FAULT if "fault" in line else DONE

    def _send(self, job: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stream:  # it died: what of, is said later
            stream.write(job)

    def _listen(self, *, watched: bool) -> None:
        """Gather what comes until the inner process has closed both pipes; `alive` is said meanwhile."""
        said_s = 0.0
        with selectors.DefaultSelector() as selector:
            for pipe in self._texts:
                selector.register(pipe, selectors.EVENT_READ)
            if watched:
                selector.register(0, selectors.EVENT_READ)
            while set(selector.get_map()) - {0}:
                for key, _ in selector.select(ALIVE_S):
                    if not self._take(key.fd):
                        selector.unregister(key.fd)
                if (passed_s := time.monotonic() - self._began) - said_s >= ALIVE_S:
                    said_s = passed_s
                    _say({"alive": round(passed_s, 1)})
                    self._watch.look()
                if self._process.poll() is not None and not selector.select(0):
                    return  # what it has started may still hold the pipes

    def _take(self, pipe: int) -> bool:
        """Read what has come; False once a pipe is closed.

        Raises:
            _Broken: standard input is.
        """
        came = os.read(pipe, 1 << 16)
        if pipe == 0:
            if not came:
                raise _Broken
            return True
        keeps = None if pipe == self._answer else -LAST_BYTES
        self._texts[pipe] = (self._texts[pipe] + came)[keeps:]
        return bool(came)

    def _last(self) -> dict[str, Any]:
        """Return the last line: the inner process' own, or what it died of."""
        status = self._process.wait()
        answer = self._texts[self._answer]
        if answer.endswith(b"\n"):
            line: dict[str, Any] = json.loads(answer)
            return line
        if status < 0:
            return _fault(f"its process on the board was ended by {signal.Signals(-status).name}")
        complaints = self._texts[_number(self._process.stdout)].decode(errors="replace").strip().splitlines()
        return _fault(complaints[-1] if complaints else f"its process on the board ended with status {status}")

    def _end(self) -> None:
        """End the inner process and whatever it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._answer)
        _close(self._process.stdout)


def _first_line() -> bytes:
    """Return the job, a line.

    Raises:
        _Broken: standard input ends before.
    """
    text = b""
    while not text.endswith(b"\n"):
        came = os.read(0, 1 << 16)
        if not came:
            raise _Broken
        text += came
    return text


def _say(line: dict[str, Any]) -> None:
    """Write a line; not by `sys.stdout`, which would try again what has failed when Python ends."""
    left = json.dumps(line).encode() + b"\n"
    try:
        while left:
            left = left[os.write(1, left) :]
    except OSError:  # the pipe is broken, or the terminal is gone
        raise _Broken from None


def _fault(text: str) -> dict[str, Any]:
    return {"fault": "DeviceError", "text": text}


def _number(stream: object) -> int:
    return stream.fileno()  # type: ignore[attr-defined,no-any-return]  # of Popen's, which was made with a pipe


def _close(stream: object) -> None:
    stream.close()  # type: ignore[attr-defined]  # likewise


def _raise_broken(_number: int, _frame: object) -> None:
    raise _Broken
