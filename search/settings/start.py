"""What a line begins with: candidates, held against its space, and names of detectors that were trained elsewhere."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from search.settings.compose import base_values
from spaces.errors import SettingsError
from spaces.space import SearchSpace
from spaces.vocabulary import is_deployed

CARRY_KEY = "carry"


def known_candidates(candidates: object, space: SearchSpace, *, narrowed: bool) -> tuple[dict[str, Any], ...]:
    """Check the candidates that are tried first.

    Where the command line has changed the space, what it no longer holds of a training is left open, and a candidate
    whose architecture it no longer holds is left out.
    """
    if not isinstance(candidates, list | None) or not all(isinstance(c, Mapping) for c in candidates or ()):
        raise SettingsError(f"start: must be a list of mappings such as [{{size.pixels: 128}}], got {candidates!r}")
    kept = []
    for candidate in candidates or ():
        held = {name: value for name, value in candidate.items() if not narrowed or _holds(space, name, value)}
        if not any(is_deployed(name) for name in candidate.keys() - held.keys()):
            space.check(held)
            kept.append(held)
    return tuple(kept)


def carried_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a composed line.

    Raises:
        SettingsError: it is no list of names, or one stands there twice.
    """
    names = config[CARRY_KEY] if CARRY_KEY in config else base_values()[CARRY_KEY]
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise SettingsError(f"carry: must be a list of detectors, as carry='[shelves:12, exported]', got {names!r}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SettingsError(f"carry: '{twice[0]}' stands there twice; name it once")
    return tuple(names)


def _holds(space: SearchSpace, name: str, value: Any) -> bool:
    return name in space.domains and value in space.domains[name]
