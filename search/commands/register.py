"""`automl register`: an exported detector as a version in MLflow's model registry."""

import os
import shlex
from pathlib import Path

from reports.table.console import open_console
from search.register.model_registry import ModelVersion, check_names, register
from search.register.release import read_release
from search.study.sqlite_check import file_of
from search.study.study_file import file_url, shown_url

DATABASE = "mlflow.db"  # MLflow's own default, so that its page shows it
EXPERIMENT = "automl"


def run_register(
    directory: str, model: str | None, uri: str | None, experiment: str | None, alias: str | None, again: bool
) -> None:
    """Register the detector of an export folder, and print which version it is.

    Args:
        directory: the export's, or its folder `trained`.
        model: name of the registered model; the study's by default.
        uri: of MLflow; else MLFLOW_TRACKING_URI, else a database in the working folder.
        experiment: of the run; else MLFLOW_EXPERIMENT_NAME, else "automl".
        alias: that names the version afterwards.
        again: whether a version is made though one has the same file.

    Raises:
        AutomlError: the folder cannot be registered, or the store does not answer.
    """
    release = read_release(directory)
    name = release.study if model is None else model
    check_names(name, alias)
    where = uri or os.environ.get("MLFLOW_TRACKING_URI") or file_url(Path.cwd() / DATABASE)
    group = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    console = open_console(highlight=False, soft_wrap=True)
    file = file_of(where)
    if file and not file.exists():
        console.print(f"making {file}", style="dim")
    made = register(release, where, name, group, alias=alias, again=again)
    console.print(_words(made, where))
    if alias is not None:
        before = f"; it named version {made.alias_was}" if made.alias_was not in ("", made.version) else ""
        console.print(f"alias {alias}: version {made.version}{before}")
    console.print(f"its files: models:/{name}/{made.version}")
    if file:
        console.print(f"look at it: {shlex.join(['mlflow', 'ui', '--backend-store-uri', where])}")
    if release.note:
        console.print(f"note: {release.note}")


def _words(made: ModelVersion, where: str) -> str:
    store = f"in {shown_url(where)} (run {made.run_id})"
    if made.is_new:
        return f"registered {made.model} version {made.version} {store}"
    return f"{made.model} version {made.version} {store} has this very file already; --again makes another"
