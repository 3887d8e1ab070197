"""What a preset of a pipeline leaves to its user: the values that it gives as `???`.

Hydra keeps the value of the preset below where one above says `???`: what a preset asks for would be passed over in
silence. So it is read off the files.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spaces.errors import SettingsError

TO_FILL_IN = "???"


def check_asked(preset: Path, below: Path, overrides: Sequence[str]) -> None:
    """Check that all that a preset asks for is given.

    Args:
        preset: its file.
        below: folder in which those lie that it composes on, where they do not lie beside it.
        overrides: of the line.

    Raises:
        SettingsError: something is not given; one line names all of it.
    """
    given = [re.split("[=@]", override.lstrip("+~"))[0] for override in overrides]
    missing = [
        key for key in _asked(preset, below) if not any(key == one or key.startswith(f"{one}.") for one in given)
    ]
    if missing:
        verb = "needs a value" if len(missing) == 1 else "need values"
        line = " ".join(f"{key}=..." for key in missing)
        raise SettingsError(f"{', '.join(missing)}: {verb}; preset '{preset.stem}' leaves it to you: give {line}")


def _asked(preset: Path, below: Path) -> list[str]:
    """Return the dotted keys that a preset, or one that it composes on, asks for, and none above gives."""
    import yaml

    values = yaml.safe_load(preset.read_text()) or {}
    own = dict(_leaves({key: value for key, value in values.items() if key != "defaults"}, ""))
    asked: list[str] = []
    for name in [name for name in values.get("defaults", []) if isinstance(name, str) and name != "_self_"]:
        files = [path for path in (preset.parent / f"{name}.yaml", below / f"{name}.yaml") if path.is_file()]
        asked += _asked(files[0], below) if files else []
    return [key for key in dict.fromkeys([*asked, *own]) if own.get(key, TO_FILL_IN) == TO_FILL_IN]


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
