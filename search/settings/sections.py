"""One section of the settings, as a frozen record: types checked, what is left out as `conf/` has it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from search.settings.compose import default_values
from spaces.errors import AutomlError, SettingsError, nearest

Section = TypeVar("Section")


def read_section(cls: type[Section], name: str, values: Mapping[str, Any] | None = None) -> Section:
    """Read one section, converting and checking the types of its values.

    What is left out, by a group of the user's own or in what an older automl wrote, is as `conf/` has it.

    Raises:
        SettingsError: a key is unknown, or a value is of another type.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    if not isinstance(values, Mapping | None):
        raise SettingsError(f"{name}: must be a group of settings, got {values!r}")
    fields = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]  # every section is a dataclass
    for key in values or {}:
        if key not in fields:
            raise SettingsError(
                f"unknown setting '{name}.{key}'{nearest(str(key), fields)}; known: {', '.join(fields)}"
            )
    given = dict(values or {})
    if given.keys() < set(fields):
        given = default_values(name, given.get("name")) | given
    try:
        schema = OmegaConf.structured(cls)
        OmegaConf.set_readonly(schema, False)
        return OmegaConf.to_object(OmegaConf.merge(schema, given))  # type: ignore[return-value]  # an instance of cls
    except OmegaConfBaseException as error:
        if isinstance(error.__cause__, AutomlError):
            raise error.__cause__ from None
        inside = getattr(error, "full_key", None) or getattr(error, "key", None)
        key = f"{name}.{inside}" if inside else name
        raise SettingsError(f"{key}: {str(error).splitlines()[0]}") from None
