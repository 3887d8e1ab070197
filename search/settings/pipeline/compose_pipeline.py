"""The line of a pipeline to plain values: presets of `conf/pipeline/` by name or path, Hydra's overrides."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search.settings.compose import CONF, own_folder, quoted
from search.settings.pipeline.asked import check_asked
from spaces.errors import SettingsError, nearest

PIPELINE_KEY = "pipeline"
PIPELINES = CONF / PIPELINE_KEY
# Texts in which Hydra would read more than a text: paths, cron expressions, regular expressions, lines for the shell.
TEXT_KEYS = (
    *("name", "folder", "deployments", "store.url", "data.root", "search.conf", "triggers.cron"),
    *(f"stream.{name}" for name in ("images", "labels", "predictions", "time", "time_format", "group", "privacy")),
    *(f"hooks.{name}" for name in ("labels_asked", "rollout_begun", "promoted", "rolled_back", "alert")),
    *(f"monitoring.{name}" for name in ("prometheus", "listen", "webhook")),
)
LINE_KEYS = ("search.first", "search.again", "gates.overrides", "data.overrides")  # lists of overrides of a search

FREE = "gates.critical"  # a mapping of names that are the user's


def pipelines() -> list[str]:
    """Return the names of the presets: ours, and those of `conf/pipeline/` in the working folder."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.yaml")} - {"base"})


def compose_pipeline(arguments: Sequence[str]) -> dict[str, Any]:
    """Compose a pipeline's values from `pipeline=NAME|PATH` and Hydra overrides; return plain mappings.

    Raises:
        SettingsError: the preset, a key or the grammar is wrong, or a value is missing.
    """
    import yaml
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

    preset, overrides = _split(arguments)
    folder, name = _find(preset)
    search = [f"hydra.searchpath=[{quoted(f'file://{PIPELINES}')}]"] if folder != PIPELINES else []
    lines = [_readable(override) for override in overrides]
    try:
        with initialize_config_dir(str(folder), version_base="1.3"):
            config = compose(name, overrides=[*search, *lines])
            check_asked(folder / f"{name}.yaml", PIPELINES, overrides)
            return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]  # text keys
    except MissingMandatoryValue as error:
        raise SettingsError(f"{error.full_key}: needs a value; give {error.full_key}=...") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{PIPELINE_KEY}: {' '.join(str(error).split())}") from None
    except (HydraException, OmegaConfBaseException, ValueError) as error:  # Hydra's own checks raise ValueError too
        raise _explained(error, overrides) from None


def _folders() -> list[Path]:
    own = own_folder()
    return [PIPELINES] if own is None else [PIPELINES, own / PIPELINE_KEY]


def _split(arguments: Sequence[str]) -> tuple[str, list[str]]:
    named = [a.split("=", 1)[1] for a in arguments if a.startswith(f"{PIPELINE_KEY}=")]
    if len(named) != 1:
        known = ", ".join([*pipelines(), "base"])
        came = "it was given more than once" if named else "it was not given"
        raise SettingsError(f"pipeline: names the preset, once: pipeline=NAME or a path; {came}; known: {known}")
    if strange := next((a for a in arguments if "=" not in a), None):
        raise SettingsError(f"'{strange}' is no override; give KEY=VALUE, as rollout.hours=48")
    return named[0], [a for a in arguments if not a.startswith(f"{PIPELINE_KEY}=")]


def _find(preset: str) -> tuple[Path, str]:
    path = Path(preset).expanduser()
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise SettingsError(f"{PIPELINE_KEY}: no such file '{preset}'")
        return path.absolute().parent, path.stem
    for folder in _folders():
        if preset and (folder / f"{preset}.yaml").is_file():
            return folder, preset
    known = [*pipelines(), "base"]
    raise SettingsError(
        f"{PIPELINE_KEY}: unknown preset '{preset}'{nearest(preset, known)}; known: {', '.join(known)}; or a path"
    )


def _readable(override: str) -> str:
    """Quote what Hydra's grammar would not take as it is, and check that it takes the rest."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    key, _, value = override.partition("=")
    if key in TEXT_KEYS and value not in ("", "null", "???") and value[0] not in "'\"":
        override = f"{key}={quoted(value)}"
    elif key in LINE_KEYS:
        override = f"{key}={_quoted_lines(value)}"
    if key.startswith(FREE):
        override = f"++{override}"
    try:
        if not OverridesParser.create().parse_override(override).is_sweep_override():
            return override
    except HydraException as error:
        raise SettingsError(f"'{override}' is not in Hydra's override grammar ({str(error).splitlines()[0]})") from None
    raise SettingsError(f"'{override}' sweeps a setting; one of a pipeline has one value")


def _quoted_lines(text: str) -> str:
    """Quote the overrides of a list that Hydra's grammar would not take: `[trial.epochs=4,budget.trials=6]`."""
    if not (text.startswith("[") and text.endswith("]")) or any(mark in text for mark in "'\""):
        return text
    parts = [part.strip() for part in re.split(r",(?![^(\[]*[)\]])", text[1:-1])]
    return f"[{','.join(quoted(part) for part in parts if part)}]"


def _explained(error: Exception, overrides: Sequence[str]) -> SettingsError:
    """Turn Hydra's error into one line that names the nearest key."""
    import yaml

    known = keys_of(yaml.safe_load((PIPELINES / "base.yaml").read_text()))
    for override in overrides:
        key = re.split("[=@]", override.lstrip("+~"))[0]
        if key not in known and not override.startswith("+"):
            return SettingsError(f"unknown setting '{key}'{nearest(key, known) or '; see conf/pipeline/base.yaml'}")
    return SettingsError(f"{PIPELINE_KEY}: {' '.join(str(error).split())[:300]}")


def keys_of(values: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the dotted keys of nested values, groups too."""
    inside = [k for key, v in values.items() if isinstance(v, dict) for k in keys_of(v, f"{prefix}{key}.")]
    return [*(f"{prefix}{key}" for key in values), *inside]
