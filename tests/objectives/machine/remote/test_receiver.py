"""The lock of a board: one for all of its users, whatever their surroundings are; what is said where there is none."""

import os
import stat
import sys
from pathlib import Path

import pytest
from ssh_server import ALIAS, needs_ssh, ssh_server

from objectives.machine.remote import receiver
from objectives.machine.remote.copying import clean
from objectives.machine.remote.faults import RemoteBoard
from objectives.machine.remote.line import BoardLine
from spaces.errors import DeviceAway, DeviceError

BOARD = RemoteBoard(ALIAS, sys.executable)


def test_the_lock_is_one_for_all_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their umask and their folder for temporary files are."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    before = os.umask(0o077)
    try:
        monkeypatch.setenv(receiver.LOCK_FOLDER_VARIABLE, str(folder))
        monkeypatch.setenv("TMPDIR", str(tmp_path / "of-one-user"))
        held = receiver._locked()
        assert held is not None
        assert stat.S_IMODE(receiver.lock_path().stat().st_mode) == 0o644
        assert receiver._locked() is None
        os.close(held)
    finally:
        os.umask(before)
    monkeypatch.delenv(receiver.LOCK_FOLDER_VARIABLE)
    assert receiver.lock_path() == Path("/tmp/automl-board.lock")


def test_a_lock_that_was_removed_just_now_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody cleans between the two openings of a lock that is there."""
    monkeypatch.setenv(receiver.LOCK_FOLDER_VARIABLE, str(tmp_path))
    receiver.lock_path().touch()
    opened = os.open

    def cleaned_in_between(path: Path, how: int, mode: int = 0o777) -> int:
        try:
            return opened(path, how, mode)
        except FileExistsError:
            path.unlink()
            raise

    monkeypatch.setattr(os, "open", cleaned_in_between)
    assert receiver._locked() is None
    held = receiver._locked()
    assert held is not None
    os.close(held)


@needs_ssh
def test_a_lock_that_cannot_be_opened_is_no_folder(tmp_path: Path) -> None:
    """A link, which anybody may have put there; on a real board also a file that its owner alone can read."""
    with ssh_server(tmp_path) as other, BoardLine(BOARD) as line:
        (other.folder / "tmp" / "automl-board.lock").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(
            DeviceError, match=r"the lock of its measurements cannot be opened \(/.*board\.lock: "
        ) as raised:
            line.lock(5)
    assert not isinstance(raised.value, DeviceAway)
    with (
        ssh_server(tmp_path / "more", AUTOML_LOCK_FOLDER="/no/such"),
        BoardLine(BOARD) as line,
        pytest.raises(DeviceError, match=r"cannot be opened \(/no/such/automl-board\.lock: no such folder\)"),
    ):
        clean(line)
