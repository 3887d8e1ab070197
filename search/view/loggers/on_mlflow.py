"""MLflow: a run for the study, and below it a run a trial, in one experiment.

MLflow is an extra, imported by the logger's own thread.
"""

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from search.study.sqlite_check import file_of
from search.study.study_file import file_url
from search.view.loggers.contract import STOPPED, LoggedEnd, LoggedResult, LoggedStudy, LoggedTrial, StudyLogger

RUN_TAG = "automl.run"  # the study's key, and the trial's number
DATABASE_FILE = "mlflow.db"  # in the working folder: MLflow's own default, and that of `automl register`
PARAMS_A_REQUEST, VALUE_MOST = 100, 5000  # as MLflow's servers allow
STATUSES = {"failed": "FAILED", STOPPED: "KILLED", "over a bound": "KILLED", "over the latency bound": "KILLED"}
SERVER_REFUSES = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "ENDPOINT_NOT_FOUND")
# What the user has set stays: a server that is gone is found out in seconds, and nothing calls home.
CLIENT_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class MlflowLogger(StudyLogger):
    """Writes runs to an MLflow server or database; runs that are there from earlier processes go on."""

    def __init__(self, uri: str | None = None, experiment: str | None = None) -> None:
        """Prepare.

        Args:
            uri: of the tracking server or database; else MLFLOW_TRACKING_URI, else `mlflow.db` in the working folder.
            experiment: that the runs belong to; else MLFLOW_EXPERIMENT_NAME, else the study's name.
        """
        self._uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or file_url(Path.cwd() / DATABASE_FILE)
        self._experiment_name = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME")
        self._client: Any = None
        self._study: LoggedStudy
        self._experiment, self._parent = "", ""
        self._runs: dict[int, str] = {}  # of trials under way

    def open(self, study: LoggedStudy) -> None:
        """Find or make the experiment and the study's run."""
        from mlflow.tracking import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        for name, value in CLIENT_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._study = study
        with _refusals():
            self._client = MlflowClient(self._uri)
            self._experiment = self._found_experiment(self._experiment_name or study.name)
            tags = {"automl.study": study.name, "automl.folder": str(study.folder), "mlflow.runName": study.name}
            self._parent = self._run(f"{study.key}/study", tags, _texts({**study.settings, **study.facts}))

    def trial_started(self, trial: LoggedTrial) -> None:
        """Find or make the trial's run."""
        with _refusals():
            self._runs[trial.number] = self._run_of(trial)

    def scalars(self, trial: LoggedTrial, epoch: int, values: Mapping[str, float]) -> None:
        """Log figures of the training, the epoch as step."""
        with _refusals():
            self._metrics(self._run_of(trial), values, epoch)

    def trial_ended(self, trial: LoggedTrial, end: LoggedEnd) -> None:
        """Log the figures and how the trial stands; the run of one that waits stays open."""
        from mlflow.entities import RunTag

        with _refusals():
            run = self._run_of(trial)
            self._metrics(run, end.values, int(end.values.get("epochs", 0)))
            tags = [RunTag(f"automl.{name}", value[:VALUE_MOST]) for name, value in end.tags.items()]
            self._client.log_batch(run, tags=tags)
            if end.is_final:
                self._client.set_terminated(run, STATUSES.get(end.standing, "FINISHED"))
            self._runs.pop(trial.number, None)

    def progress(self, trials: int, values: Mapping[str, float]) -> None:
        """Log how the study stands, the trials as step."""
        with _refusals():
            self._metrics(self._parent, values, trials)

    def result(self, result: LoggedResult) -> None:
        """Keep the front, the figures as one page, and the picture of detections as files of the study's run."""
        front = [dict(zip(result.columns, row, strict=True)) for row in result.front]
        with _refusals():
            self._client.log_text(self._parent, json.dumps(front, indent=1, default=str), "front.json")
            self._client.log_text(self._parent, _page(self._study.name, result.figures()), "figures.html")
            for path in result.pictures.values():
                self._client.log_artifact(self._parent, str(path), "detections")
            self._client.set_tag(self._parent, "automl.ended", result.why[:VALUE_MOST])
            self._client.set_terminated(self._parent, "FINISHED")

    def _found_experiment(self, name: str) -> str:
        """Return the id of an experiment; files of a new one in an SQLite file lie beside that file."""
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        file = file_of(self._uri)
        folder = file.absolute().parent / "mlruns" if file else None
        return str(self._client.create_experiment(name, folder.as_uri() if folder else None))

    def _run_of(self, trial: LoggedTrial) -> str:
        known = self._runs.get(trial.number)
        if known is not None:
            return known
        tags = {"mlflow.parentRunId": self._parent, "mlflow.runName": trial.name, "automl.study": self._study.name}
        tags |= {"automl.trial": str(trial.number), "automl.detector": trial.detector}
        self._runs[trial.number] = self._run(f"{self._study.key}/{trial.number}", tags, _texts(trial.choices))
        return self._runs[trial.number]

    def _run(self, key: str, tags: Mapping[str, str], params: Mapping[str, str]) -> str:
        """Return the run of a key, which goes on if it is there; of two that were made at once, the older."""
        found = self._runs_of(key)
        if found:
            self._client.update_run(found[0], "RUNNING")
            return found[0]
        made = self._client.create_run(self._experiment, tags={**tags, RUN_TAG: key}).info.run_id
        found = self._runs_of(key)
        if found and found[0] != made:
            self._client.delete_run(made)
        run = found[0] if found else str(made)
        self._params(run, params)
        return run

    def _runs_of(self, key: str) -> list[str]:
        query = f"tags.`{RUN_TAG}` = '{key}'"
        order = ["attributes.start_time ASC", "attributes.run_id ASC"]
        return [run.info.run_id for run in self._client.search_runs([self._experiment], query, order_by=order)]

    def _params(self, run: str, params: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        listed = [Param(name, value[:VALUE_MOST]) for name, value in params.items()]
        for start in range(0, len(listed), PARAMS_A_REQUEST):
            self._client.log_batch(run, params=listed[start : start + PARAMS_A_REQUEST])

    def _metrics(self, run: str, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now_ms = int(1000 * time.time())
        self._client.log_batch(run, metrics=[Metric(name, value, now_ms, step) for name, value in values.items()])


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise what a server will always refuse as a ValueError: it is not asked again."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code in SERVER_REFUSES:
            raise ValueError(str(error)) from error
        raise


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _page(title: str, figures: Mapping[str, Any]) -> str:
    """Return figures as one page that asks no other host: Plotly's script is in it once."""
    from html import escape

    parts = [
        figure.to_html(full_html=False, include_plotlyjs=not index) for index, figure in enumerate(figures.values())
    ]
    return f"<!doctype html><meta charset='utf-8'><title>{escape(title)}</title>{''.join(parts)}"
