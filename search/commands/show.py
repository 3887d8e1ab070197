"""`automl show`: one trial in words, or a whole study at a glance."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from objectives.records.artifacts.stored_files import artifacts_of, live_files
from objectives.records.gate import OF_DEVICE
from objectives.records.records import Accuracy, Outcome
from reports.analysis.deaths import deaths
from reports.analysis.doubts import MARK, row_doubts
from reports.analysis.reasons import reasons
from reports.table.baseline import against_baseline
from reports.table.baseline_words import baseline_words, beside_words
from reports.table.console import labelled, open_console
from reports.table.families import differences
from reports.table.gate_words import bound_lines
from reports.table.kin.family_words import choice_words, family_words, made_words, origin_words
from reports.table.latency_words import batches_words, kept_words, state_words
from reports.table.on_device import tables_of
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from reports.table.words import ms, number, plural, share
from search.study.store import load_study
from search.study.study_file import shown_url
from search.study.terms.contract import HASH_SHOWN
from search.view.words import one_line

if TYPE_CHECKING:
    import optuna


def run_show(name: str, number: int | None, folder: str, store: str | None) -> None:
    """Show one trial in words; without a number the whole study."""
    if number is None:
        from search.commands.shown.whole_study import run_show_study

        run_show_study(name, folder, store)
        return
    studies = Path(folder).expanduser().absolute()
    study = load_study(studies, name, store)
    table = read_study(study)
    row = table.row(number)
    console = open_console(highlight=False, soft_wrap=True)
    on_front = ", on the front" if row.on_front else ""
    console.print(Text.assemble((f"trial {row.number}", "bold"), f" of {name}: {row.status}{on_front}"))
    before = ""
    told = [
        *([("note", one_line(row.note))] if row.note else []),
        *_origin(row, table),
        *_family(row, table),
        *_beside_baseline(row, table),
    ]
    told += [*((r.label, r.text) for r in reasons(row)), *_deaths(row)]
    for label, text in [*told, *_facts(row, table)]:
        console.print(labelled("" if label == before else label, text))
        before = label
    console.print(Text("   choices", style="dim"))
    for key, value in row.candidate.items():
        console.print(f"            {key}: {value:.6g}" if isinstance(value, float) else f"            {key}: {value}")
    if row.folder:
        console.print(labelled("folder", str(studies / name / row.folder)))
    for label, text in _kept(row, study):
        console.print(labelled(label, text))


def _kept(row: TrialRow, study: "optuna.Study") -> list[tuple[str, str]]:
    """Return which files of the trial lie in the study's place for files, whatever this machine's folder has."""
    place = artifacts_of(study)
    files = live_files(row.files, has_ended=row.outcome is not None, removed=row.removed)
    if place is None or not files:
        return []
    size_mb = sum(one.bytes for one in files.values()) / 1e6
    return [("kept", f"{plural(len(files), 'file')}, {size_mb:.1f} MB, in {shown_url(place.url)}: {', '.join(files)}")]


def _origin(row: TrialRow, table: StudyTable) -> list[tuple[str, str]]:
    """Return what sets the trial apart from one that was trained as asked."""
    lines = []
    if row.forked_from is not None:
        lines.append(("copied", f"from trial {row.forked_from} of {table.forked.get('from') or 'another study'}"))
    if row.smaller_batch:
        lines.append(("batch", f"{row.smaller_batch}, after out of memory: loaded in parts, gradients added up"))
    if row.removed:
        lines.append(("removed", f"{', '.join(row.removed)}, to keep the folder under store.size_mb_max"))
    return lines


def _family(row: TrialRow, table: StudyTable) -> list[tuple[str, str]]:
    """Return whose child a trial is, how it was chosen and how it differs; what it polishes; which children it has."""
    if row.is_proof:
        return [("proof", f"of trial {row.proves}: trained again with seed {row.seed}, no candidate of the search")]
    if row.is_polish:
        return [("polish", f"of trial {row.polishes}: trained on from its weights, as one detector")]
    if not row.is_child:
        family = table.family(row.number)
        if family is None:
            return _carried(row)
        members = ", ".join(str(child.number) for child in family.on_front)
        return [*_carried(row), ("family", family_words(family) + (f": {members}" if members else ""))]
    family = table.family(row.parent)
    made = made_words(row, family)
    lines = [("child", f"{origin_words(row).removeprefix('child ')}: {made}, and not trained itself")]
    if family is not None:
        lines.append(("chosen", choice_words(row, family)))
        found = differences(row, family.parent) if family.parent else ()
        lines += [("differs", f"{item.name} {item.child} (parent {item.parent})") for item in found]
    return lines


def _carried(row: TrialRow) -> list[tuple[str, str]]:
    """Return where a detector comes from that was trained elsewhere; nothing of any other."""
    if row.carried is None:
        return []
    there = row.carried
    scored = f", mAP {share(there.map)} on the data there" if there.map is not None else ""
    return [
        ("carried", f"from {there.source} ({there.origin}{scored}); scored here by its own weights, not trained"),
        ("file", f"sha256 {there.sha256[:HASH_SHOWN]} as it came, of {plural(len(there.classes), 'class', 'classes')}"),
    ]


def _beside_baseline(row: TrialRow, table: StudyTable) -> list[tuple[str, str]]:
    """Return how a trial compares with the study's baseline, or how the whole study does with this one."""
    against = against_baseline(table, row)
    if against is None:
        return []
    if row.is_baseline:
        return [("baseline", baseline_words(against_baseline(table) or against))]
    if against.pick is None:
        return []
    return [("beside", f"the baseline, trial {against.row.number}: {beside_words(against.pick)}")]


