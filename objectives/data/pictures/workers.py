"""Image files examined by several processes; one that dies or hangs costs its file, and is replaced."""

import os
import queue
import select
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from objectives.data.pictures.examine import examine
from objectives.data.pictures.picture import Picture
from objectives.data.pictures.rows import Row, to_picture
from objectives.data.pictures.worker import READY, receive, send

IN_PROCESS = 32  # files that are examined faster than a process starts
BATCH = 64  # files a message
WORKERS_MAX = 16  # beyond, the disk is what is waited for
FILE_TIMEOUT_S = 60.0  # of one file; the largest picture that is decoded takes some seconds


def examine_all(paths: Sequence[Path]) -> Iterator[Picture]:
    """Yield the picture of each file, in any order."""
    if len(paths) <= IN_PROCESS:
        yield from map(examine, paths)
        return
    crew = _Crew(paths, min(_cores(), WORKERS_MAX, -(-len(paths) // BATCH)))
    try:
        yield from crew.pictures()
    finally:
        crew.end()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Crew:
    """Worker processes, a thread of this process each to feed it and to watch it."""

    def __init__(self, paths: Sequence[Path], workers: int) -> None:
        self._count = len(paths)
        self._batches = deque(paths[i : i + BATCH] for i in range(0, len(paths), BATCH))
        self._found: queue.SimpleQueue[Picture | BaseException] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def pictures(self) -> Iterator[Picture]:
        for _ in range(self._count):
            found = self._found.get()
            if isinstance(found, BaseException):
                raise found
            yield found

    def end(self) -> None:
        """Let go of all that is not done yet; the processes have ended when this returns."""
        self._ended.set()
        self._batches.clear()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        worker = _Worker()
        try:
            while not self._ended.is_set():
                try:
                    batch = list(self._batches.popleft())
                except IndexError:
                    return
                while batch and not self._ended.is_set():
                    batch = self._work(worker, batch)
                    if batch:  # the worker is gone
                        worker = _Worker()
        except BaseException as error:  # raised where the pictures are waited for
            self._found.put(error)
        finally:
            worker.close()

    def _work(self, worker: "_Worker", batch: list[Path]) -> list[Path]:
        """Have a batch examined; return what is left of it after the file that ended the worker."""
        worker.ask(batch)
        for i, path in enumerate(batch):
            if self._ended.is_set():
                return []
            row = worker.answer()
            if row is None:
                worker.close()
                self._found.put(Picture(path, None, "", None, problem="images.unreadable"))
                return batch[i + 1 :]
            self._found.put(to_picture(path, row))
        return []


class _Worker:
    """One process that examines files."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "objectives.data.pictures.worker"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, bufsize=0, **pipes)  # type: ignore[call-overload]  # pipes of bytes
        if self._message() != msgspec.msgpack.encode(READY):
            self.close()
            raise RuntimeError(f"a process that examines images did not start: {' '.join(command)}")

    def ask(self, paths: Sequence[Path]) -> None:
        with suppress(BrokenPipeError):  # it has died: there will be no answer
            send(self._process.stdin, [os.fsencode(path) for path in paths])

    def answer(self) -> Row | None:
        """Return the next row; None if the process has died, or did not answer in time."""
        message = self._message()
        return msgspec.msgpack.decode(message, type=Row) if message else None

    def _message(self) -> bytes:
        waiting = select.poll()
        waiting.register(self._process.stdout, select.POLLIN)
        return receive(self._process.stdout) if waiting.poll(FILE_TIMEOUT_S * 1000) else b""

    def close(self) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()
        self._process.wait()
