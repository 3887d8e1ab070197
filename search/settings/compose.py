"""The command line to a composed config: presets by name or path, Hydra's overrides, sweeps as domains."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from search.settings.class_bounds import put_class_bounds, take_class_bounds
from search.settings.devices_line import COMPOSED_AT, names_of, overrides_for, put_devices, take_of_devices
from spaces.errors import SettingsError, SpaceError, nearest
from spaces.vocabulary import VOCABULARY

CONF = Path(__file__).resolve().parents[2] / "conf"
DEFAULT_PRESET = "retail"
# Taken as they are: `~`, commas and spaces too.
PATHS = (
    *("data.root", "data.reading", "pretrained.folder", "store.folder", "store.url", "store.artifacts"),
    *("cluster.address", "cluster.logs"),
    *("logger.tensorboard.folder", "logger.mlflow.uri", "logger.wandb.folder"),
)
NAME_KEY = "name"  # taken as it is, too, where Hydra would read more into it than a word or a number


def presets() -> list[str]:
    """Return the names of the presets."""
    return sorted(path.stem for path in CONF.glob("*.yaml") if path.stem != "base")


def compose_config(arguments: Sequence[str]) -> dict[str, Any]:
    """Compose a config from `conf=NAME|PATH` and Hydra overrides; return plain mappings.

    A sweep (`space.size.pixels=range(160, 416, 32)`) replaces the dimension's domain: it is passed on as text.

    Raises:
        SettingsError: the preset, a key, a group option or the grammar is wrong.
    """
    import yaml
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

    arguments, class_bounds = take_class_bounds(arguments)
    said = take_of_devices(arguments)
    preset, overrides = _split(said.others)
    folder, name = _find(preset)
    translated = [_translate(override) for override in overrides]
    search = _search_path(folder)
    try:
        with initialize_config_dir(str(folder), version_base="1.3"):
            config = compose(name, overrides=[*search, *translated])
            plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
            if names := names_of(plain, overrides, said):  # type: ignore[arg-type]  # a mapping with text keys
                overrides = [*overrides, *overrides_for(names, said)]
                config = compose(name, overrides=[*search, *translated, *overrides_for(names, said)])
                plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise SettingsError(f"{error.full_key}: needs a value; give {error.full_key}=...") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"conf: {' '.join(str(error).split())}") from None
    except (HydraException, OmegaConfBaseException, ValueError) as error:  # Hydra's own checks raise ValueError too
        raise _explain(error, folder, name, search, overrides) from None
    put_class_bounds(plain, class_bounds)  # type: ignore[arg-type]  # a mapping with text keys
    put_devices(plain, names, said)  # type: ignore[arg-type]  # likewise
    return plain  # type: ignore[return-value]  # likewise


def default_values(section: str, option: object = None) -> dict[str, Any]:
    """Return what `conf/` says of a section: it is the one place of defaults.

    Args:
        section: "latency", "pruner", ...
        option: for a section with a config group, the option that is meant; one that the group does not have, or
            None, stands for the one that `conf/base.yaml` names.
    """
    base = base_values()
    if section in base:
        return dict(base[section])
    options = {path.stem: path for path in (CONF / section).glob("*.yaml")}
    named = {group: chosen for line in base["defaults"] if isinstance(line, dict) for group, chosen in line.items()}
    return _read(options[str(option) if option in options else named[section]])


def base_values() -> dict[str, Any]:
    """Return what `conf/base.yaml` holds, its list of groups under `defaults`."""
    return _read(CONF / "base.yaml")


def _read(path: Path) -> dict[str, Any]:
    import yaml

    return dict(yaml.safe_load(path.read_text()))


def _split(arguments: Sequence[str]) -> tuple[str, list[str]]:
    named = [a.split("=", 1)[1] for a in arguments if a.startswith("conf=")]
    if len(named) > 1:
        raise SettingsError(f"conf: may be given once, got {', '.join(named)}")
    return named[0] if named else DEFAULT_PRESET, [a for a in arguments if not a.startswith("conf=")]


def _find(preset: str) -> tuple[Path, str]:
    path = Path(preset).expanduser()
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise SettingsError(f"conf: no such file '{preset}'")
        return path.absolute().parent, path.stem
    if preset not in presets():
        known = ", ".join(presets())
        raise SettingsError(f"conf: unknown preset '{preset}'{nearest(preset, presets())}; known: {known}; or a path")
    return CONF, preset


def own_folder() -> Path | None:
    """Return `conf/` in the working folder, whose groups stand beside those here (`conf/device/pi5.yaml`)."""
    own = Path.cwd() / "conf"
    return own if own.is_dir() and own.resolve() != CONF else None


def _search_path(folder: Path) -> list[str]:
    """Return the override that names the folders behind a preset's own; of two options of one name the first counts."""
    behind = [own_folder(), CONF]
    urls = [quoted(f"file://{path}") for path in behind if path is not None and path != folder]
    return [f"hydra.searchpath=[{','.join(urls)}]"] if urls else []


