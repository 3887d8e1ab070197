"""The line to a board: one connection, kept while it is needed, over which commands, files and a lock go.

Its first session is a keeper on the board; when this process ends, however that goes, the keeper's input ends, and with
the keeper the connection and all that runs over it.
"""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from objectives.machine.remote.channel import OLD_PYTHON, Channel, nobody
from objectives.machine.remote.faults import Fault, RemoteBoard
from objectives.machine.remote.program import HOST_NAME, PYTHON_NAME, control_socket, ssh_line
from spaces.errors import DeviceError

FIRST_WORD_S = 60.0  # a small board that is busy takes seconds to start a Python
WORD_S = 30.0  # between two answers
SIGN_S = 5.0  # between two signs of life to the keeper of the lock
LEAST_PYTHON = "(3,10)"


class BoardLine:
    """A connection to a board, open. Use it as a context."""

    def __init__(self, board: RemoteBoard, alive: Callable[[], None] = nobody) -> None:
        """Take a board; nothing is opened yet.

        Args:
            board: where.
            alive: called about once a second while anything here waits.

        Raises:
            DeviceError: the host or the Python has characters that are none of a name or a path.
        """
        check_names(board)
        self.board, self.alive = board, alive
        self._socket: Path | None = None
        self._keeper: Channel | None = None
        self._stack = ExitStack()
        self._ends = threading.Event()
        self.boot_id = ""

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            DeviceError: that cannot be done; a DeviceAway where it may pass.
        """
        with ExitStack() as stack:
            self._socket = stack.enter_context(control_socket())
            keeper = stack.enter_context(self._receiver(is_master=True))
            keeper.request({"verb": "hello"})
            self.boot_id = str(keeper.done(FIRST_WORD_S)["boot_id"])
            self._keeper = keeper
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._keeper = None
        self._stack.close()

    @property
    def is_open(self) -> bool:
        """Whether the line stands, as far as is known here."""
        return self._keeper is not None and self._keeper.is_open

    def check(self) -> None:
        """Check that the line has stood until now: what was done under the lock was done under it.

        Raises:
            DeviceAway: it is broken.
        """
        if not self.is_open:
            raise self.board.error(Fault.LINE_BROKEN, "the connection was lost")

    def lock(self, patience_s: float) -> None:
        """Have the board alone until the line ends; other studies, of all its users, wait meanwhile.

        Raises:
            DeviceAway: others had it for longer than `patience_s`, or the line broke.
        """
        assert self._keeper is not None
        self._keeper.request({"verb": "lock"})
        while True:
            answer = self._keeper.answer(WORD_S)
            if "done" in answer:
                break
            if float(answer["waiting"]) > patience_s:
                raise self.board.error(Fault.BUSY, f"for {patience_s:g} s by now")
            self._keeper.send(b"\n")
        watch = threading.Thread(target=self._give_signs, args=(self._keeper,), daemon=True)
        self._stack.callback(watch.join)
        self._stack.callback(self._ends.set)
        watch.start()

    def run(self, folder: str, arguments: str) -> Channel:
        """Return a command of ours, `PYTHON -I run.py ARGUMENTS` in a folder of ours: to be used as a context."""
        self.check()
        return self._channel(f"cd ~/.cache/automl/board/{folder} && {self.board.python} -I run.py {arguments}")

    def ask(self, request: dict[str, Any], seconds: float = WORD_S) -> Any:
        """Return what a receiver of its own answers to one request."""
        with self.receiver() as channel:
            channel.request(request)
            return channel.done(seconds)

    def receiver(self) -> Channel:
        """Return a receiver on the board, to be used as a context."""
        self.check()
        return self._receiver(is_master=False)

    def _receiver(self, *, is_master: bool) -> Channel:
        """Start Python on the board with the receiver's program, which goes first over its standard input."""
        program = files("objectives.machine.remote").joinpath("receiver.py").read_bytes()
        too_old = f"sys.version_info<{LEAST_PYTHON} and (sys.stdout.write(sys.version+chr(10)),sys.exit({OLD_PYTHON}))"
        start = f"import sys;{too_old};exec(sys.stdin.buffer.read({len(program)}))"
        channel = self._channel(f'{self.board.python} -I -c "{start}"', is_master=is_master)
        channel.send(program)
        return channel

    def _channel(self, command: str, *, is_master: bool = False) -> Channel:
        # By a shell that stays: it turns the signal that ended a command into a status, which ssh passes on as it is.
        whole = f"sh -c '{command}; exit $?'"
        return Channel(ssh_line(self.board, whole, self._socket, is_master=is_master), self.board, self.alive)

    def _give_signs(self, keeper: Channel) -> None:
        while not self._ends.wait(SIGN_S):
            keeper.send(b"\n")


def check_names(board: RemoteBoard) -> None:
    """Check what goes into a line of a shell.

    Raises:
        DeviceError: the host or the Python has characters that are none of a name or a path.
    """
    if not HOST_NAME.fullmatch(board.host):
        raise DeviceError(f"device.host: must be an ssh alias or [user@]name, got '{board.host}'")
    if not PYTHON_NAME.fullmatch(board.python) or board.python.startswith("-"):
        raise DeviceError(f"device.python: must be the name or the path of a Python, got '{board.python}'")
