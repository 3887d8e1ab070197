"""Settings of a pipeline: a preset of `conf/pipeline/` or a path, and Hydra's overrides."""

from dataclasses import dataclass, is_dataclass, make_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from search.settings.pipeline.compose_pipeline import compose_pipeline
from search.settings.pipeline.parts import (
    AgainSettings,
    FirstData,
    HookSettings,
    JudgeSettings,
    LabellingSettings,
    MonitoringSettings,
    PipelineStore,
    RolloutSettings,
    StreamSettings,
    TriggerSettings,
    VersionSettings,
)
from spaces.errors import SettingsError, nearest

PATHS_OF_GROUPS = {
    "data": ("root",),
    "stream": ("images", "labels", "predictions"),
    "monitoring": ("prometheus",),
}


@dataclass(frozen=True)
class PipelineSettings:
    """All that `automl operate` reads.

    Attributes:
        name: of the pipeline.
        folder: in which pipelines live; this one in the folder of its name.
        deployments: folder in which `NAME/current` names the version that serves.
    """

    name: str
    folder: str
    deployments: str
    store: PipelineStore
    data: FirstData
    stream: StreamSettings
    labelling: LabellingSettings
    versions: VersionSettings
    triggers: TriggerSettings
    search: AgainSettings
    gates: JudgeSettings
    rollout: RolloutSettings
    hooks: HookSettings
    monitoring: MonitoringSettings

    def __post_init__(self) -> None:
        if not self.name or set(self.name) & set("/\\\0") or self.name.startswith("."):
            raise SettingsError(f"name: must be a plain folder name, got {self.name!r}")

    @property
    def root(self) -> Path:
        """The pipeline's folder."""
        return Path(self.folder).expanduser().absolute() / self.name

    @property
    def deployed(self) -> Path:
        """The folder of its deployments."""
        return Path(self.deployments).expanduser().absolute() / self.name


def load_pipeline(arguments: list[str]) -> PipelineSettings:
    """Compose and check the settings of a pipeline from `pipeline=NAME|PATH` and overrides.

    Paths that begin with `~` are expanded.

    Raises:
        SettingsError: the preset, a key, or a value is wrong.
    """
    return read_pipeline(compose_pipeline(arguments))


def read_pipeline(values: dict[str, Any]) -> PipelineSettings:
    """Check keys, types and values of a pipeline's settings.

    Raises:
        SettingsError: a key is unknown or missing, or a value is wrong.
    """
    _check_keys(PipelineSettings, values, "")
    made: PipelineSettings = _made(PipelineSettings, _expanded(values), "")
    return made


def _made(cls: Any, values: dict[str, Any], prefix: str) -> Any:
    """Make a record of its values, converted to its types, and the records within it."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    kinds = get_type_hints(cls)
    groups = {key: _made(kind, values[key], f"{prefix}{key}.") for key, kind in kinds.items() if is_dataclass(kind)}
    plain = make_dataclass("plain", [(key, kind) for key, kind in kinds.items() if key not in groups])
    given = {key: value for key, value in values.items() if key not in groups}
    try:
        checked = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(plain), given))
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or getattr(error, "key", None)
        raise SettingsError(f"{prefix}{key or 'pipeline'}: {str(error).splitlines()[0]}") from None
    return cls(**vars(checked), **groups)


def _check_keys(cls: Any, values: Any, prefix: str) -> None:
    """Check that a group has the keys of its record, and so do the groups within it."""
    if not isinstance(values, dict):
        raise SettingsError(f"{prefix.rstrip('.')}: must be a group of settings, got {values!r}")
    fields = get_type_hints(cls)
    for key in values:
        if key not in fields:
            known = ", ".join(fields)
            raise SettingsError(f"unknown setting '{prefix}{key}'{nearest(str(key), fields)}; known: {known}")
    for key, kind in fields.items():
        if key not in values:
            raise SettingsError(f"{prefix}{key}: needs a value; presets begin with `defaults: [base, _self_]`")
        if is_dataclass(kind):
            _check_keys(kind, values[key], f"{prefix}{key}.")


def _expanded(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with `~` of paths expanded."""
    found = {**values}
    for group, names in PATHS_OF_GROUPS.items():
        paths = {name: found[group][name] for name in names}
        texts = {name: str(Path(path).expanduser()) for name, path in paths.items() if str(path).startswith("~")}
        found[group] = {**found[group], **texts}
    return found
