"""Image files examined by several processes; one that dies or hangs is replaced, and costs at most its file."""

import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from objectives.data.pictures.examine import examine
from objectives.data.pictures.picture import Picture
from objectives.data.pictures.rows import Row, to_picture
from objectives.data.pictures.worker import READY, receive, send

IN_PROCESS = 32  # files that are examined faster than a process starts
ASKED_FILES = 64  # files a message
WORKERS_MAX = 16  # beyond, the disk is what is waited for
COMMAND = (sys.executable, "-m", "objectives.data.pictures.worker")
FILE_TIMEOUT_S = 60.0  # of one file; the largest picture that is decoded takes some seconds


def examine_all(paths: Sequence[Path]) -> Iterator[Picture]:
    """Yield the picture of each file, in any order."""
    if len(paths) <= IN_PROCESS:
        yield from map(examine, paths)
        return
    crew = _Crew(paths, min(_cores(), WORKERS_MAX, -(-len(paths) // ASKED_FILES)))
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
        self._batches = deque(paths[i : i + ASKED_FILES] for i in range(0, len(paths), ASKED_FILES))
        self._found: queue.SimpleQueue[Picture | BaseException] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._struck: set[Path] = set()  # files at which a worker ended
        self._workers: list[_Worker] = []
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
        """Let go of all that is not done yet; no process is left when this returns."""
        self._batches.clear()
        self._ended.set()
        while any(thread.is_alive() for thread in self._threads):
            for worker in list(self._workers):
                worker.kill()  # one may be busy with a file for long
            time.sleep(0.01)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            batch: list[Path] = []
            while not self._ended.is_set() and (batch or (batch := self._next_batch())):
                with closing(_Worker()) as worker:
                    self._workers.append(worker)
                    while batch and not worker.has_ended:
                        batch = self._work(worker, batch) or self._next_batch()
        except BaseException as error:  # raised where the pictures are waited for
            self._found.put(error)

    def _next_batch(self) -> list[Path]:
        try:
            return list(self._batches.popleft())
        except IndexError:
            return []

    def _work(self, worker: "_Worker", batch: list[Path]) -> list[Path]:
        """Have a batch examined; return what is left of it where the worker has ended.

        The file at which it ended is tried once more: the worker may have been killed for another reason.
        """
        worker.ask(batch)
        for i, path in enumerate(batch):
            if self._ended.is_set():
                return []
            row = worker.answer()
            if row is not None:
                self._found.put(to_picture(path, row))
                continue
            if path not in self._struck:
                self._struck.add(path)
                return batch[i:]
            self._found.put(Picture(path, None, "", None, problem="images.unreadable"))
            return batch[i + 1 :]
        return []


class _Worker:
    """One process that examines files."""

    def __init__(self) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(COMMAND, bufsize=0, **pipes)  # type: ignore[call-overload]  # pipes of bytes
        self.has_ended = False
        if self._message() != msgspec.msgpack.encode(READY):
            self.close()
            raise RuntimeError(f"a process that examines images did not start: {' '.join(COMMAND)}")

    def ask(self, paths: Sequence[Path]) -> None:
        with suppress(BrokenPipeError):  # it has died: there will be no answer
            send(self._process.stdin, [os.fsencode(path) for path in paths])

    def answer(self) -> Row | None:
        """Return the next row; None if the process has died, or did not answer in time: then it is of no more use."""
        message = self._message()
        self.has_ended = not message
        return msgspec.msgpack.decode(message, type=Row) if message else None

    def _message(self) -> bytes:
        waiting = select.poll()
        waiting.register(self._process.stdout, select.POLLIN)
        return receive(self._process.stdout) if waiting.poll(FILE_TIMEOUT_S * 1000) else b""

    def kill(self) -> None:
        """End the process; whoever waits for its answer gets none."""
        self._process.kill()

    def close(self) -> None:
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()
        self._process.wait()
