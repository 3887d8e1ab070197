"""Runs lines of automl as child processes, which never outlive the process that operates."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from search.operate.context import LineEnd

LINE_PROGRAM = "search.commands.operating.line"
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
        with child:
            output, is_interrupted = _passed_on(child, stream)
            code = child.wait()
    if is_interrupted:
        raise KeyboardInterrupt
    return LineEnd(code, output)


def _begun(words: Sequence[str], log: Path, lock: int) -> "subprocess.Popen[str]":
    with log.open("a", encoding="utf-8") as errors:  # beside the lock's own: what descendants keep open locks nothing
        print(f"$ automl {' '.join(words)}", file=errors, flush=True)
        return subprocess.Popen(
            [sys.executable, "-m", LINE_PROGRAM, str(os.getpid()), *words],
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


def _passed_on(child: "subprocess.Popen[str]", log: TextIO) -> tuple[str, bool]:
    """Return what the child prints until it ends, each line in the log at once, and whether it was asked to end.

    An interruption is passed on, and waited for: the child has to put things in order. A second one kills it.
    """
    assert child.stdout is not None  # by the arguments of Popen
    lines: list[str] = []
    is_interrupted = False
    while True:
        try:
            for line in child.stdout:
                lines.append(line)
                log.write(line)
                log.flush()
            return "".join(lines), is_interrupted
        except KeyboardInterrupt:
            child.send_signal(signal.SIGKILL if is_interrupted else signal.SIGINT)
            is_interrupted = True