def _deaths(row: TrialRow) -> list[tuple[str, str]]:
    """Return each death line by line: its cause, what was there, how it went on, the end of its log."""
    labelled_lines = []
    for death in deaths(row):
        lines = [death.cause, death.resources, death.sequel, *(f"| {line}" for line in death.log.splitlines())]
        labelled_lines += [(death.title, line) for line in lines if line]
    return labelled_lines


def _as_deployed(accuracy: Accuracy) -> list[tuple[str, str]]:
    """Return what is found at the deployed confidence; nothing where an older automl scored the trial."""
    if accuracy.confidence is None:
        return []
    figures = f"F1 {share(accuracy.f1)}, precision {share(accuracy.precision)}, recall {share(accuracy.recall)}"
    own = ", ".join(f"{name} {number(value)}" for name, value in (accuracy.own or {}).items())
    facts = [("deployed", f"at confidence {accuracy.confidence:g}: {figures}")]
    return [*facts, ("own", own)] if own else facts


def _latencies(row: TrialRow) -> list[tuple[str, str]]:
    """Return what was measured on a device, after training and before."""
    facts = []
    for label, latency in (("latency", row.latency), ("untrained", row.latency_untrained)):
        if latency:
            quick = "by the quick protocol" if latency is row.latency and row.has_quick_latency else ""
            figures = f"p50 {ms(latency.p50_ms)}, p95 {ms(latency.p95_ms)}, {latency.samples} images"
            said = (figures, state_words(latency), quick, batches_words(latency), kept_words(latency))
            facts.append((label, ", ".join(part for part in said if part)))
    return facts


def _on(row: TrialRow, table: StudyTable) -> list[tuple[str, str]]:
    """Return what a trial has on a further device of its study."""
    place = ", on its front" if row.on_front else ""
    found = [(label, f"on {table.device_name}: {text}{place}") for label, text in _latencies(row)]
    own = [line for line in bound_lines(row, table.gate) if row.is_measured and line.setting in OF_DEVICE]
    return [*found, *(("gate", f"on {table.device_name}: {line}") for line in own)]


def _facts(row: TrialRow, table: StudyTable) -> list[tuple[str, str]]:
    facts = []
    if row.ending and row.ending.reason and row.outcome is not Outcome.FAILED:
        facts.append(("ended", row.ending.reason))
    if row.accuracy:
        whose = f" ({row.origin})" if table.families else ""
        images = f"{row.accuracy.images} images{whose}"
        facts.append(("mAP", f"{share(row.map)}, mAP50 {share(row.map50)} on {images}"))
        facts += _as_deployed(row.accuracy)
    if row.is_measured:
        facts += [("gate", str(line)) for line in bound_lines(row, table.gate)]
    facts += _latencies(row)
    facts += [("rough", f"{MARK} {doubt}") for doubt in row_doubts(row)]
    for other in tables_of(table)[1:]:
        facts += _on(other.row(row.number), other)
    if row.rungs:
        rungs = ", ".join(f"epoch {r.epoch}: {r.map:.3f}" for r in row.rungs)
        facts.append(("rungs", rungs))
    if row.resources:
        r = row.resources
        facts.append(("size", f"{r.parameters / 1e6:.2f} M parameters, {r.multiply_adds / 1e6:.0f} M multiply-adds"))
        facts.append(("seconds", ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in r.seconds.items())))
        if r.machine:
            peak = f", {r.gpu_peak_bytes / 1e9:.1f} GB of its memory at most" if r.gpu_peak_bytes else ""
            facts.append(("machine", r.machine + peak))
    return facts
