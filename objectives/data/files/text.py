"""Annotation files as text, JSON, YAML and XML: in whatever encoding, as data alone, never as code."""

import codecs
import json
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from spaces.errors import DataError, first_line

YAML_MB_MAX = 20  # a list of 200,000 images
NUMBER_MAX = 1e12  # beyond it a coordinate is a slip, and its sums are no numbers any more
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def read_text(path: Path) -> str:
    """Return the text of a file: UTF-8, or UTF-16 and UTF-32 by their marks; line ends as they are.

    Raises:
        DataError: it cannot be read, or is no text.
    """
    return _decoded(path, _bytes(path))


def peek(path: Path, most: int = 4000) -> str:
    """Return the beginning of a file as text, whatever cannot be decoded replaced; empty if it cannot be read."""
    try:
        with path.open("rb") as stream:
            data = stream.read(most)
    except OSError:
        return ""
    data, encoding = _unmarked(data)
    return data.decode(encoding, "replace")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"data.root: '{path}' cannot be read: {error.strerror}") from None


def _decoded(path: Path, data: bytes, encoding: str = "utf-8") -> str:
    data, encoding = _unmarked(data, encoding)
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        raise DataError(f"data.root: '{path}' is no text in {encoding.upper()}; save it as UTF-8") from None


def _unmarked(data: bytes, encoding: str = "utf-8") -> tuple[bytes, str]:
    """Return bytes without their mark, and the encoding that it or their first pair says."""
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :], marked
    pair = data[:2]
    if len(pair) == 2 and 0 in pair and pair != b"\0\0":  # UTF-16 without its mark
        return data, "utf-16-be" if pair[0] == 0 else "utf-16-le"
    return data, encoding


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        DataError: it is no JSON.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"data.root: '{path}' is not readable JSON: {first_line(error)}") from None


def compose_yaml(path: Path, text: str) -> yaml.Node | None:
    """Return the nodes of a YAML file, of which nothing is built: no aliases multiply, no tag runs anything.

    Raises:
        DataError: it is no YAML, or holds tags.
    """
    if len(text) > YAML_MB_MAX * 2**20:
        raise DataError(f"data.root: '{path}' holds over {YAML_MB_MAX} MB of YAML; name a list of images in it")
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_nodes(path, node)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise DataError(f"data.root: '{path}' is not readable YAML: {first_line(error)}") from None
    return node


def _check_nodes(path: Path, root: yaml.Node | None) -> None:
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if not str(node.tag).startswith("tag:yaml.org,2002:") or "python" in str(node.tag):
            raise DataError(f"data.root: '{path}' is not readable YAML: it holds the tag '{node.tag}'")
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise DataError(f"data.root: '{path}' is not readable YAML: a key is a list or mapping")
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def read_xml(path: Path) -> ElementTree.Element:
    """Return the root element of an XML file.

    Raises:
        DataError: it is no XML, or declares entities or a document type, which annotations never need.
    """
    data = _bytes(path)
    found = _DECLARED.match(data[:300])
    text = _decoded(path, data, found[1].decode() if found else "utf-8")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(f"data.root: '{path}' is refused: it declares a document type or entities; remove these lines")
    try:
        parser = ElementTree.XMLParser(encoding="utf-8")  # whatever it declares, so that what was looked at is parsed
        parser.feed(text.encode())
        return parser.close()
    except (ElementTree.ParseError, UnicodeError, ValueError) as error:
        raise DataError(f"data.root: '{path}' is not readable XML: {first_line(error)}") from None


def number(value: object) -> float:
    """Return a finite number of at most NUMBER_MAX, written as one or as text.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str) or (isinstance(value, str) and "_" in value):
        raise ValueError(f"no number: {value!r:.60}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not abs(found) <= NUMBER_MAX:
        raise ValueError(f"no usable number: {value!r:.60}")
    return found
