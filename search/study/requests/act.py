"""Carries out what somebody asks of a study."""

from collections.abc import Mapping
from typing import Any

from spaces.errors import AutomlError


def act(name: str, folder: str, store: str | None, request: Mapping[str, Any]) -> str:
    """Carry out one request and return a line of what was done.

    Raises:
        AutomlError: it cannot be carried out.
    """
    raise AutomlError(f"{request.get('action')}: is not there yet")
