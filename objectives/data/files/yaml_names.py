"""A YOLO data.yaml as nodes, and its class names: by index, the words as written."""

import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from objectives.data.class_names import clean_name
from objectives.data.files.text import compose_yaml
from objectives.data.findings import Findings
from spaces.errors import DataError


def yaml_pairs(path: Path, text: str) -> list[tuple[str, yaml.Node]]:
    """Return the keys and values at the top of a YAML file, as nodes: the words as written.

    A loader would make True of `yes`.

    Raises:
        DataError: it is no YAML.
    """
    root = compose_yaml(path, text)
    return [(key.value, value) for key, value in root.value] if isinstance(root, yaml.MappingNode) else []


def names_in_yaml(pairs: Iterable[tuple[str, yaml.Node]], source: Path, findings: Findings) -> dict[int, str]:
    """Return the names of a YOLO data.yaml by index: `[yes, 1]` are the words "yes" and "1", keys are the indices.

    Raises:
        DataError: the names are neither a list nor a mapping of indices, or one is no plain word.
    """
    found = [value for key, value in pairs if key == "names"]
    if len(found) != 1 or not isinstance(found[0], yaml.SequenceNode | yaml.MappingNode) or not found[0].value:
        raise DataError(f"data.root: 'names' in '{source}' must be one list of class names, or names by index")
    items = found[0].value
    if isinstance(found[0], yaml.SequenceNode):
        return {i: _word(node, f"class {i}", source, findings) for i, node in enumerate(items)}
    names: dict[int, str] = {}
    for key, node in items:
        index = _index(key, source)
        if index in names:
            raise DataError(f"data.root: 'names' in '{source}' has class {index} twice; keys are the indices of labels")
        names[index] = _word(node, f"class {index}", source, findings)
    return dict(sorted(names.items()))


def _index(key: yaml.Node, source: Path) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", str(key.value), re.ASCII):
        raise DataError(
            f"data.root: keys of 'names' in '{source}' must be class indices such as 0, 1, 2; got '{key.value}'"
        )
    return int(key.value)


def _word(node: yaml.Node, where: str, source: Path, findings: Findings) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise DataError(f"data.root: {where} of '{source}' must be one name; got a list or mapping")
    return clean_name(node.value, where, source, findings)


def add_gap(names: dict[int, str], source: Path, findings: Findings) -> None:
    """Record that the indices do not count 0, 1, 2, ..., if they do not."""
    missing = max(names) + 1 - len(names)
    if missing:
        findings.add("classes.gap", f"{source.name} goes from {min(names)} to {max(names)}", missing)
