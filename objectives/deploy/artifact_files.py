"""The files of a deployable artifact: what belongs to the one that is named, and the metadata that each kind keeps.

Metadata are texts by key, as in an ONNX file. Where a format has a place for them, they lie there: OpenVINO's
`rt_info`, an entry of the zip archive that a TorchScript file is and that a LiteRT file may end with (as TFLite's own
metadata do); a JSON file beside an NCNN network or an engine of TensorRT, which have none. Read and written by the
standard library alone: whoever runs a file needs its runtime and nothing else.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from objectives.machine.files import whole, write_text
from spaces.errors import DataError, first_line

BELONGS = {".xml": (".bin",), ".param": (".bin", ".json"), ".engine": (".json",)}  # suffixes of what belongs to a file
ENTRY = "automl.json"  # in a zip archive
SECTION = "automl"  # of OpenVINO's rt_info
ONNX = ".onnx"
ZIPPED = (".tflite", ".torchscript")


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files of an artifact that are there: the one that is named first, then what belongs to it."""
    return path, *(one for suffix in BELONGS.get(path.suffix, ()) if (one := path.with_suffix(suffix)).is_file())


def bytes_of(path: Path) -> int:
    """Return the bytes that ship: of all files of an artifact; of a folder, of all in it."""
    files = path.rglob("*") if path.is_dir() else files_of(path)
    return sum(file.stat().st_size for file in files if file.is_file())


def digest_of(path: Path) -> str:
    """Return a SHA-256 of all files of an artifact, hexadecimal; of a single file, the file's own."""
    digests = []
    for file in files_of(path):
        with file.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def remove_artifact(path: Path) -> None:
    """Remove an artifact with what belongs to it; the file that is named goes first, so that no half is opened."""
    for file in files_of(path):
        file.unlink(missing_ok=True)


def read_properties(path: Path) -> dict[str, str]:
    """Return what an artifact says of itself; empty where it says nothing.

    Raises:
        DataError: the file is damaged.
    """
    try:
        if path.suffix == ONNX:
            import onnx

            return {one.key: one.value for one in onnx.load(str(path), load_external_data=False).metadata_props}
        if path.suffix == ".xml":
            section = ElementTree.parse(path).getroot().find(f"rt_info/{SECTION}")
            return {one.tag: one.get("value", "") for one in section} if section is not None else {}
        if path.suffix in ZIPPED:
            return _of_zip(path)
        beside = path.with_suffix(".json")
        return dict(json.loads(beside.read_text(encoding="utf-8"))) if beside.is_file() else {}
    except Exception as error:  # of four readers, each with classes of its own
        raise DataError(
            f"artifact: the metadata of '{path}' cannot be read ({first_line(error)}); export it again"
        ) from (error)


def write_properties(path: Path, properties: Mapping[str, str]) -> None:
    """Set what an artifact says of itself, in place of what it said; the file is whole at any time."""
    if path.suffix == ".xml":
        _write_xml(path, properties)
    elif path.suffix in ZIPPED:
        _write_zip(path, properties)
    elif path.suffix in BELONGS:
        write_text(path.with_suffix(".json"), json.dumps(dict(properties)))
    else:
        raise ValueError(f"no place for metadata in '{path.name}'")


def _of_zip(path: Path) -> dict[str, str]:
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as archive:
        name = next((name for name in archive.namelist() if name.rpartition("/")[2] == ENTRY), None)
        return dict(json.loads(archive.read(name))) if name else {}


def _write_zip(path: Path, properties: Mapping[str, str]) -> None:
    """Copy what comes before the archive, and its other entries as they are; then ours."""
    with whole(path) as partial:
        with partial.open("wb") as out:
            kept = _copied(path, out)
        with zipfile.ZipFile(partial, "a") as archive:
            for name, content in kept:
                archive.writestr(name, content)
            root = f"{kept[0][0].partition('/')[0]}/extra/" if kept else ""  # where TorchScript keeps such entries
            archive.writestr(f"{root}{ENTRY}", json.dumps(dict(properties)))


def _copied(path: Path, out: BinaryIO) -> list[tuple[str, bytes]]:
    """Write what comes before an archive's first entry to `out`, and return the entries but ours."""
    content = path.read_bytes()
    if not zipfile.is_zipfile(path):
        out.write(content)
        return []
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        out.write(content[: min(one.header_offset for one in entries)])
        return [(one.filename, archive.read(one)) for one in entries if one.filename.rpartition("/")[2] != ENTRY]


def _write_xml(path: Path, properties: Mapping[str, str]) -> None:
    tree = ElementTree.parse(path)
    root = tree.getroot()
    info = root.find("rt_info")
    if info is None:
        info = ElementTree.SubElement(root, "rt_info")
    before = info.find(SECTION)
    if before is not None:
        info.remove(before)
    section = ElementTree.SubElement(info, SECTION)
    for key, value in properties.items():
        ElementTree.SubElement(section, key, {"value": value})
    with whole(path) as partial:
        tree.write(partial, encoding="utf-8", xml_declaration=True)
