"""Files to a board: only those that are not there, each whole or not at all."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

from objectives.machine.remote.line import WORD_S, BoardLine

SLOWEST_BYTES_S = 1 << 18  # of a line
INPUTS_BYTES_MOST = 1_000_000_000  # of inputs on a board; what was used longest ago goes first


def send_folder(line: BoardLine, name: str, files: Mapping[str, bytes]) -> None:
    """Send a folder whose name stands for its contents, unless it is there.

    Args:
        line: to the board.
        name: of the folder.
        files: path inside it -> contents.

    Raises:
        DeviceError: it cannot be written there; a DeviceAway where that passes.
    """
    _put(line, name, [(path, data, _digest(data)) for path, data in files.items()])


def send_inputs(line: BoardLine, files: Sequence[tuple[bytes, str]], spared: Collection[str] = ()) -> list[str]:
    """Send single files, named by their contents, unless they are there.

    Args:
        line: to the board.
        files: contents and suffix of each.
        spared: paths of other inputs that are still needed: none of them makes room.

    Returns:
        for each its path on the board, relative to our folder there.

    Raises:
        DeviceError: as `send_folder`.
    """
    named = [(data, digest, f"{digest}{suffix}") for data, suffix in files for digest in [_digest(data)]]
    once = {name: (data, digest) for data, digest, name in named}
    _put(line, None, [(name, data, digest) for name, (data, digest) in once.items()], spared)
    return [f"inputs/{name}" for _, _, name in named]


def send_parts(line: BoardLine, parts: Sequence[tuple[bytes, str]], spared: Collection[str] = ()) -> str:
    """Send the files of which one artifact is made, under one name, as far as they are not there.

    Args:
        line: to the board.
        parts: contents and suffix of each, the file that is opened first.
        spared: as of `send_inputs`; the path of an artifact spares all its parts.

    Returns:
        the path of that file on the board, relative to our folder there.

    Raises:
        DeviceError: as `send_folder`.
    """
    digests = [_digest(data) for data, _ in parts]
    stem = digests[0] if len(parts) == 1 else _digest(" ".join(digests).encode())
    files = [(f"{stem}{suffix}", data, of) for (data, suffix), of in zip(parts, digests, strict=True)]
    _put(line, None, files, spared)
    return f"inputs/{stem}{parts[0][1]}"


def _put(
    line: BoardLine, folder: str | None, files: Sequence[tuple[str, bytes, str]], spared: Collection[str] = ()
) -> None:
    with line.receiver() as receiver:
        request = {
            "verb": "put",
            "folder": folder,
            "files": [[path, len(data), digest] for path, data, digest in files],
            "spared": sorted({PurePosixPath(path).stem for path in spared}),
            "bytes_most": INPUTS_BYTES_MOST,
        }
        receiver.request(request)
        missing = set(receiver.answer(WORD_S)["missing"])
        for path, data, _ in files:
            if path in missing:
                receiver.send(data)
        receiver.done(WORD_S + sum(len(data) for path, data, _ in files if path in missing) / SLOWEST_BYTES_S)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def clean(line: BoardLine, patience_s: float = 10.0) -> tuple[int, int]:
    """Remove all that is ours from a board; return the number of files and their bytes.

    Raises:
        DeviceAway: a study measures there, or the line broke.
    """
    found = line.ask({"verb": "clean", "patience_s": patience_s}, seconds=patience_s + WORD_S)
    return int(found["files"]), int(found["bytes"])
