"""Settings of a pipeline: a preset of `conf/pipeline/` or a path, and Hydra's overrides."""

from dataclasses import dataclass
from pathlib import Path

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

    Raises:
        SettingsError: the preset, a key, or a value is wrong.
    """
    raise NotImplementedError
