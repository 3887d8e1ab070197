"""The system's `ssh`: the line that starts it, and the folder of its control socket."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from objectives.machine.remote.faults import Fault, RemoteBoard

CONFIG_VARIABLE = "AUTOML_SSH_CONFIG"  # names a file to be read in place of ~/.ssh/config
# Nobody is asked anything, a key that is not known is refused whatever the user's file says, and a line that is dead
# is noticed: after 15 s at most.
OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "LogLevel=ERROR",
    "RequestTTY=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    "PermitLocalCommand=no",
)
SOCKET_MOST = 104 - 18  # characters of a socket's path (sockaddr_un), less those that ssh adds while it makes one
PYTHON_NAME = re.compile(r"[\w.~/+-]+")
HOST_NAME = re.compile(r"[\w.@:%\[\]+][\w.@:%\[\]+-]*")  # no dash first: ssh would take it for an option


def ssh_line(board: RemoteBoard, command: str, socket: Path | None, *, is_master: bool) -> list[str]:
    """Return the line that runs a command on a board.

    Args:
        board: where.
        command: for the login shell there: `sh -c '...'`.
        socket: of the control connection; None for a connection of its own.
        is_master: whether this one opens the control connection.

    Raises:
        DeviceError: there is no `ssh` here.
    """
    program = shutil.which("ssh")
    if program is None:
        raise board.error(Fault.NO_SSH)
    config = os.environ.get(CONFIG_VARIABLE)
    line = [program, "-T", *(["-F", config] if config else [])]
    for option in OPTIONS:
        line += ["-o", option]
    line += ["-o", f"ControlMaster={'yes' if is_master and socket else 'no'}", "-o", "ControlPersist=no"]
    line += ["-o", f"ControlPath={socket or 'none'}"]
    return [*line, "--", board.host, command]


@contextmanager
def control_socket() -> Iterator[Path | None]:
    """Yield the path of a control socket in a private folder, which is removed; None where no path is short enough."""
    for parent in (tempfile.gettempdir(), "/tmp"):
        if len(parent) + len("/automl-12345678/s") <= SOCKET_MOST and os.access(parent, os.W_OK):
            with tempfile.TemporaryDirectory(prefix="automl-", dir=parent, ignore_cleanup_errors=True) as folder:
                yield Path(folder) / "s"
            return
    yield None