def _translate(override: str) -> str:
    """Turn a sweep over a dimension into a text value, which is what the config holds."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    override = _quote_text(override)
    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException as error:
        key, _, value = override.partition("=")
        if key.lstrip("+").startswith("space.") and ("empty choice" in str(error) or "choice()" in value):
            raise SpaceError(f"{key}: choice: needs at least one value, got none") from None
        reason = str(error).splitlines()[0]
        raise SettingsError(f"'{override}' is not in Hydra's override grammar ({reason})") from None
    if not parsed.is_sweep_override():
        return override
    key, _, value = override.partition("=")
    if not key.lstrip("+").startswith("space."):
        raise SettingsError(f"'{override}' sweeps a setting; only dimensions (space.*) have several values")
    value = f"choice({value})" if getattr(parsed.value(), "simple_form", False) and "(" not in value else value
    return f"{key}={quoted(value)}"


def _quote_text(override: str) -> str:
    """Quote a path or a study's name, which need not follow Hydra's grammar; interpolations still work."""
    key, equals, value = override.partition("=")
    if key not in (*PATHS, NAME_KEY) or value in ("", "null", "???") or value[0] in "'\"":
        return override
    if key == NAME_KEY and _is_word(override):
        return override
    return f"{key}{equals}{quoted(value)}"


def name_override(name: str) -> str:
    """Return the override that gives a study exactly this name."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    override = f"{NAME_KEY}={name}"
    if name and not name[0].isspace() and name[0] not in "'\"":
        read = OverridesParser.create().parse_override(_quote_text(override)).value()
        if str(read) == name and read is not None:
            return override
    return f"{NAME_KEY}={quoted(name)}"


def _is_word(override: str) -> bool:
    """Whether Hydra reads a value as a single word or number."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_override(override)
        return not parsed.is_sweep_override() and isinstance(parsed.value(), str | int | float)
    except HydraException:
        return False


def quoted(text: str) -> str:
    """Return a text in Hydra's quotes, in which a backslash means something before a quote alone."""
    escaped = re.sub(r"(\\*)('|\Z)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), text)
    return f"'{escaped}'"


def _explain(error: Exception, folder: Path, name: str, search: list[str], overrides: list[str]) -> SettingsError:
    """Turn Hydra's error into one line that names the nearest valid key or option."""
    known = _known_keys(folder, name, search)
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0].partition("@")[0]
        if "/" in key or key in _groups():
            option = override.partition("=")[2]
            options = [p.stem for p in (CONF / key).glob("*.yaml")]
            if not options:
                return SettingsError(f"unknown config group '{key}'{nearest(key, _groups())}")
            own = [path / key / f"{option}.yaml" for path in (folder, own_folder()) if path is not None]
            if option not in options and not any(path.exists() for path in own):
                text = ", ".join(sorted(options))
                return SettingsError(f"{key}: unknown option '{option}'{nearest(option, options)}; known: {text}")
        elif key.startswith(f"{COMPOSED_AT}."):
            _, name, setting = key.split(".", 2)
            if f"device.{setting}" not in known and not override.startswith("+"):
                options = [one.removeprefix("device.") for one in known if one.startswith("device.")]
                return SettingsError(f"unknown setting 'devices.{name}.{setting}'{nearest(setting, options)}")
        elif known and key not in known and not override.startswith("+"):
            if key.removeprefix("space.") in VOCABULARY:
                return SettingsError(f"'{key}' is not in this space; add it with '+{override}'")
            what, hint = "dimension" if key.startswith("space.") else "setting", nearest(key, known)
            return SettingsError(f"unknown {what} '{key}'{hint or '; see conf/base.yaml'}")
    return SettingsError(f"conf: {' '.join(str(error).split())[:300]}")


def _known_keys(folder: Path, name: str, search: list[str]) -> list[str]:
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf

    try:
        with initialize_config_dir(str(folder), version_base="1.3"):
            config = compose(name, overrides=search)
    except HydraException:
        return []
    return list(_flatten(OmegaConf.to_container(config), ""))  # type: ignore[arg-type]  # a mapping


def _flatten(values: Mapping[Any, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping) and key != "when":
            yield from _flatten(value, f"{prefix}{key}.")


def _groups() -> list[str]:
    """Return the groups of a search: a pipeline's presets are none."""
    folders = (p for p in CONF.rglob("*") if p.is_dir() and any(p.glob("*.yaml")))
    return [str(p.relative_to(CONF)) for p in folders if p.name != "pipeline"]
