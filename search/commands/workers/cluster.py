"""`automl search ... cluster=...`: workers are started on a cluster, shown together, and ended together."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from rich.console import Console

from objectives.records.paths import StudyPaths
from reports.table.console import labelled, open_console
from search.cluster.engines.contract import ClusterEngine
from search.cluster.engines.make import make_engine
from search.cluster.follow import FollowedLaunch
from search.cluster.launch import Launch, tasks_of
from search.cluster.reach import check_reach
from search.commands.search import line_settings, run_search, show_result
from search.samplers.registry import check_sampler
from search.samplers.schedulers import check_pruner
from search.settings.settings import Settings
from search.study.claims.contract import Claims
from search.study.claims.open import open_claims
from search.study.store import store_errors
from search.study.study_file import shown_url
from search.view.make import make_view
from search.workers.jobs import check_run
from spaces.errors import StoreError

SHOWN_AWAY_S = 2.0  # that a look waits for a database; the view says then that it is away, and looks again


def run_line(arguments: list[str], log_format: str = "auto") -> None:
    """Search as the command line says: in this process, or by workers on a cluster; `log_format` as of `run_search`."""
    settings = line_settings(arguments)
    if settings.cluster.is_none:
        run_search(arguments, log_format, settings)
    else:
        run_workers(arguments, log_format, settings)


def run_workers(arguments: list[str], log_format: str, settings: Settings) -> None:
    """Start workers, show what they do until all have ended, and what came out.

    Raises:
        ClusterError: the cluster cannot be used or is gone, or no worker has ended well.
        AutomlError: the settings or the store cannot be used.
        SystemExit: 130 after Ctrl-C.
    """
    _check_here(settings)
    console = open_console(stderr=log_format == "json")  # standard output is the events' alone
    at_once = settings.workers * settings.cluster.workers
    view = make_view(open_console(), replace(settings, workers=at_once), log_format)
    logs = settings.cluster.log_folder(StudyPaths(settings.folder).workers)
    with make_engine(settings.cluster, logs) as engine:
        notes = check_reach(settings) if engine.is_elsewhere else []
        settings.folder.mkdir(parents=True, exist_ok=True)
        _introduce(console, settings, engine, [*notes, f"what workers print goes to {logs}"])
        followed = FollowedLaunch(settings, view, engine, Launch(engine, tasks_of(settings, arguments, logs)))
        with closing(_claims(settings)) as claims:
            followed.run(claims)
    _show_result(console, followed, arguments)
    followed.check()
    if followed.is_interrupted:
        raise SystemExit(130)


def _claims(settings: Settings) -> Claims:
    """Open the claims of the study, to look at.

    Raises:
        StoreError: the database cannot be used.
    """
    with store_errors(shown_url(settings.store.url or settings.name)):
        return open_claims(settings.folder, settings.store.url, wait_s=SHOWN_AWAY_S)


def _show_result(console: Console, followed: FollowedLaunch, arguments: list[str]) -> None:
    """Show what came out; a database that is away at Ctrl-C is no reason for another exit code.

    Raises:
        StoreError: it is away in the end.
    """
    study = followed.watch.study
    if study is None:
        return
    try:
        show_result(console, study, followed.settings, *followed.result(), arguments, followed.is_cut)
    except StoreError as error:
        if not followed.is_interrupted:
            raise
        console.print(labelled("note", f"{error}; the page is not written", 7), soft_wrap=True)


def _check_here(settings: Settings) -> None:
    """Check what does not depend on the machine; workers check the rest where they run.

    Raises:
        AutomlError: the sampler, the pruner or the trainer cannot be used.
    """
    check_sampler(settings.sampler)
    check_pruner(settings.pruner)
    check_run(settings.trial)


def _introduce(console: Console, settings: Settings, engine: ClusterEngine, notes: Sequence[str]) -> None:
    hours = f" or {settings.budget.hours:g} h" if settings.budget.hours else ""
    for label, text in (
        ("study", f"{settings.name} in {settings.folder}, gate {settings.gate}"),
        ("workers", f"{settings.cluster.workers} on {engine.words}{_places(settings.cluster.workers, engine)}"),
        ("budget", f"{settings.budget.trials} trials{hours}"),
        *(("note", note) for note in notes),
    ):
        console.print(labelled(label, text, 7), soft_wrap=True)


def _places(workers: int, engine: ClusterEngine) -> str:
    """Return that a cluster has no room for so many workers, if so."""
    places = engine.places()
    if places is None or places >= workers:
        return ""
    return f", which has room for {places}: the rest begin when there is more"
