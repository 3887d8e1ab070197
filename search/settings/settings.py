"""Settings: Hydra's config tree and the command line, composed, checked and frozen.

Defaults stand in `conf/` alone. A record's own default is None, where that is no bound at all.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from objectives.data.splits.splitting import Splitting
from objectives.deploy.device import Device
from objectives.latency.hosts.queue import QueueSettings
from objectives.latency.protocol import LatencyProtocol
from objectives.records.gate import Gate
from search.settings.baseline import BaselineSettings
from search.settings.choices import PrunerSettings, SamplerSettings
from search.settings.cluster.cluster_settings import ClusterSettings
from search.settings.compose import base_values, compose_config
from search.settings.devices import OF_SEVERAL, check_steer, placed_gate, read_several
from search.settings.loggers.logger_settings import LOGGER, LoggerSettings
from search.settings.machines.gpu import GpuSettings
from search.settings.machines.store import StoreSettings
from search.settings.precision_check import check_quantiser
from search.settings.proof_settings import ProofSettings
from search.settings.sections import read_section
from search.settings.start import CARRY_KEY, carried_names, known_candidates
from spaces.errors import SettingsError, nearest
from spaces.network.backbones import check_backbones
from spaces.network.family import check_elastic, check_precision
from spaces.network.own import check_necks
from spaces.space import SearchSpace
from spaces.vocabulary import check_vocabulary

EXPERIENCES = ("shipped+own", "shipped", "own", "none")  # what a study may start from
DATA_CHECKS = ("strict", "warn", "off")
EMBEDDED = "embedded"  # data.root of the rendered shelves


@dataclass(frozen=True)
class DataSettings:
    """Where the data set is, and how it is read.

    Attributes:
        root: a folder, one annotation file, or "embedded".
        format: name of a format; "auto" looks at what is there.
        split: the split that trials are scored on.
        detections_max: boxes of an image that are kept, scored and deployed; None follows the data.
        check: what a search does about faults that are found first, one of DATA_CHECKS.
        splits: how images come to their splits, one of SPLIT_WAYS.
        group: regular expression that finds in the path of an image what must not be in two splits, or None.
        time: regular expression that finds there when an image was taken, for splits by time.
        fold: the part that is scored, "2/5", for splits by folds.
        splits_seed: of all chance in splits that are made.
        reading: which of several readings of the folder; "all" puts them together, None where there is one.
        reader: a reader of the user's own by `_target_`, and its own settings; `_target_` is None for the formats.
    """

    root: str
    format: str
    split: str
    detections_max: int | None
    check: str
    splits: str
    group: str | None
    time: str | None
    fold: str | None
    splits_seed: int
    reading: str | None
    reader: dict[str, Any] | None

    def __post_init__(self) -> None:
        if self.check == "False":  # what YAML reads where a file says `check: off`
            object.__setattr__(self, "check", "off")
        if self.check not in DATA_CHECKS:
            hint = nearest(self.check, DATA_CHECKS)
            raise SettingsError(f"data.check: unknown choice '{self.check}'{hint}; known: {', '.join(DATA_CHECKS)}")
        if self.detections_max is not None and self.detections_max < 1:
            raise SettingsError(f"data.detections_max: must be 1 or more, or null, got {self.detections_max}")
        _ = self.splitting

    @property
    def splitting(self) -> Splitting:
        """How images come to their splits."""
        return Splitting(self.splits, self.group, self.time, self.fold, self.splits_seed)


@dataclass(frozen=True)
class BudgetSettings:
    """Total budget over every run of the same line."""

    trials: int
    hours: float | None = None

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise SettingsError(f"budget.trials: must be 1 or more, got {self.trials}")
        if self.hours is not None and not self.hours > 0:
            raise SettingsError(f"budget.hours: must be positive or null, got {self.hours}")


@dataclass(frozen=True)
class TrialSettings:
    """How long a trial trains, and on what."""

    epochs: int | None
    images_seen: int
    full_epochs: int | None
    polish: float
    polish_first: int
    evaluate_every: int
    train_device: str
    workers: int
    cache_mb: int
    timeout_s: float | None
    silence_s: float
    memory_mb: int | None
    processes_max: int
    backend: str
    run: str
    score: str

    def __post_init__(self) -> None:
        for name in ("epochs", "full_epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"trial.{name}: must be 1 or more, or null, got {value}")
        for name in ("timeout_s", "silence_s", "memory_mb", "processes_max"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingsError(f"trial.{name}: must be positive, got {value}")
        if not 0 <= self.polish <= 1:
            raise SettingsError(f"trial.polish: must be a share of a training's epochs, 0 to 1, got {self.polish}")
        if self.polish_first < 0:
            raise SettingsError(f"trial.polish_first: must be 0 or more carried detectors, got {self.polish_first}")
        if self.images_seen < 1:
            raise SettingsError(f"trial.images_seen: must be 1 or more, got {self.images_seen}")

    def epochs_for(self, train_images: int) -> int:
        """Return the epochs of a trial: as set, or as many as `images_seen` asks for (2 to 300)."""
        return self.epochs or min(300, max(2, round(self.images_seen / max(1, train_images))))


@dataclass(frozen=True)
class PretrainedSettings:
    """Where published weights are looked for first: a folder with files by their published names; None for none."""

    folder: str | None

    def __post_init__(self) -> None:
        if self.folder is not None:  # an export is read from another folder
            object.__setattr__(self, "folder", str(Path(self.folder).expanduser().absolute()))


@dataclass(frozen=True)
class Settings:
    """Everything that a search is given.

    Attributes:
        device: that the search is for; of several, the one that is named first.
        start: partial candidates to try first.
        carry: names of detectors of other studies that a new study begins with, as they were given.
        cluster: where its workers are started; no part of the study.
        logger: other tools that it reports to; no part of the study.
        devices: of a study of several, all of them; else empty.
        steer: whose latency the engine goes by: "first", or "worst", as of `search.engine.steering`.
    """

    name: str
    seed: int
    data: DataSettings
    device: Device
    latency: LatencyProtocol
    queue: QueueSettings
    gate: Gate
    budget: BudgetSettings
    trial: TrialSettings
    gpu: GpuSettings
    sampler: SamplerSettings
    pruner: PrunerSettings
    proof: ProofSettings
    pretrained: PretrainedSettings
    store: StoreSettings
    cluster: ClusterSettings
    logger: LoggerSettings
    space: SearchSpace
    start: tuple[dict[str, Any], ...]
    carry: tuple[str, ...]
    baseline: BaselineSettings
    workers: int
    experience: str
    devices: tuple[Device, ...]
    steer: str

    def __post_init__(self) -> None:
        if self.devices and self.devices[0] != self.device:
            raise SettingsError(f"devices: the first must be device={self.device.name}, got {self.devices[0].name}")
        object.__setattr__(self, "gate", placed_gate(self.gate, self.device, self.devices))
        check_steer(self.steer, self.gate, self.devices)
        if self.experience not in EXPERIENCES:
            known = ", ".join(EXPERIENCES)
            hint = nearest(str(self.experience), EXPERIENCES)
            raise SettingsError(f"experience: unknown choice '{self.experience}'{hint}; known: {known}")
        if self.gate.images_per_s_min is not None:  # what the gate bounds is measured
            object.__setattr__(self, "latency", dataclasses.replace(self.latency, throughput=True))
        if self.workers < 1:
            raise SettingsError(f"workers: must be 1 or more, got {self.workers}")
        if not self.name or set(self.name) & set("/\\\0") or self.name.startswith("."):
            raise SettingsError(f"name: must be a plain folder name, got {self.name!r}")

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return Path(self.store.folder).expanduser().absolute() / self.name

    @property
    def targets(self) -> tuple[Device, ...]:
        """The devices that detectors are searched for, the one that is named first before the others."""
        return self.devices or (self.device,)

    @property
    def is_for_all(self) -> bool:
        """Whether one detector is wanted for all devices."""
        return bool(self.devices) and self.steer == "worst"

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values; the space as dimension name to domain text."""
        values: dict[str, Any] = {
            key: value if isinstance(value, str | int) else _json(value)
            for key, value in vars(self).items()
            if key not in ("space", "start", CARRY_KEY, "cluster", LOGGER, *OF_SEVERAL)
        }
        if self.devices:  # a study of one device is stored as it was before there were others
            values |= {"devices": [asdict(device) for device in self.devices], "steer": self.steer}
        if self.carry:  # likewise
            values[CARRY_KEY] = list(self.carry)
        return {**values, "space": self.space.to_json(), "start": json.loads(json.dumps(self.start))}


