"""What a board runs of this room, sent over the line itself: takes files whole or not at all, keeps a lock, cleans up.

Standard library alone, Python 3.10 or newer; it imports nothing of ours. One JSON request a line on standard input, one
JSON answer a line on standard output. The end of the input is the end of the line: the process ends then.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import select
import shutil
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

ROOT = Path("~/.cache/automl/board")
LOCK_FOLDER_VARIABLE = "AUTOML_LOCK_FOLDER"  # in place of /tmp, where each user of the board has one of their own
INPUTS = "inputs"
SILENT_MOST_S = 60.0  # without a sign of life from the other end, for a line that is dead and does not say so
STILL_S = 0.5  # between two looks at a lock
CHUNK = 1 << 20


class LineEnded(Exception):
    """The input has ended in the middle of something."""


class LockUnusable(Exception):
    """The lock file cannot be opened."""


def main() -> None:
    """Answer requests until the input ends."""
    source = sys.stdin.buffer
    while True:
        line = source.readline()
        if not line.strip():
            if not line:
                return
            continue  # a sign of life
        try:
            request = json.loads(line)
            REQUESTS[request["verb"]](request, source)
        except LineEnded:
            return
        except LockUnusable as error:
            say(fault="no lock", text=f"{lock_path()}: {error}")
            return
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            say(fault="disk full" if full else "no folder", text=f"{error.strerror}: {error.filename or root()}")
            return


def say(**answer: Any) -> None:
    """Write one answer."""
    try:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    except OSError:  # nobody listens any more
        os._exit(1)


def root() -> Path:
    """Return the folder of all that is ours."""
    return ROOT.expanduser()


def boot_id() -> str:
    """Return what names this run of the machine; without one (not Linux), an empty text."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def hello(request: dict[str, Any], source: BinaryIO) -> None:
    """Say which run of which machine this is."""
    say(done={"boot_id": boot_id(), "python": sys.version.split()[0], "pid": os.getpid()})


def put(request: dict[str, Any], source: BinaryIO) -> None:
    """Take a folder, or single files: those that are not here are asked for, in order.

    Request: `folder` (a name, or None), `files` (path, bytes and SHA-256 of each); of single files `bytes_most`, of all
    that may lie here, and `spared`, names without suffix of those that stay beside these. Every file is written beside
    its name and renamed once its hash is right, a folder once it is whole.
    """
    own = root()
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_partials(own)
    name = request["folder"]
    if name is not None and (own / name).is_dir():
        say(missing=[])
        say(done={})
        return
    target = own / f"{name}.{os.getpid()}.partial" if name is not None else own / INPUTS
    missing = [file for file in request["files"] if not _touched(target / file[0], file[1])]
    if name is None:
        needed = {*request["spared"], *(Path(file[0]).stem for file in request["files"])}
        make_room(target, needed, sum(file[1] for file in missing), request["bytes_most"])
    say(missing=[file[0] for file in missing])
    try:
        for path, size, digest in missing:
            take(target / path, size, digest, source)
        if name is not None:
            take_name(target, own / name)
    finally:
        if name is not None:
            shutil.rmtree(target, ignore_errors=True)
    say(done={})


