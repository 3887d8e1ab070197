"""What can go wrong with a board at the other end of a line: classes, whether they pass, and one line for each."""

import re
from dataclasses import dataclass
from enum import StrEnum

from spaces.errors import DeviceAway, DeviceError


class Fault(StrEnum):
    """What went wrong. Those of PASSING_FAULTS are waited for; the others are the user's to mend."""

    NO_SSH = "no ssh here"
    SSH_CONFIG = "ssh configuration"
    UNKNOWN_HOST_KEY = "unknown host key"
    CHANGED_HOST_KEY = "changed host key"
    PERMISSION_DENIED = "permission denied"
    UNRESOLVED = "name not found"
    UNREACHABLE = "unreachable"
    LINE_BROKEN = "line broken"
    REBOOTED = "rebooted"
    DISK_FULL = "disk full"
    BUSY = "busy"
    NO_FOLDER = "no folder"
    NO_LOCK = "no lock"
    PYTHON_MISSING = "python missing"
    PYTHON_OLD = "python too old"
    CRASHED = "crashed"


PASSING_FAULTS = frozenset(
    {Fault.UNRESOLVED, Fault.UNREACHABLE, Fault.LINE_BROKEN, Fault.REBOOTED, Fault.DISK_FULL, Fault.BUSY}
)

# What a message says of a fault: {host}, {python} and {said} (what ssh or the board said) are filled in.
TEXTS = {
    Fault.NO_SSH: "there is no 'ssh' program on this machine; install OpenSSH's client",
    Fault.SSH_CONFIG: "ssh refuses its configuration ({said}); mend it until 'ssh {host} true' works",
    Fault.UNKNOWN_HOST_KEY: "its host key is not in known_hosts; look at it and accept it once with: ssh {host}",
    Fault.CHANGED_HOST_KEY: "its host key is another one than in known_hosts: the board was set up anew, or it is not "
    "your board; once you are sure, remove the old key with ssh-keygen -R, then: ssh {host}",
    Fault.PERMISSION_DENIED: "it does not accept your key ({said}); load it with ssh-add, or copy it with: "
    "ssh-copy-id {host}",
    Fault.UNRESOLVED: "its name is not found ({said}); check device.host, or the Host entry of ~/.ssh/config",
    Fault.UNREACHABLE: "it cannot be reached ({said}); check that it is on and that 'ssh {host} true' works",
    Fault.LINE_BROKEN: "the line broke ({said})",
    Fault.REBOOTED: "it was started anew in the middle of a measurement",
    Fault.DISK_FULL: "its disk is full ({said}); free some space there, or with: automl latency --clean",
    Fault.BUSY: "others measure there ({said})",
    Fault.NO_FOLDER: "its folder ~/.cache/automl/board cannot be written ({said})",
    Fault.NO_LOCK: "the lock of its measurements cannot be opened ({said}); every user of the board must be able to "
    "read this file: chmod 644, by its owner",
    Fault.PYTHON_MISSING: "there is no '{python}' on it ({said}); install Python 3.10 or newer there, or name another "
    "one with device.python=...",
    Fault.PYTHON_OLD: "its '{python}' is Python {said}, needed is 3.10 or newer; name another one with "
    "device.python=...",
    Fault.CRASHED: "the measuring process there failed: {said}",
}

# What OpenSSH says, in lower case, the more particular first: a changed key also fails the "verification".
_OF_SSH = (
    (Fault.CHANGED_HOST_KEY, ("remote host identification has changed", "host key has changed", "host key mismatch")),
    (Fault.UNKNOWN_HOST_KEY, ("host key is known for", "host key verification failed")),
    (Fault.PERMISSION_DENIED, ("permission denied (", "too many authentication failures", "no more authentication")),
    (Fault.UNRESOLVED, ("could not resolve hostname", "name or service not known")),
    (Fault.SSH_CONFIG, ("bad configuration option", "bad owner or permissions", "can't open user config file")),
    (
        Fault.UNREACHABLE,
        (
            "connection refused",
            "connection timed out",
            "operation timed out",
            "no route to host",
            "network is unreachable",
            "host is down",
            "banner exchange",
            "kex_exchange_identification",
        ),
    ),
)
_NOISE = re.compile(r"^(@|warning:|\*\*|it is possible that|someone could be|$)", re.IGNORECASE)


class BoardBusy(DeviceAway):
    """Others measured on a board for as long as one waits for them."""


@dataclass(frozen=True)
class RemoteBoard:
    """The name of a board for messages, and how it is reached.

    Attributes:
        host: as ssh knows it: an alias of ~/.ssh/config, or [user@]name.
        python: the Python there, a name or a path.
        name: of the device, for people.
    """

    host: str
    python: str = "python3"
    name: str = "ssh"

    def error(self, fault: Fault, said: str = "") -> DeviceError:
        """Return the error of a fault, in one line: a `DeviceAway` where the fault passes.

        Args:
            fault: its class.
            said: what ssh or the board said of it; its first line is shown.
        """
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        shown = lines[0][:400] if lines else "no more is known"
        text = TEXTS[fault].format(host=self.host, python=self.python, said=shown)
        kind = BoardBusy if fault is Fault.BUSY else DeviceAway if fault in PASSING_FAULTS else DeviceError
        return kind(f"device={self.name}: board '{self.host}': {text}")


def fault_of_ssh(said: str) -> tuple[Fault, str]:
    """Return the fault that ssh's own messages speak of, and its line; a broken line where they speak of none."""
    lines = [line.strip() for line in said.splitlines() if not _NOISE.match(line.strip())]
    for fault, words in _OF_SSH:
        for line in (line for line in said.splitlines() if any(word in line.lower() for word in words)):
            return fault, line.strip().removeprefix("ssh: ")
    return Fault.LINE_BROKEN, lines[-1].removeprefix("ssh: ") if lines else "ssh ended without a word"