SECTIONS: dict[str, type[Any]] = {
    "data": DataSettings,
    "device": Device,
    "latency": LatencyProtocol,
    "queue": QueueSettings,
    "gate": Gate,
    "budget": BudgetSettings,
    "trial": TrialSettings,
    "gpu": GpuSettings,
    "proof": ProofSettings,
    "pretrained": PretrainedSettings,
    "store": StoreSettings,
    "cluster": ClusterSettings,
}


def load_settings(arguments: Sequence[str]) -> Settings:
    """Compose settings from a command line: `conf=NAME` or `conf=PATH`, then Hydra overrides.

    Raises:
        AutomlError: a preset, a key or a value is wrong; one line says which and what to do.
    """
    config = compose_config(arguments)
    _check_keys(config)
    sections = read_sections(config)
    space = SearchSpace.from_config(config["space"])
    check_vocabulary(space)
    check_elastic(space)
    check_precision(space)
    check_backbones(space)
    check_necks(space)
    narrowed = any(argument.lstrip("+~").startswith("space") for argument in arguments)
    start = known_candidates(config.get("start"), space, narrowed=narrowed)
    sections[CARRY_KEY] = carried_names(config)
    sections["baseline"] = BaselineSettings.from_config(config, arguments)
    seed = config["seed"]
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise SettingsError(f"seed: must be a whole number of 0 or more, got {seed!r}")
    workers = config["workers"] if "workers" in config else base_values()["workers"]
    if not isinstance(workers, int) or isinstance(workers, bool):
        raise SettingsError(f"workers: must be a whole number of 1 or more, got {workers!r}")
    sections |= read_several(config)
    check_quantiser(space, [one.runtime for one in sections["devices"] or (sections["device"],)])
    sections["experience"] = str(config["experience"] if "experience" in config else base_values()["experience"])
    return Settings(name=str(config["name"]), seed=seed, space=space, start=start, workers=workers, **sections)


def read_sections(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of a config, each checked; what it leaves out is as `conf/` has it."""
    sections: dict[str, Any] = {key: read_section(cls, key, config.get(key)) for key, cls in SECTIONS.items()}
    sections["sampler"] = SamplerSettings.from_config(config.get("sampler"))
    sections["pruner"] = PrunerSettings.from_config(config.get("pruner"))
    sections[LOGGER] = LoggerSettings.from_config(config.get(LOGGER))
    return sections


def _check_keys(config: Mapping[str, Any]) -> None:
    """Check the outermost keys: all known, so that no typo in a file is passed over, and the needed ones there."""
    known = [f.name for f in dataclasses.fields(Settings)]
    for key in config:
        if key not in known:
            raise SettingsError(f"unknown setting '{key}'{nearest(str(key), known)}; known: {', '.join(known)}")
    for key in ("name", "seed", "space"):
        if config.get(key) is None:
            raise SettingsError(f"{key}: needs a value; give {key}=...")


def _json(section: Any) -> dict[str, Any] | str:
    """Return a section as JSON values."""
    own = SamplerSettings | PrunerSettings | BaselineSettings | Gate
    return section.to_json() if isinstance(section, own) else asdict(section)
