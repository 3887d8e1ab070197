"""`automl prove`: finalists trained again with other seeds, the baseline with them, and the test split once."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from objectives.machine.interrupts import interruptible
from objectives.records.paths import StudyPaths
from objectives.records.proof import ProofRecord
from objectives.records.study_record import StudyRecord
from reports.table.console import labelled, open_console
from reports.table.progress import counting
from reports.table.proof.contestants import Proof, ProofVerdict, read_proof
from reports.table.proof.words import details, verdict_sentence
from reports.table.table import StudyTable
from reports.table.words import plural
from search.loop.run import check_settings, open_proof, run_to_its_end
from search.loop.search import Search
from search.settings.settings import BudgetSettings, Settings
from search.settings.stored import read_changes, stored_settings
from search.study.files.data_sets import data_of
from search.study.files.pictures import bring_pictures
from search.study.files.validation import winner_detections
from search.study.store import load_study
from search.view.base import View
from search.view.make import make_view
from spaces.errors import SettingsError

PROOF_SETTABLE = (
    "proof.seeds",
    "proof.finalists",
    "proof.epochs",
    "proof.level",
    "workers",
    "data.root",
    "pretrained.folder",
    "trial.train_device",
    "gpu.share",
    "gpu.memory_mb",
    "trial.workers",
    "trial.cache_mb",
    "trial.timeout_s",
    "trial.silence_s",
    "trial.memory_mb",
    "trial.processes_max",
    "trial.backend",
    "store.size_mb_max",
    "store.free_mb_min",
)
OUTPUT, OUTPUTS = "format", ("lines", "json")
PROOF_EXIT_CODES = {
    ProofVerdict.BETTER: 0,
    ProofVerdict.NO_BASELINE: 0,
    ProofVerdict.WORSE: 1,
    ProofVerdict.NO_WINNER: 1,
    ProofVerdict.CANNOT_TELL: 3,
    ProofVerdict.UNDER_WAY: 3,  # never at the end of a line that was not interrupted
}


def run_prove(
    name: str, arguments: Sequence[str], folder: str, store: str | None, *, anew: bool = False, test_again: bool = False
) -> None:
    """Do the proof of a study, print what came of it, and exit with the verdict's code.

    Args:
        name: of the study.
        arguments: settings that the line changes, and format=json.
        folder: where studies live.
        store: Optuna storage URL.
        anew: leave a proof that is under way.
        test_again: score the test split even if it was looked at before.
    """
    form, changes = _format(arguments)
    asked = any(word.startswith("proof.") for word in changes)
    settings = _settings(name, read_changes("prove", changes, PROOF_SETTABLE), folder, store)
    check_settings(settings)
    console = open_console(stderr=form == "json", highlight=False, soft_wrap=True)
    with counting(open_console(stderr=True), "looking at images") as show:
        dataset = data_of(settings, show, console.print)

    def view(record: ProofRecord) -> View:
        _introduce(console, settings, record)
        return make_view(console, _limited(settings, record), "plain" if form == "json" else "auto")

    with open_proof(settings, dataset, view, anew=anew, asked=asked, say=console.print) as opened:
        interrupted = _interrupted(opened, again=test_again)
        table = opened.table()
    if missing := bring_pictures(opened.study, settings.folder, table):
        console.print(missing, style="yellow")
    _conclude(console, table, settings, interrupted=interrupted)
    if interrupted:
        words = ["automl", "prove", name, *arguments, *["--test-again"] * test_again]
        console.print(f"Interrupted; go on with: {shlex.join(words)}")
        raise SystemExit(130)
    proof = read_proof(table)
    assert proof is not None  # it was frozen before
    if form == "json":
        open_console(highlight=False, soft_wrap=True).print(json.dumps(proof.to_json(), indent=2, ensure_ascii=False))
    raise SystemExit(PROOF_EXIT_CODES[proof.verdict])


def _format(arguments: Sequence[str]) -> tuple[str, list[str]]:
    given = [word.partition("=")[2] for word in arguments if word.startswith(f"{OUTPUT}=")]
    if len(given) > 1 or (given and given[0] not in OUTPUTS):
        raise SettingsError(f"prove: {OUTPUT} must be one of {', '.join(OUTPUTS)}, got {', '.join(given)}")
    return (given[0] if given else OUTPUTS[0]), [word for word in arguments if not word.startswith(f"{OUTPUT}=")]


def _settings(name: str, changes: dict[str, object], folder: str, store: str | None) -> Settings:
    """Return the study's own settings with the line's changes."""
    studies = Path(folder).expanduser().absolute()
    kept = StudyRecord.of(load_study(studies, name, store))
    return stored_settings(name, kept.settings, str(kept.data["root"]), str(studies), store, changes)


def _limited(settings: Settings, record: ProofRecord) -> Settings:
    """Return settings whose budget is the proof's trainings, for the view."""
    return replace(settings, budget=BudgetSettings(len(list(record.pieces())), None))


def _introduce(console: Console, settings: Settings, record: ProofRecord) -> None:
    beside = "no baseline" if record.baseline is None else f"baseline trial {record.baseline}"
    numbers = ", ".join(f"trial {number}" for number in record.finalists)
    epochs = sorted({one.terms.epochs for one in record.contestants})
    seeds = ", ".join(map(str, record.seeds))
    trainings = plural(len(list(record.pieces())), "training")
    for label, text in (
        ("study", f"{settings.name}, gate {settings.gate}"),
        ("proof", f"{numbers}; {beside}"),
        ("seeds", f"{seeds}: {trainings} of {' or '.join(map(str, epochs))} epochs"),
    ):
        console.print(labelled(label, text, 7))


def _interrupted(opened: Search, *, again: bool) -> bool:
    """Do the proof to its end; return whether Ctrl-C cut it short."""
    try:
        with interruptible():
            run_to_its_end(opened, again=again)
    except KeyboardInterrupt:
        return True
    return False


def _conclude(console: Console, table: StudyTable, settings: Settings, *, interrupted: bool) -> None:
    """Write the page, and say what came of the proof."""
    from reports.page.page import write_page  # late: scikit-learn costs a second that no mistake should wait for

    page = write_page(
        table, settings.folder, StudyPaths(settings.folder).report, winner_detections(table, settings.folder)
    )
    proof = read_proof(table)
    if proof is None or interrupted:
        return
    print_proof(console, proof)
    console.print(f"Report: {page}")


def print_proof(console: Console, proof: Proof) -> None:
    """Print the verdict, and what is to be known of the figures."""
    console.print(verdict_sentence(proof), style="bold")
    for sentence in details(proof):
        console.print(sentence)
