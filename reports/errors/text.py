"""The errors of a detector in a few lines, for the terminal."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from objectives.deploy.errors.analysis import Analysis
from objectives.deploy.errors.counts import ClassErrors
from objectives.deploy.errors.looking import Unlabelled
from objectives.deploy.errors.matching import Kind
from objectives.deploy.errors.suspects import LIKELY, Doubt, Suspect
from reports.table.console import labelled
from reports.table.words import percent, plural, share

SHOWN = 5  # suspects, confusions and classes that the terminal names
LABEL_WORDS = {
    Kind.CORRECT: "correct",
    Kind.CONFUSED: "found as another class",
    Kind.LOCALISATION: "poorly placed",
    Kind.MISSED: "missed",
}
DETECTION_WORDS = {
    Kind.CORRECT: "correct",
    Kind.CONFUSED: "of another class",
    Kind.LOCALISATION: "poorly placed",
    Kind.DUPLICATE: "duplicates",
    Kind.BACKGROUND: "where nothing is labelled",
}
PLURALS = {
    Doubt.MISSING: "missing labels",
    Doubt.WRONG_CLASS: "wrong classes",
    Doubt.MISPLACED: "misplaced boxes",
    Doubt.SPURIOUS: "spurious labels",
}
WIDTH = 12


def summary_of_errors(analysis: Analysis) -> RenderableType:
    """Return the errors, what is confused and missed most, and the labels that are doubted most."""
    counts = analysis.counts
    lines = [
        Text(f"{analysis.of.detector} on {analysis.of.split} of {analysis.of.data}", style="bold"),
        labelled("images", _scope(analysis), WIDTH),
        labelled("labels", counted(counts.labels, LABEL_WORDS), WIDTH),
        labelled("detections", counted(counts.detections, DETECTION_WORDS), WIDTH),
    ]
    if counts.confusions:
        pairs = (f"{pair.label} as {pair.detected} {pair.count}" for pair in counts.confusions[:SHOWN])
        lines.append(labelled("confused", _listed(pairs, len(counts.confusions)), WIDTH))
    if missed := missed_most(counts.classes):
        named = (f"{one.name} {one.labels[Kind.MISSED]} of {one.labelled}" for one in missed[:SHOWN])
        lines.append(labelled("missed", _listed(named, len(missed)), WIDTH))
    lines.append(labelled("doubts", doubts(analysis), WIDTH))
    lines += [labelled("", suspect_line(suspect), WIDTH) for suspect in analysis.suspects[:SHOWN]]
    style = "yellow" if analysis.of.seen.to_json() is not False else "dim"
    return Group(*lines, Text(analysis.of.seen.caveat, style=style))


def summary_of_unlabelled(unlabelled: Unlabelled) -> RenderableType:
    """Return how many images were ranked, and what was left out."""
    left_out = []
    if unlabelled.labelled:
        left_out.append(f"{unlabelled.labelled:,} left out: in the data set already")
    if unlabelled.unreadable:
        first = unlabelled.unreadable[0].name
        left_out.append(f"{len(unlabelled.unreadable):,} left out: they cannot be decoded (the first: {first})")
    ranked = f"{plural(len(unlabelled.looked), 'image')} of {unlabelled.folder} ranked"
    return labelled("unlabelled", "; ".join([ranked, *left_out]), WIDTH)


def counted(counts: Mapping[Kind, int], words: Mapping[Kind, str]) -> str:
    """Return '269: 250 correct, 10 missed'; kinds that do not occur are left out."""
    parts = ", ".join(f"{counts[kind]:,} {word}" for kind, word in words.items() if counts[kind])
    total = sum(counts.values())
    return f"{total:,}: {parts}" if total else "none"


def missed_most(classes: Iterable[ClassErrors]) -> list[ClassErrors]:
    """Return the classes with missed labels, the largest share first."""
    missed = [one for one in classes if one.labels[Kind.MISSED]]
    return sorted(missed, key=lambda one: (-one.labels[Kind.MISSED] / one.labelled, -one.labels[Kind.MISSED]))


def doubts(analysis: Analysis) -> str:
    """Return how many labels are doubted, and of what kinds the likely ones are."""
    if not analysis.suspects:
        return "none: no label is doubted"
    likely = analysis.likely
    kinds = f" ({', '.join(_doubt(kind, number) for kind, number in likely.items())})" if likely else ""
    total = len(analysis.suspects)
    of = f"{total:,} labels and places" if total > 1 else "1 label or place"
    return f"{of}, {sum(likely.values()):,} of them with a score from {LIKELY:g} on{kinds}"


def suspect_line(suspect: Suspect) -> str:
    """Return one suspect in a line."""
    return f"{suspect.score:.2f} {suspect.kind}, {suspect.image.path.name}: {suspect.why}"


def _doubt(kind: Doubt, number: int) -> str:
    return plural(number, str(kind), PLURALS[kind])


def _scope(analysis: Analysis) -> str:
    figures = f"mAP {share(analysis.accuracy.map)}, mAP50 {share(analysis.accuracy.map50)}"
    return f"{len(analysis.images):,}, {figures}; errors at confidence {percent(analysis.of.confidence)}"


def _listed(parts: Iterable[str], total: int) -> str:
    shown = list(parts)
    more = f", and {total - len(shown)} more" if total > len(shown) else ""
    return ", ".join(shown) + more
