"""MLflow's tracking store and model registry: a release becomes a run and a version of a registered model.

MLflow is an extra, imported here when a release is registered, and in `search.register.mlmodel`.
"""

import logging
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from objectives.records.paths import LINEAGE
from search.register.mlmodel import write_mlmodel
from search.register.release import SHA_TAG, Release
from search.study.sqlite_check import file_of
from search.study.study_file import shown_url
from spaces.errors import AutomlError, StoreError, first_line

PLACE = "model"  # folder of a run's artifacts that holds the model
TOKEN_TAG = "automl.registration"  # of a run: which call made it
INSTALL = "pip install 'automl[mlflow]'"
# An unreachable server is found out in seconds, not in the four minutes of MLflow's own retries; what the user has set
# stays. The first request is a small one.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1"}
FIRST_REQUEST = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
METRICS_MOST, PARAMS_MOST, TAGS_MOST = 1000, 100, 100  # of one request, as MLflow's servers allow
ALIAS = re.compile(r"[\w\-]{1,255}")
RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)
ERROR_MOST = 300  # characters of another library's error


@dataclass(frozen=True)
class ModelVersion:
    """A version of a registered model.

    Attributes:
        model: the registered model's name.
        version: its number, as MLflow counts.
        run_id: of the run that its files belong to.
        is_new: whether it was made by this call.
        alias_was: version that the alias named before; empty if none, or no alias was asked for.
    """

    model: str
    version: str
    run_id: str
    is_new: bool
    alias_was: str = ""


def check_names(model: str, alias: str | None) -> None:
    """Check what MLflow would refuse after the files have been sent.

    Raises:
        AutomlError: the name or the alias breaks MLflow's rules.
    """
    if not model.strip() or set(model) & set("/:") or model in (".", ".."):
        raise AutomlError(f"register: a model's name holds neither '/' nor ':', got '{model}'; give --name")
    if alias is not None and (not ALIAS.fullmatch(alias) or RESERVED.fullmatch(alias)):
        raise AutomlError(
            f"register: an alias is letters, digits, '_' and '-', and neither 'latest' nor 'v1', got '{alias}'; "
            "give another --alias"
        )


def register(
    release: Release, uri: str, model: str, experiment: str, *, alias: str | None = None, again: bool = False
) -> ModelVersion:
    """Register a release, or find the version that has the same file.

    Args:
        release: the detector.
        uri: of the tracking server, or of the database; of the registry, too, unless MLFLOW_REGISTRY_URI is set.
        model: name of the registered model; made if it is not there.
        experiment: that the run belongs to; made if it is not there.
        alias: that names the version afterwards.
        again: whether a version is made though one has the same file.

    Raises:
        AutomlError: MLflow is not installed, or a name breaks its rules.
        StoreError: the store does not answer or refuses; the run that was begun is marked as failed.
    """
    check_names(model, alias)
    with _explained(uri), _quiet():
        client = _client(uri)
        found = None if again else _same_file(client, model, release.sha256)
        made = found or _make(client, release, model, _experiment(client, uri, experiment))
        return _aliased(client, made, alias)


def _client(uri: str) -> Any:
    """Return a client of a store that has answered."""
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise AutomlError(f"register: MLflow is not installed ({first_line(error)}); {INSTALL}") from error
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with _defaults(FIRST_REQUEST):
        client = MlflowClient(uri, os.environ.get("MLFLOW_REGISTRY_URI") or uri)
        client.search_experiments(max_results=1)
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    return client


def _same_file(client: Any, model: str, sha256: str) -> ModelVersion | None:
    """Return the latest version of a model that has the same deployable file."""
    found = [one for one in client.search_model_versions(f"tags.`{SHA_TAG}` = '{sha256}'") if one.name == model]
    ready = [one for one in found if one.status == "READY"]
    if not ready:
        return None
    last = max(ready, key=lambda one: int(one.version))
    return ModelVersion(model, str(last.version), str(last.run_id), is_new=False)


