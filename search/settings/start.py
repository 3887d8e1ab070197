"""Candidates that are tried first, as a preset names them, held against the space of the line."""

from collections.abc import Mapping
from typing import Any

from spaces.errors import SettingsError
from spaces.space import SearchSpace
from spaces.vocabulary import is_deployed


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


def _holds(space: SearchSpace, name: str, value: Any) -> bool:
    return name in space.domains and value in space.domains[name]
