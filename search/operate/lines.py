"""Runs lines of automl as child processes, which never outlive the process that operates."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from search.operate.context import LineEnd

PROGRAM = "search.commands.operating.line"
NO_TERMINAL = {"COLUMNS": "160"}  # of what it prints for people, in the log


def run_line(words: Sequence[str], log: Path) -> LineEnd:
    """Run `automl WORDS...` in a process of its own, in a session of its own; wait for its end.

    What it prints on standard output is returned and goes to the log as well, as all else that it prints; the log is
    appended to. It dies with this process, by the kernel's hand. The same log is never written by two lines at once:
    who comes after an operating process that was killed waits until its line has ended. Call it in the main thread:
    the kernel watches the thread that starts the child.

    Args:
        words: of the line, without `automl`.
        log: a file; its folder is made.

    Raises:
        KeyboardInterrupt: Ctrl-C or a polite kill came; the line was asked to end, and has ended.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        # The child holds the lock as long as it lives: what it opens itself, and its own children, do not have it.
        lock = os.dup(stream.fileno())
        try:
            child = _begun(words, log, lock)
        finally:
            os.close(lock)
        with child, _ended_politely(child):
            output = _passed_on(child, stream)
            code = child.wait()
    return LineEnd(code, output)


def _begun(words: Sequence[str], log: Path, lock: int) -> "subprocess.Popen[str]":
    with log.open("a", encoding="utf-8") as errors:  # beside the lock's own: what descendants keep open locks nothing
        print(f"$ automl {' '.join(words)}", file=errors, flush=True)
        return subprocess.Popen(
            [sys.executable, "-m", PROGRAM, str(os.getpid()), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=(lock,),
            env={**os.environ, **NO_TERMINAL},
        )


def _passed_on(child: "subprocess.Popen[str]", log: TextIO) -> str:
    """Return what the child prints; each line is in the log at once."""
    assert child.stdout is not None  # by the arguments of Popen
    lines = []
    for line in child.stdout:
        lines.append(line)
        log.write(line)
        log.flush()
    return "".join(lines)


@contextmanager
def _ended_politely(child: "subprocess.Popen[str]") -> Iterator[None]:
    """Pass an interruption on, and wait for what the child still has to put in order; a second one kills it."""
    try:
        yield
    except KeyboardInterrupt:
        try:
            child.send_signal(signal.SIGINT)
            child.communicate()
        except KeyboardInterrupt:
            child.kill()
        child.wait()
        raise
