"""`automl browse` in a process of its own, for tests that look at its pages in a browser."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command_line import SCRIPT

HAS_POINT = "document.getElementById('front')?.data?.some((one) => one.customdata && one.customdata.includes({}))"


@contextmanager
def browsing(folder: Path, *arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run `automl browse` in a folder; yield the address that it prints, and its process."""
    line = [SCRIPT, "browse", "--port", "0", "--no-open", *arguments]
    with subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()