def _experiment(client: Any, uri: str, name: str) -> str:
    """Return the experiment's id; artifacts of a new one in an SQLite file lie beside the file, wherever that is."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage != "active":
            raise StoreError(
                f"register: experiment '{name}' was deleted; restore it, or name another with --experiment"
            )
        return str(found.experiment_id)
    file = file_of(uri)
    folder = file.absolute().parent / "mlruns" if file else None
    made = client.create_experiment(name, folder.as_uri() if folder else None)
    return str(made)


def _make(client: Any, release: Release, model: str, experiment: str) -> ModelVersion:
    """Make the run whole, then the version; a run that does not come that far is marked as failed."""
    token = uuid4().hex
    tags = {**release.tags, "mlflow.note.content": release.description, TOKEN_TAG: token}
    try:
        run_id = str(client.create_run(experiment, tags=tags, run_name=release.title).info.run_id)
        _log(client, run_id, release)
        client.set_terminated(run_id)
        number = _version(client, release, model, run_id)
    except BaseException as error:  # Ctrl-C, too, must leave no run that looks whole
        _give_up(client, experiment, token, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise
    return ModelVersion(model, number, run_id, is_new=True)


def _give_up(client: Any, experiment: str, token: str, status: str) -> None:
    """Mark the run as failed; it is found by its token, since it may have been made and its answer lost."""
    with suppress(Exception):  # the store may be what has failed
        for run in client.search_runs([experiment], f"tags.`{TOKEN_TAG}` = '{token}'"):
            client.set_terminated(run.info.run_id, status)


def _log(client: Any, run_id: str, release: Release) -> None:
    from mlflow.entities import Metric, Param
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    metrics = [Metric(name, value, now, 0) for name, value in release.metrics.items()]
    params = [Param(name, value) for name, value in release.params.items()]
    for start in range(0, len(metrics), METRICS_MOST):
        client.log_batch(run_id, metrics=metrics[start : start + METRICS_MOST])
    for start in range(0, len(params), PARAMS_MOST):
        client.log_batch(run_id, params=params[start : start + PARAMS_MOST])
    for path in release.files.values():
        client.log_artifact(run_id, str(path), PLACE)
    if LINEAGE not in release.files:
        client.log_dict(run_id, dict(release.lineage), f"{PLACE}/{LINEAGE}")
    with tempfile.TemporaryDirectory() as folder:
        write_mlmodel(Path(folder), release, run_id, PLACE)
        for path in sorted(Path(folder).iterdir()):
            client.log_artifact(run_id, str(path), PLACE)


def _version(client: Any, release: Release, model: str, run_id: str) -> str:
    """Make the version; a registered model that was made for it does not stay without one."""
    is_new = not _has_model(client, model)
    if is_new:
        client.create_registered_model(model, tags={"automl.study": release.study})
    try:
        made = client.create_model_version(
            model, f"runs:/{run_id}/{PLACE}", run_id, tags=dict(release.tags), description=release.description
        )
    except BaseException:  # Ctrl-C, too, must leave no model without a version
        if is_new:
            with suppress(Exception):
                client.delete_registered_model(model)
        raise
    return str(made.version)


def _has_model(client: Any, model: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(model)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
    return True


def _aliased(client: Any, made: ModelVersion, alias: str | None) -> ModelVersion:
    """Let an alias name the version."""
    if alias is None:
        return made
    before = str(client.get_registered_model(made.model).aliases.get(alias, ""))
    try:
        client.set_registered_model_alias(made.model, alias, made.version)
    except Exception as error:  # of MLflow or of the store that it stands on
        raise StoreError(
            f"register: version {made.version} of '{made.model}' is there, but the alias '{alias}' was not set "
            f"({_text(error)}); the same line again sets it"
        ) from error
    return ModelVersion(made.model, made.version, made.run_id, made.is_new, before)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Say any failure of MLflow or what it stands on in one line; what is ours passes as it is."""
    try:
        yield
    except (AutomlError, KeyboardInterrupt):
        raise
    except Exception as error:  # of requests, SQLAlchemy, Alembic, botocore and MLflow, whichever the store is
        raise StoreError(f"register: '{shown_url(uri)}': {_text(error)}") from error


def _text(error: Exception) -> str:
    """Return what an error says in one line, without passwords, and what to do where that is known."""
    text = str(error)
    if "Max retries exceeded" in text or "timed out" in text:
        reason = re.search(r"Connection refused|timed out|Name or service not known|Temporary failure", text)
        why = reason.group().lower() if reason else "no connection"
        return f"no MLflow server answers ({why}); start it, or name another with --tracking-uri"
    if "maintenance mode" in text:  # of plain folders
        return "MLflow keeps runs in no plain folder any more; name a database (sqlite:///PATH/mlflow.db) or a server"
    line = first_line(error, ERROR_MOST + 1)
    return shown_url(line if len(line) <= ERROR_MOST else f"{line[:ERROR_MOST]}...")


@contextmanager
def _defaults(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment that the user has not set, for a while."""
    ours = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow from calling home, and its users from warnings of the libraries that it stands on."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