def take_name(partial: Path, folder: Path) -> None:
    """Give a whole folder its name; another process may have been faster."""
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def take(path: Path, size: int, digest: str, source: BinaryIO) -> None:
    """Write the next `size` bytes of the input to a file, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    found, left = hashlib.sha256(), size
    try:
        with partial.open("wb") as stream:
            while left:
                chunk = source.read1(min(CHUNK, left))  # type: ignore[attr-defined]  # of a buffered stream
                if not chunk:
                    raise LineEnded
                stream.write(chunk)
                found.update(chunk)
                left -= len(chunk)
            stream.flush()
            os.fsync(stream.fileno())
        if found.hexdigest() != digest:
            raise LineEnded
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _touched(path: Path, size: int) -> bool:
    """Return whether a file is here, and note that it was used."""
    try:
        if path.stat().st_size != size:
            return False
        os.utime(path)
    except OSError:
        return False
    return True


def make_room(inputs: Path, needed: set[str], coming: int, bytes_most: int) -> None:
    """Remove what was used longest ago where there would be too much in all, or too little disk; not what is needed."""
    found = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in inputs.glob("*"))
    there = sum(size for _, size, _ in found)
    files = [file for file in found if file[2].stem not in needed]
    free = shutil.disk_usage(inputs if inputs.is_dir() else root()).free
    for _, size, path in files:
        if there + coming <= bytes_most and free > coming + CHUNK:
            return
        path.unlink(missing_ok=True)
        there, free = there - size, free + size


def remove_partials(own: Path) -> None:
    """Remove what processes that have ended left half written."""
    for path in [*own.glob("*.partial"), *own.glob(f"{INPUTS}/*.partial")]:
        pid = path.name.split(".")[-2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def lock_path() -> Path:
    """Return the lock of this machine's measurements: one for all users of it, whatever their TMPDIR is."""
    return Path(os.environ.get(LOCK_FOLDER_VARIABLE) or "/tmp") / "automl-board.lock"


def _opened_lock() -> int | None:
    """Open the lock file; one of another user can be read, which is enough to lock it.

    Returns:
        its descriptor; None where `clean` has removed the file just now.

    Raises:
        LockUnusable: there is no opening it.
    """
    how = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    umask = os.umask(0)  # others lock this file, too, from the moment that it is there
    try:
        return os.open(lock_path(), how | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return _opened_again(how)
    except FileNotFoundError:
        raise LockUnusable("no such folder") from None
    except OSError as error:
        raise LockUnusable(error.strerror) from None
    finally:
        os.umask(umask)


def _opened_again(how: int) -> int | None:
    try:
        return os.open(lock_path(), how)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LockUnusable(error.strerror) from None


def _locked() -> int | None:
    """Return the descriptor of the lock, or None while somebody else has it."""
    descriptor = _opened_lock()
    if descriptor is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), lock_path().stat()):  # `clean` may have removed it since
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def lock(request: dict[str, Any], source: BinaryIO) -> None:
    """Wait for the lock, then keep it until the line ends: the kernel frees it with this process."""
    descriptor, began = _locked(), time.monotonic()
    while descriptor is None:
        say(waiting=round(time.monotonic() - began, 1))
        time.sleep(STILL_S)  # not by listening: the other end answers at once, and would set the pace
        drain(source)
        descriptor = _locked()
    say(done={"boot_id": boot_id()})
    while True:
        listen(source, SILENT_MOST_S)


def listen(source: BinaryIO, seconds: float) -> None:
    """Wait for a sign of life, a line each.

    Raises:
        LineEnded: the input ended, or there was no sign of life.
    """
    ready, _, _ = select.select([source], [], [], seconds)
    if not ready or not source.readline():
        raise LineEnded


def drain(source: BinaryIO) -> None:
    """Take all signs of life that have come by now.

    Raises:
        LineEnded: the input ended.
    """
    while select.select([source], [], [], 0)[0]:
        if not source.read1(CHUNK):  # type: ignore[attr-defined]  # of a buffered stream
            raise LineEnded


def clean(request: dict[str, Any], source: BinaryIO) -> None:
    """Remove all that is ours; nobody may be measuring."""
    descriptor, waited_s = _locked(), 0.0
    while descriptor is None:
        if waited_s >= request["patience_s"]:
            say(fault="busy", text="another process measures there")
            return
        time.sleep(STILL_S)
        waited_s += STILL_S
        descriptor = _locked()
    files = [path for path in root().rglob("*") if path.is_file()]
    count, size = len(files), sum(path.stat().st_size for path in files)
    if root().exists():
        shutil.rmtree(root())
    lock_file = lock_path()
    if lock_file.stat().st_uid == os.getuid():
        lock_file.unlink()
    say(done={"files": count, "bytes": size})


REQUESTS = {"hello": hello, "put": put, "lock": lock, "clean": clean}

if __name__ == "__main__":
    main()
