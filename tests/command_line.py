"""The command line for tests: `automl` runs it in this process, `script` as users do, in a process of its own.

A process of its own costs a second of imports, and five more when it starts trials. Most cases need none: what they
look at is what was printed, the exit code and the files. What a process would take along when it ends (its folder,
environment, arguments, signals, warnings and log levels) is put back here.
"""

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from click.testing import CliRunner

from search.cli import main

SCRIPT = Path(sys.executable).with_name("automl")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Done:
    """How a command ended; the names are those of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def automl(*arguments: str, folder: Path) -> Done:
    """Run the command line in this process, in a folder; an error that is no user's mistake is raised."""
    with _as_a_process(["automl", *arguments], folder):
        result = CliRunner().invoke(main, arguments, prog_name="automl", catch_exceptions=False)
    return Done(result.exit_code, result.stdout, result.stderr)


def script(*arguments: str, folder: Path, timeout_s: float = 120) -> Done:
    """Run the installed script in a folder."""
    command = [str(SCRIPT), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def _as_a_process(line: list[str], folder: Path) -> Iterator[None]:
    """Put back what the end of a process would."""
    arguments, environment = sys.argv, dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    verbosity = optuna.logging.get_verbosity()
    sys.argv = line
    try:
        with chdir(folder), warnings.catch_warnings():
            yield
    finally:
        sys.argv = arguments
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        optuna.logging.set_verbosity(verbosity)
