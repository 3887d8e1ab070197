"""Class names as a data set's files give them: by index, as written, each once."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from spaces.errors import DataError


def clean_name(text: str, where: str, source: Path, notes: Counter[str]) -> str:
    """Return a name without the spaces around it, counted in the notes.

    Args:
        text: the name as written.
        where: the class it belongs to, for the error ("class 3").
        source: the file.
        notes: counts by note.

    Raises:
        DataError: it is empty.
    """
    name = text.strip()
    if not name:
        raise DataError(f"data.root: {where} of '{source}' has no name; give it one")
    if name != text:
        notes["class names had spaces around them, which were removed"] += 1
    return name


def names_in_yaml(text: str, source: Path, notes: Counter[str]) -> dict[int, str]:
    """Return the names of a YOLO data.yaml by index: `[yes, 1]` are the words "yes" and "1", keys are the indices.

    Raises:
        DataError: the names are neither a list nor a mapping of indices, or one is no plain word.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)  # the words as written: a loader would make True of `yes`
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = [value for key, value in pairs if key.value == "names"]
    if len(found) != 1 or not isinstance(found[0], yaml.SequenceNode | yaml.MappingNode) or not found[0].value:
        raise DataError(f"data.root: 'names' in '{source}' must be one list of class names, or names by index")
    items = found[0].value
    if isinstance(found[0], yaml.SequenceNode):
        return {i: _word(node, f"class {i}", source, notes) for i, node in enumerate(items)}
    names: dict[int, str] = {}
    for key, node in items:
        index = _index(key, source)
        if index in names:
            raise DataError(f"data.root: 'names' in '{source}' has class {index} twice; keys are the indices of labels")
        names[index] = _word(node, f"class {index}", source, notes)
    return dict(sorted(names.items()))


def _index(key: yaml.Node, source: Path) -> int:
    if not re.fullmatch(r"\s*[0-9]+\s*", str(key.value), re.ASCII):
        raise DataError(
            f"data.root: keys of 'names' in '{source}' must be class indices such as 0, 1, 2; got '{key.value}'"
        )
    return int(key.value)


def _word(node: yaml.Node, where: str, source: Path, notes: Counter[str]) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise DataError(f"data.root: {where} of '{source}' must be one name; got a list or mapping")
    return clean_name(node.value, where, source, notes)


def gap_note(names: dict[int, str], source: Path) -> list[str]:
    """Say that the indices do not count 0, 1, 2, ..., if they do not."""
    if list(names) == list(range(len(names))):
        return []
    return [f"names in {source.name} go from {min(names)} to {max(names)}, not 0 to {len(names) - 1}; taken as written"]


def case_note(classes: Iterable[str]) -> list[str]:
    """Name the classes that differ in nothing but upper and lower case."""
    folded: dict[str, list[str]] = {}
    for name in classes:
        folded.setdefault(name.casefold(), []).append(name)
    same = [" and ".join(names) for names in folded.values() if len(names) > 1]
    return [f"classes that differ in case alone are kept apart: {', '.join(same)}"] if same else []


def check_unique(classes: Iterable[str], source: Path) -> None:
    """Refuse classes of one name: their scores could not be kept apart.

    Raises:
        DataError: a name stands twice.
    """
    twice = [name for name, count in Counter(classes).items() if count > 1]
    if twice:
        raise DataError(
            f"data.root: '{source}' has several labelled classes of one name ({', '.join(twice)}); "
            "rename them, or give their boxes one class"
        )
