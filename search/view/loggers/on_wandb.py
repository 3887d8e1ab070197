"""Weights & Biases: a run a trial and one for the study, in one group; offline unless the user says otherwise.

The client is an extra, imported by the logger's own thread.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.view.loggers.contract import LoggedEnd, LoggedResult, LoggedStudy, LoggedTrial, StudyLogger

PROJECT, OFFLINE, MODES = "automl", "offline", ("offline", "online", "disabled", "shared")
NO_KEY = "no API key; `wandb login`, or WANDB_API_KEY, or logger.wandb.mode=offline"


class WandbLogger(StudyLogger):
    """Writes runs of Weights & Biases: their ids are the study's key and the trial's number, so that they go on.

    A run that goes on offline is a folder of its own with the same id; `wandb sync` puts the folders together.
    """

    def __init__(
        self,
        project: str | None = None,
        entity: str | None = None,
        mode: str | None = None,
        folder: str | None = None,
    ) -> None:
        """Prepare; each None stands for WANDB_PROJECT, WANDB_ENTITY, WANDB_MODE, WANDB_DIR, and then for a default."""
        self._project = project or os.environ.get("WANDB_PROJECT") or PROJECT
        self._entity = entity
        self._mode = mode or os.environ.get("WANDB_MODE") or OFFLINE
        self._folder = folder or os.environ.get("WANDB_DIR")
        if self._mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got '{self._mode}'")
        self._study: LoggedStudy
        self._runs: dict[str, Any] = {}  # under way, by name

    def open(self, study: LoggedStudy) -> None:
        """Look for a key, if one is needed; nobody is asked for one while a search runs."""
        import wandb

        self._study = study
        if self._mode in ("online", "shared"):
            wandb.setup(settings=wandb.Settings(silent=True))
            if not wandb.login(prompt=False):
                raise ConnectionRefusedError(NO_KEY)

    def trial_started(self, trial: LoggedTrial) -> None:
        """Begin the trial's run, or go on with it."""
        self._run_of(trial)

    def scalars(self, trial: LoggedTrial, epoch: int, values: Mapping[str, float]) -> None:
        """Log figures of the training against the epoch."""
        self._run_of(trial).log({"epoch": epoch, **values})

    def trial_ended(self, trial: LoggedTrial, end: LoggedEnd) -> None:
        """Write the figures as the run's summary, and end the run for now."""
        run = self._run_of(trial)
        run.summary.update({**end.values, **end.tags})
        run.finish(exit_code=1 if end.standing == "failed" else 0)
        self._runs.pop(trial.name, None)

    def result(self, result: LoggedResult) -> None:
        """Log the front as a table and the figures to the study's run."""
        import wandb

        config = {**self._study.settings, **self._study.facts}
        run = self._begin("study", self._study.name, "study", config)
        rows = [
            [value if isinstance(value, bool | int | float | None) else str(value) for value in row]
            for row in result.front
        ]
        table = wandb.Table(columns=list(result.columns), data=rows, allow_mixed_types=True)
        figures = {name: wandb.Plotly(figure) for name, figure in result.figures().items()}
        pictures = {f"detections/{name}": wandb.Image(str(path)) for name, path in result.pictures.items()}
        run.log({"front_table": table, **figures, **pictures})
        run.summary.update({**result.values, "ended": result.why})
        run.finish(exit_code=0)
        self._runs.pop("study", None)

    def close(self) -> None:
        """End the runs of trials that are cut here; they go on later."""
        while self._runs:
            self._runs.popitem()[1].finish(exit_code=0)

    def _run_of(self, trial: LoggedTrial) -> Any:
        if trial.name in self._runs:
            return self._runs[trial.name]
        config = {**trial.choices, "detector": trial.detector, "trial": trial.number}
        return self._begin(trial.name, trial.name, f"{trial.number:05d}", config)

    def _begin(self, known_as: str, name: str, suffix: str, config: Mapping[str, Any]) -> Any:
        """Begin a run, or go on with it; nothing is printed, and nothing of this machine but its name is collected."""
        import wandb

        folder = Path(self._folder).expanduser().absolute() if self._folder else self._study.folder
        folder.mkdir(parents=True, exist_ok=True)
        quiet: dict[str, Any] = {"mode": self._mode, "silent": True, "console": "off"}
        quiet |= {"disable_git": True, "disable_code": True, "x_disable_stats": True, "x_disable_meta": True}
        run = wandb.init(
            project=self._project,
            entity=self._entity,
            group=self._study.name,
            job_type="study" if known_as == "study" else "trial",
            name=name,
            id=f"{self._study.key}-{suffix}",
            resume=None if self._mode == OFFLINE else "allow",
            reinit="create_new",
            dir=str(folder),
            config=dict(config),
            settings=wandb.Settings(**quiet, x_disable_machine_info=True),
        )
        run.define_metric("epoch")
        run.define_metric("*", step_metric="epoch")
        self._runs[known_as] = run
        return run
