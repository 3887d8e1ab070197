"""The line to a board, over a real SSH server on loopback: what goes over it, what breaks it, what each is called."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_disk import small_disk
from ssh_server import ALIAS, SshServer, needs_ssh, ssh_server

from objectives.machine.remote.copying import clean, send_folder, send_inputs, send_parts
from objectives.machine.remote.faults import RemoteBoard
from objectives.machine.remote.line import BoardLine
from spaces.errors import DeviceAway, DeviceError

pytestmark = needs_ssh
BOARD = RemoteBoard(ALIAS, sys.executable)
PROGRAM = {"run.py": b"import sys\nprint('{\"done\": 7}') if sys.argv[1] == 'well' else sys.stdin.read()\n"}
PUT = {"verb": "put", "folder": None, "spared": [], "bytes_most": 1_000_000_000}
HOLDER = """
import sys, time
from objectives.machine.remote.faults import RemoteBoard
from objectives.machine.remote.line import BoardLine
with BoardLine(RemoteBoard("pi5", sys.executable)) as line:
    line.lock(30)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        running: SshServer = request.getfixturevalue("server")
        running.trust()
        running.write_config()


def until(is_so: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
    return is_so()


def refusal(board: RemoteBoard = BOARD) -> str:
    with pytest.raises(DeviceError) as raised, BoardLine(board):
        pass
    assert "\n" not in str(raised.value)
    return f"{type(raised.value).__name__}: {raised.value}"


def test_files_go_once_and_commands_run(server: SshServer) -> None:
    data = [(b"a" * 300_000, ".npy"), (b"b", ".onnx"), (b"b", ".onnx")]
    with BoardLine(BOARD) as line:
        send_folder(line, "program", PROGRAM)
        first = send_inputs(line, data)
        made = [(server.own / path).stat().st_ino for path in first]
        assert [(server.own / path).read_bytes() for path in first] == [contents for contents, _ in data]
        with line.run("program", "well") as command:
            assert command.done(10) == 7
    with BoardLine(BOARD) as line:
        send_folder(line, "program", {"run.py": b"another program under the same name is not sent"})
        assert [(server.own / path).stat().st_ino for path in send_inputs(line, data)] == made
    assert (server.own / "program" / "run.py").read_bytes() == PROGRAM["run.py"]
    assert until(lambda: server.processes() == [])


def test_inputs_make_room_but_for_what_is_still_needed(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However old it is; and there are never more bytes than may be."""
    with BoardLine(BOARD) as line:
        clean(line)
        monkeypatch.setattr("objectives.machine.remote.copying.INPUTS_BYTES_MOST", 1000)
        model = send_parts(line, [(b"m" * 200, ".param"), (b"n" * 300, ".bin")])
        (old,) = send_inputs(line, [(b"a" * 400, ".npy")], [model])
        (new,) = send_inputs(line, [(b"b" * 400, ".npy")], [model])
        left = {path.name: path.stat().st_size for path in (server.own / "inputs").iterdir()}
        stem = Path(model).stem
        assert left == {f"{stem}.param": 200, f"{stem}.bin": 300, Path(new).name: 400}
        send_inputs(line, [(b"a" * 400, ".npy")])
        assert not (server.own / model).exists()
        assert (server.own / old).exists()


def test_a_file_that_breaks_off_is_not_there(server: SshServer) -> None:
    with BoardLine(BOARD) as line, line.receiver() as receiver:
        receiver.request({**PUT, "files": [["broken.npy", 1_000_000, "0" * 64]]})
        assert receiver.answer(10) == {"missing": ["broken.npy"]}
        receiver.send(b"c" * 600_000)
        assert until(lambda: server.partials() != [])
        assert server.cut() == 1
        with pytest.raises(DeviceAway, match=r"device=ssh: board 'pi5': the line broke"):
            receiver.done(10)
        with pytest.raises(DeviceAway, match="the connection was lost"):
            line.run("program", "well")
    assert until(lambda: server.partials() == [] and server.processes() == [])
    assert not (server.own / "inputs" / "broken.npy").exists()


def test_contents_that_are_not_those_announced_are_refused(server: SshServer) -> None:
    with BoardLine(BOARD) as line, line.receiver() as receiver:
        receiver.request({**PUT, "files": [["wrong.npy", 4, "0" * 64]]})
        assert receiver.answer(10) == {"missing": ["wrong.npy"]}
        receiver.send(b"oops")
        with pytest.raises(DeviceAway, match="without an answer"):
            receiver.done(10)
    assert not (server.own / "inputs" / "wrong.npy").exists()


@pytest.mark.slow
def test_the_lock_queues_studies_and_dies_with_its_line(server: SshServer) -> None:
    """Also where the process that holds it is killed: nothing of it stays on the board."""
    line = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with BoardLine(BOARD) as second, pytest.raises(DeviceAway, match=r"others measure there \(for 0 s by now\)"):
            second.lock(0)
        got: list[float] = []

        def take() -> None:
            with BoardLine(BOARD) as third:
                third.lock(60)
                got.append(time.monotonic())

        waiting = threading.Thread(target=take)
        waiting.start()
        time.sleep(0.5)
        assert got == []
        holder.send_signal(signal.SIGKILL)
        waiting.join(20)
        assert len(got) == 1
    assert until(lambda: server.processes() == [])


@pytest.mark.slow
def test_who_waits_for_the_lock_looks_at_it_twice_a_second(server: SshServer) -> None:
    """However fast the other end answers; and it notices when that end is gone."""
    with BoardLine(BOARD) as holder, BoardLine(BOARD) as line:
        holder.lock(10)
        with line.receiver() as receiver:
            receiver.request({"verb": "lock"})
            answers, began = 0, time.monotonic()
            while time.monotonic() < began + 2.0:
                assert receiver.answer(10)["waiting"] <= time.monotonic() - began
                receiver.send(b"\n\n")
                answers += 1
        assert 2 <= answers <= 6
        waiting = len(server.processes())
        with line.receiver() as receiver:
            receiver.request({"verb": "lock"})
            receiver.answer(10)
        assert until(lambda: len(server.processes()) <= waiting)


def test_clean_leaves_nothing(server: SshServer) -> None:
    with BoardLine(BOARD) as line:
        send_folder(line, "more", {"x": b"12345"})
        (server.own.parent / "reference-4.txt").write_text("of automl on that machine itself")
        files, size = clean(line)
    assert files >= 1
    assert size >= 5
    assert [path.name for path in server.own.parent.iterdir()] == ["reference-4.txt"]
    assert list((server.folder / "tmp").iterdir()) == []
    with BoardLine(BOARD) as holder, BoardLine(BOARD) as line:
        holder.lock(10)
        with pytest.raises(DeviceAway, match=r"others measure there \(another process measures there\)"):
            clean(line, patience_s=0.0)


def test_host_keys_are_never_accepted_in_silence(server: SshServer) -> None:
    (server.folder / "known_hosts").write_text("")
    server.write_config(StrictHostKeyChecking="no")  # whatever the user's file says
    text = refusal()
    assert text == (
        "DeviceError: device=ssh: board 'pi5': its host key is not in known_hosts; "
        "look at it and accept it once with: ssh pi5"
    )
    assert (server.folder / "known_hosts").read_text() == ""
    server.trust("other")
    assert "its host key is another one than in known_hosts" in refusal()


def test_a_key_that_is_not_accepted(server: SshServer) -> None:
    server.write_config("other")
    assert "DeviceError: device=ssh: board 'pi5': it does not accept your key (pi@127.0.0.1: Permission" in refusal()


def test_boards_that_are_not_there_pass(server: SshServer) -> None:
    assert "DeviceAway: device=ssh: board 'pi5.invalid': its name is not found" in refusal(RemoteBoard("pi5.invalid"))
    server.write_config(Port="1")
    assert "DeviceAway: device=ssh: board 'pi5': it cannot be reached (connect to host 127.0.0.1 port 1" in refusal()
    server.write_config(NoSuchOption="yes")
    assert "DeviceError: device=ssh: board 'pi5': ssh refuses its configuration (" in refusal()


def test_pythons_that_cannot_be_used(server: SshServer, tmp_path: Path) -> None:
    text = refusal(RemoteBoard(ALIAS, "python9"))
    assert re_in("there is no 'python9' on it (sh: 1: python9: not found); install Python 3.10", text)
    old = tmp_path / "old"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'print(\"3.8.18 (default)\"); raise SystemExit(40)'\n")
    old.chmod(0o755)
    assert f"its '{old}' is Python 3.8.18, needed is 3.10 or newer" in refusal(RemoteBoard(ALIAS, str(old)))
    for board in (RemoteBoard("-oProxyCommand=true"), RemoteBoard("pi5", "python3; rm -r x"), RemoteBoard("pi 5")):
        with pytest.raises(DeviceError, match=r"device\.(host|python): must be"):
            BoardLine(board)


@pytest.mark.parametrize("version", ["2.7.18", "3.6.15", "3.8.18", "3.9.18"])
def test_old_pythons_say_so(server: SshServer, version: str) -> None:
    python = Path.home() / ".pyenv" / "versions" / version / "bin" / "python"
    if not python.exists():
        pytest.skip(f"there is no Python {version} on this machine")
    shown = version if version[0] == "3" else version[0]
    assert f"is Python {shown}, needed is 3.10 or newer" in refusal(RemoteBoard(ALIAS, str(python)))


def re_in(said: str, text: str) -> bool:
    """Whether a text says so, whatever the shell is called."""
    return said.partition("(")[0] in text and said.rpartition(";")[2] in text


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with ssh_server(tmp_path) as other:
        (other.home / ".cache").write_text("a file in place of the folder")
        with (
            BoardLine(BOARD) as line,
            pytest.raises(DeviceError, match=r"its folder ~/.cache/automl/board cannot be written"),
        ):
            send_inputs(line, [(b"1", ".npy")])


def test_a_full_disk_makes_room_by_what_is_old_and_then_passes(tmp_path: Path) -> None:
    with ssh_server(tmp_path) as other, small_disk(other.home / ".cache", 8) as mounted:
        if not mounted:
            pytest.skip("no small disk can be mounted here")
        with BoardLine(BOARD) as line:
            (old,) = send_inputs(line, [(b"1" * 4_000_000, ".npy")])
            (new,) = send_inputs(line, [(b"2" * 4_000_000, ".npy")])
            assert not (other.own / old).exists()
            with pytest.raises(DeviceAway, match=r"its disk is full \(No space left on device"):
                send_inputs(line, [(b"3" * 9_000_000, ".npy")])
        assert other.partials() == []
        assert not (other.own / new).exists()


def test_what_a_board_says_in_words_has_a_class(server: SshServer) -> None:
    """A disk that fills up while something is measured, and a process that dies of itself or by a signal."""
    says = """import json, os, signal, sys
print("a greeting that is no JSON")
if sys.argv[1] == "full":
    print(json.dumps({"fault": "OSError", "text": "[Errno 28] No space left on device"}))
elif sys.argv[1] == "raises":
    print(json.dumps({"fault": "ValueError", "text": "of the runtime"}))
else:
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
"""
    with BoardLine(BOARD) as line:
        send_folder(line, "says", {"run.py": says.encode()})
        for word, kind, text in (
            ("full", DeviceAway, "its disk is full"),
            ("raises", DeviceError, "the measuring process there failed: of the runtime"),
            ("SIGILL", DeviceError, "the measuring process there failed: its process was ended by SIGILL"),
            ("SIGTERM", DeviceAway, "the line broke (its process was ended by SIGTERM)"),  # the board shuts down
        ):
            with line.run("says", word) as command, pytest.raises(kind) as raised:
                command.done(10)
            assert text in str(raised.value)
            assert isinstance(raised.value, DeviceAway) == (kind is DeviceAway)


def test_where_no_socket_can_be_there_are_single_connections(
    server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("objectives.machine.remote.program.SOCKET_MOST", 10)
    with BoardLine(BOARD) as line:
        send_folder(line, "single", PROGRAM)
        line.lock(5)
        with line.run("single", "well") as command:
            assert until(lambda: server.order("count") == "2")
            assert command.done(10) == 7


def test_without_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "there is no 'ssh' program on this machine" in refusal()
