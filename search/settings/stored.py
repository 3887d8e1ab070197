"""Settings of a study as its store keeps them, with changes that leave its contract alone."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from search.settings.baseline import KEY, BaselineSettings
from search.settings.compose import PATHS, base_values
from search.settings.devices import read_several
from search.settings.settings import EMBEDDED, SECTIONS, Settings, read_sections
from search.settings.start import CARRY_KEY
from spaces.errors import SettingsError, nearest
from spaces.network.baseline import NO_BASELINE
from spaces.space import SearchSpace


def stored_settings(
    name: str,
    stored: Mapping[str, Any],
    data_root: str,
    folder: str,
    url: str | None,
    changes: Mapping[str, Any],
) -> Settings:
    """Return the settings of a study, to work on it as its own line would.

    Args:
        name: of the study.
        stored: its settings, nested; what an older automl did not keep is as `conf/` has it.
        data_root: where its data set lay last.
        folder: where studies live now.
        url: of the store, or None; the stored one lacks its password.
        changes: "section.key" to value, or "workers".

    Raises:
        SettingsError: a value does not fit.
        SpaceError: the space was written by an older automl, in another grammar.
    """
    config: dict[str, Any] = {key: value for key, value in stored.items() if key in (*SECTIONS, "sampler", "pruner")}
    config = {key: dict(value) for key, value in config.items()}
    if config["data"]["root"] != EMBEDDED:
        config["data"]["root"] = data_root
    config["store"] = {**config.get("store", {}), "folder": folder, "url": url}
    top = {"workers": stored.get("workers", 1), "experience": stored.get("experience", base_values()["experience"])}
    for key, value in changes.items():
        section, dot, field = key.partition(".")
        if dot:
            config.setdefault(section, {})[field] = value
        else:
            top[key] = value
    return Settings(
        name=name,
        seed=stored["seed"],
        space=SearchSpace.from_json(stored["space"]),
        start=tuple(dict(one) for one in stored.get("start", ())),
        baseline=BaselineSettings.from_config({KEY: stored.get(KEY, NO_BASELINE)}, ()),
        carry=tuple(stored.get(CARRY_KEY, ())),
        **top,
        **read_sections(config),
        **read_several(stored),
    )


def read_changes(command: str, arguments: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    """Read `key=value` words of a line; values are YAML, those of paths as they are.

    Args:
        command: for the messages.
        arguments: the words.
        known: the keys that the command takes.

    Raises:
        SettingsError: a word is no setting, a key is unknown, or a value is missing.
    """
    import yaml

    found: dict[str, Any] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if key not in known:
            raise SettingsError(f"{command}: unknown setting '{key}'{nearest(key, known)}; known: {', '.join(known)}")
        if not equals or not text:
            raise SettingsError(f"{command}: {key} needs a value, got '{argument}'; give {key}=...")
        try:
            found[key] = text if key in PATHS and text != "null" else yaml.safe_load(text)
        except yaml.YAMLError:
            raise SettingsError(f"{command}: {key} is no value, got '{text}'") from None
        if key == "workers" and (type(found[key]) is not int):
            raise SettingsError(f"{command}: workers must be a whole number of 1 or more, got '{text}'")
        if re.fullmatch(r"proof\.epochs", key) and found[key] is not None:
            found[key] = str(found[key])
    return found
