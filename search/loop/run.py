"""A search, or a proof alone, as a library call: it prints nothing, and returns the study as it stands."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from objectives.data.dataset import Dataset
from objectives.deploy.formats.deployed import prepare
from objectives.machine.gpus.visible import gpu_notes
from objectives.records.proof import Length, ProofRecord
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import trial_records
from reports.table.proof.contestants import read_proof
from reports.table.table import StudyTable
from reports.table.words import plural
from search.loop.elsewhere.join import boards_elsewhere, known_elsewhere
from search.loop.proof.proving import Proving
from search.loop.proof.split_scores import Scored, score_once
from search.loop.search import Search
from search.samplers.registry import check_sampler
from search.samplers.schedulers import check_pruner
from search.settings.checks.data_check import check_quickly, refusal
from search.settings.checks.gate_check import gate_notes
from search.settings.devices import check_devices
from search.settings.settings import Settings
from search.study.carry.enqueue import enqueue_carried
from search.study.carry.find import find_carried
from search.study.claims.contract import Claims
from search.study.experience.frozen import freeze_experience
from search.study.files.data_sets import data_of
from search.study.folder.prepare import prepared_folder
from search.study.queued.baseline import follow_line
from search.study.queued.published_start import PublishedStarts, published_starts
from search.study.store import (
    create_study,
    existing_study,
    has_begun,
    load_study,
    open_storage,
    storage_url,
    store_errors,
)
from search.study.terms.contract import check_contract
from search.study.terms.start_weights import fetch_starts, starts_of
from search.view.base import View
from search.view.loggers.make import check_loggers, with_loggers
from search.workers.jobs import Jobs, check_run
from search.workers.registry import check_backend
from spaces.errors import AutomlError, SettingsError, StoreError

if TYPE_CHECKING:
    import optuna

WRONG = ("pretrained:", "gpu:")  # begin what is said of a search's begin and is a warning


def search(settings: Settings, *, dataset: Dataset | None = None, view: View | None = None) -> StudyTable:
    """Search until the budget of these settings is used; called again, it goes on where it stopped.

    Call it from a module that can be imported, below `if __name__ == "__main__":` in a script: trials are processes.

    Args:
        settings: as of `load_settings`.
        dataset: read already; None reads the one that the settings name.
        view: what is shown meanwhile; None shows nothing.

    Returns:
        The study: its trials, its front, what meets the gate.

    Raises:
        AutomlError: the settings, the data set or the store cannot be used, or the last trials all failed for one
            reason; what was done by then is in the store.
        KeyboardInterrupt: running trials are taken up again by the next call.
    """
    check_settings(settings)
    if not settings.cluster.is_none:
        raise SettingsError(
            f"cluster: `automl search` starts workers, a call searches alone; got {settings.cluster.name}"
        )
    with open_search(settings, dataset or data_of(settings), view or View()) as opened:
        run_to_its_end(opened)
        return opened.table()


def check_settings(settings: Settings) -> None:
    """Check all that can be checked before anything is read or made.

    Raises:
        AutomlError: a device, a sampler, a pruner, a trainer or a backend cannot be used.
    """
    with boards_elsewhere(settings):
        check_devices(settings.targets)
    for device in settings.targets:
        prepare(device)
    check_sampler(settings.sampler)
    check_pruner(settings.pruner)
    check_run(settings.trial)
    check_loggers(settings)
    check_backend(settings.trial.backend, settings.workers)


@contextmanager
def open_search(
    settings: Settings, dataset: Dataset, view: View, say: Callable[[str], None] = lambda _: None
) -> Iterator[Search]:
    """Make the study's folder and store, or open them, and enter the study; nothing runs yet.

    Published weights that trials start from and that are not here are fetched; `say` is called before each.

    Raises:
        SettingsError: the gate names what the data set does not have, or a metric of the user's own cannot be used.
        DataError: the study has not begun, and its scores would be wrong; see `data.check`.
        StoreError: the folder or the store cannot be used, or the study has another contract.
    """
    of_gate = gate_notes(settings, dataset)
    findings = check_quickly(settings, dataset)
    refused = refusal([*dataset.findings, *findings], settings)
    if refused and not has_begun(settings):  # one that has goes on: what it compares, it compares alike
        raise refused
    # The engine's matrices are small: with several threads of BLAS, beside a training, one took a hundred times longer.
    one_thread = threadpool_limits(1, user_api="blas")
    with one_thread, prepared_folder(settings) as claims, store_errors(settings.name), ExitStack() as stack:
        storage = open_storage(storage_url(settings.folder, settings.store.url), claims=claims)
        existing = existing_study(settings, storage)
        fetched = fetch_starts(settings, existing, say)
        is_made = existing is not None and StudyRecord.of(existing).version is not None  # else anew, or after a cut
        early = PublishedStarts() if is_made else published_starts(settings)
        carried, of_carried = ((), []) if is_made else find_carried(settings, dataset)
        elsewhere = stack.enter_context(known_elsewhere(settings, existing if is_made else None, claims))

        def made() -> tuple["optuna.Study", list[str]]:
            first = partial(enqueue_carried, found=carried, settings=settings)
            study = create_study(settings, dataset, storage, early.known, first)
            followed = follow_line(study, settings, claims)
            notes = [*of_gate, *fetched, *followed, *of_carried, *early.notes, *freeze_experience(settings, study)]
            return study, [*notes, *([] if settings.trial.train_device == "cpu" else gpu_notes())]

        study, notes = claims.in_turn(made)
        shown = with_loggers(view, settings)
        with Search(settings, dataset, study, claims, shown) as opened, elsewhere.working(opened):
            opened.notes = [*(finding.line for finding in findings), *elsewhere.notes, *notes, *opened.notes]
            yield opened


@contextmanager
def open_proof(
    settings: Settings,
    dataset: Dataset,
    view: Callable[[ProofRecord], View],
    *,
    anew: bool = False,
    asked: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Search]:
    """Freeze what the proof of a study is made of, unless one is under way, and enter the study; nothing runs yet.

    Args:
        settings: the study's own.
        dataset: the study's own.
        view: makes the view, from what the proof is made of.
        anew: leave a proof that is under way.
        asked: whether seeds or lengths were asked for: a proof under way that has others is refused.
        say: called with a line before each download of published weights.

    Raises:
        StoreError: there is no such study, it has another contract, or it is being searched.
        AutomlError: it has nothing to prove.
    """
    settings = replace(settings, budget=replace(settings.budget, hours=None))  # these are the search's
    gate_notes(settings, dataset)
    one_thread = threadpool_limits(1, user_api="blas")
    load_study(settings.folder.parent, settings.name, settings.store.url)  # before a folder is made for one that is not
    with one_thread, prepared_folder(settings) as claims, store_errors(settings.name), ExitStack() as stack:
        study = load_study(settings.folder.parent, settings.name, settings.store.url, claims)
        elsewhere = stack.enter_context(known_elsewhere(settings, study, claims))
        with claims.alone():
            _check_not_searched(study, claims)
            check_contract(study, settings, dataset)
            notes = [*elsewhere.notes, *fetch_starts(settings, study, say)]
            trials, before = trial_records(study), StudyRecord.of(study).proof
            jobs = Jobs(settings, dataset, starts_of(settings, study))
            record = Proving(study, settings, jobs).freeze(Length.FULL, trials, anew=anew, asked=asked)
        shown = view(record)
        with Search(settings, dataset, study, claims, shown, proves=True) as opened, elsewhere.working(opened):
            repeated = opened.chooser.proving.repeat_failed(trials)
            opened.notes = [*notes, *opened.notes, *_again_notes(repeated, is_same=anew and record == before)]
            yield opened


def run_to_its_end(opened: Search, *, again: bool = False) -> None:
    """Run a search with its view open, until the budget is used; the test split is scored once after a proof is whole.

    Args:
        opened: the search, nothing of which runs yet.
        again: score the test split even if it was looked at before.

    Raises:
        AutomlError: it cannot go on; the view was shown why.
        KeyboardInterrupt: likewise.
    """
    table, used = opened.table(), opened.used()
    with opened.view as view:
        view.begin(table, used)
        for note in opened.notes:
            (view.warn if note.startswith(WRONG) else view.note)(note)
        try:
            with opened.claims.hurrying():
                opened.run()
                if opened.chooser.proves or opened.settings.proof.share:  # also one whose process died before its score
                    opened.asked.through(lambda: score_once(_scored(opened), view, again=again))
        except (AutomlError, OSError, KeyboardInterrupt) as error:
            if not isinstance(error, StoreError):  # a store that is broken says nothing more
                with suppress(StoreError):  # or is away, and is not waited for
                    table, used = opened.table(), opened.used()
            view.ended(table, used, str(error) or "interrupted")
            raise
        view.ended(opened.table(), opened.used(), _why_ended(opened))


def _scored(opened: Search) -> Scored:
    """Return what the test split is scored with."""
    store = opened.study, opened.claims
    return Scored(opened.settings, opened.dataset, *store, opened.table, opened.session.beat, opened.keeping.files)


def _why_ended(opened: Search) -> str:
    if opened.chooser.proves:
        proof = read_proof(opened.table())
        is_complete = proof is not None and proof.is_complete
        return "the proof is complete" if is_complete else "the hours are used, and the proof is not complete"
    is_left = opened.used().left(opened.settings.budget)
    return "nothing that is left is worth its time" if is_left else "the budget is used"


def _again_notes(repeated: int, *, is_same: bool) -> Iterator[str]:
    """Yield what a line does with trainings that there are already.

    Args:
        repeated: number of trainings that failed, and begin once more.
        is_same: whether another proof was asked for, and would be the same.
    """
    if is_same:
        yield (
            "--anew: finalists, seeds and lengths are those of the proof that there is, so its trainings stand; other "
            "proof.seeds or proof.epochs begin another one"
        )
    if repeated:
        yield f"{plural(repeated, 'training')} of the proof failed before: begun once more"


def _check_not_searched(study: "optuna.Study", claims: Claims) -> None:
    """Check that no process searches a study: its finalists would change.

    Raises:
        StoreError: one does.
    """
    for key, session in StudyRecord.of(study).sessions.items():
        if not session.proves and not session.ended and claims.is_alive(key):
            raise StoreError(
                f"prove: study '{study.study_name}' is being searched by process {session.pid} on {session.host}; "
                "end it, or wait for its end"
            )
